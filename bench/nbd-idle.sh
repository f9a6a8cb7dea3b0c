#!/bin/bash
# What idle NBD connections cost a node: resident memory before and after 1,000 clients that have chosen an export and read once.
# Usage: bench/nbd-idle.sh [--connections N]
# Needs: python3; openssl for the connections over TLS, which are left out without it.
set -euo pipefail
cd "$(dirname "$0")/.."
connections=1000
while [ $# -gt 0 ]; do
    case $1 in
        --connections) connections=$2; shift ;;
        *) sed -n '2,4s/^# //p' "$0"; exit 2 ;;
    esac
    shift
done
work=$(mktemp -d "${TMPDIR:-/var/tmp}/abk-bench.XXXXXX")
node=
stop() { [ -z "$node" ] || kill "$node" 2> /dev/null || true; rm -rf "$work"; }
trap stop EXIT
export XDG_STATE_HOME=$work/state
truncate -s 64M "$work/disk.raw"
tls=()
if command -v openssl > /dev/null; then
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost \
        -keyout "$work/key.pem" -out "$work/cert.pem" 2> /dev/null
    tls=(--nbd-tls allow --nbd-tls-certificate "$work/cert.pem" --nbd-tls-key "$work/key.pem")
fi
measure() { # kind
    : > "$work/out"
    ./abk node run --data "$work/data" --http 127.0.0.1:0 --nbd 127.0.0.1:0 "${tls[@]}" > "$work/out" 2> "$work/err" &
    node=$!
    until grep -q '^ready' "$work/out"; do read -rt 0.05 < <(:) || true; done
    ./abk disk add d --file "$work/disk.raw" --endpoint "$(grep -o 'http://[^ ]*' "$work/out")" > "$work/added" 2>&1 || true
    python3 - "$node" "$1" "$connections" "$(grep -o 'tcp:127.0.0.1:[0-9]*' "$work/out" | cut -d: -f3)" <<'PY'
import socket, ssl, struct, sys
pid, kind, count, port = int(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
def rss():
    return next(int(l.split()[1]) for l in open(f'/proc/{pid}/status') if l.startswith('VmRSS')) / 1024
def take(s, n):
    b = b''
    while len(b) < n:
        p = s.recv(n - len(b)); assert p; b += p
    return b
def option(s, number, data):
    s.sendall(b'IHAVEOPT' + struct.pack('>II', number, len(data)) + data)
    while True:
        _, _, kind, length = struct.unpack('>QIII', take(s, 20)); take(s, length)
        if kind == 1: return
        assert kind < 1 << 31, kind
def connect():
    s = socket.create_connection(('127.0.0.1', port))
    take(s, 18); s.sendall(struct.pack('>I', 3))
    if kind == 'tls':
        option(s, 5, b'')
        c = ssl.create_default_context(); c.check_hostname = False; c.verify_mode = ssl.CERT_NONE
        s = c.wrap_socket(s)
    option(s, 7, struct.pack('>I', 1) + b'd' + struct.pack('>H', 0))
    s.sendall(struct.pack('>IHHQQI', 0x25609513, 0, 0, 1, 0, 4096)); take(s, 16 + 4096)
    return s
warm = [connect() for _ in range(20)]
before = rss()
idle = [connect() for _ in range(count)]
after = rss()
print(f'{count} idle connections, {kind}: {before:.0f} MiB before, {after:.0f} MiB after: {after - before:.0f} MiB, {(after - before) * 1024 / count:.0f} KiB each')
PY
    kill "$node"; wait "$node" || true
    node=
}
measure plain
[ ${#tls[@]} = 0 ] || measure tls
