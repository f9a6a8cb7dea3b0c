#!/bin/bash
# How soon a recovery point is readable over NBD: from the request to export it until the first byte has come, connecting included, of the first export
# of a node's life and of later ones; then its sequential and random reads. The image: 1 GiB, half of it incompressible.
# Usage: bench/export.sh [--rounds N]
# Needs: python3.
set -euo pipefail
cd "$(dirname "$0")/.."
rounds=5
while [ $# -gt 0 ]; do
    case $1 in
        --rounds) rounds=$2; shift ;;
        *) sed -n '2,5s/^# //p' "$0"; exit 2 ;;
    esac
    shift
done
. bench/common.sh
python3 - "$work/disk.raw" <<'PY'
import random, sys
r = random.Random(7)
with open(sys.argv[1], 'wb') as f:
    for i in range(1 << 10):
        f.write(r.randbytes(1 << 19) + b'abk ' * (1 << 17))
PY
./abk repo create main "file:$work/repo" --default > "$work/said"
./abk disk add d --file "$work/disk.raw" > "$work/said"
./abk backup d --sync full --wait > "$work/said" 2>&1

# A new life: nothing is compiled, loaded or cached.
kill "$node"; wait "$node" || true
./abk node run --data "$work/data" --http 127.0.0.1:0 --nbd-socket "$work/nbd.sock" > "$work/out" 2> "$work/err" &
node=$!
until grep -q '^ready' "$work/out"; do kill -0 $node; read -rt 0.05 < <(:) || true; done
ACTORBACKUP_ENDPOINT=$(grep -o 'http://[^ ]*' "$work/out")
python3 - "$ACTORBACKUP_ENDPOINT" "$work/data/token" "$work/nbd.sock" "$work/disk.raw" "$rounds" <<'PY'
import json, random, socket, struct, sys, time, urllib.request
endpoint, token, path, image, rounds = sys.argv[1], open(sys.argv[2]).read().strip(), sys.argv[3], open(sys.argv[4], 'rb'), int(sys.argv[5])
def call(method, path, body=None):
    request = urllib.request.Request(endpoint + path, method=method, data=None if body is None else json.dumps(body).encode(),
                                     headers={'Authorization': f'Bearer {token}', 'Content-Type': 'application/json'})
    text = urllib.request.urlopen(request).read()
    return json.loads(text) if text else None
class Client:
    """The least of an NBD client: NBD_OPT_EXPORT_NAME, then simple reads, one at a time."""
    def __init__(self, name):
        self.s = socket.socket(socket.AF_UNIX); self.s.connect(path)
        assert self.take(16) == b'NBDMAGICIHAVEOPT'
        self.take(2)
        self.s.sendall(struct.pack('>I', 3) + b'IHAVEOPT' + struct.pack('>II', 1, len(name)) + name.encode())
        self.size = struct.unpack('>QH', self.take(10))[0]
    def take(self, n):
        got = bytearray(n); view = memoryview(got)
        while n:
            k = self.s.recv_into(view); assert k; view = view[k:]; n -= k
        return bytes(got)
    def read(self, offset, length):
        self.s.sendall(struct.pack('>IHHQQI', 0x25609513, 0, 0, 7, offset, length))
        magic, error, _ = struct.unpack('>IIQ', self.take(16))
        assert magic == 0x67446698 and error == 0, error
        return self.take(length)
point = call('GET', '/v1/points')[0]['id']
for i in range(rounds):
    name = f'bench-{i}'
    began = time.monotonic(); call('POST', f'/v1/points/{point}/export', {'name': name}); exported = time.monotonic()
    client = Client(name); first = client.read(0, 512); ready = time.monotonic()
    image.seek(0); assert first == image.read(512)
    print(f'{"first of the node" if i == 0 else "later"}: first byte after {(ready - began) * 1000:.0f} ms, of which the export {(exported - began) * 1000:.0f} ms', flush=True)
    if i == rounds - 1:
        began = time.monotonic()
        for offset in range(0, client.size, 1 << 20):
            data = client.read(offset, 1 << 20)
            image.seek(offset); assert data == image.read(1 << 20)
        wall = time.monotonic() - began
        r = random.Random(1); began = time.monotonic()
        for _ in range(2000):
            offset = r.randrange(client.size >> 12) << 12
            data = client.read(offset, 4096); image.seek(offset); assert data == image.read(4096)
        print(f'sequential {client.size / wall / (1 << 20):.0f} MiB/s, random 4 KiB at depth 1 {2000 / (time.monotonic() - began):.0f} per second')
    client.s.close()
    call('DELETE', f'/v1/exports/{name}')
PY
awk '{ print "load average " $1 }' /proc/loadavg
