#!/bin/bash
# What ending a job costs on a disk of 16 TiB (256 M blocks of 64 KiB), sparse, with 655 blocks dirty: from "finalize" until the job is concluded, publication
# of the point included; five times. Also the node's peak memory.
# Usage: bench/settle.sh
# Needs: python3, qemu-io (qemu-utils); a file system that takes sparse files of 15 TiB.
set -euo pipefail
cd "$(dirname "$0")/.."
. bench/common.sh
truncate -s 16383G "$work/d.raw"
./abk repo create main "file:$work/repo" --default > "$work/said"
./abk disk add d --file "$work/d.raw" > "$work/said"
./abk bitmap add d b > "$work/said"
./abk backup d --sync full --bitmap b --policy always --wait > "$work/said" 2>&1
for ((round = 0; round < 5; round++)); do
    python3 -c "
import random
r = random.Random($round)
for b in r.sample(range(16383 << 14), 655): print(f'write -q -P {r.randrange(1, 255)} {b * 65536} 65536')" | qemu-io -f raw "nbd+unix:///d?socket=$work/nbd.sock" > "$work/said"
    python3 - "$ACTORBACKUP_ENDPOINT" "$work/data/token" <<'PY'
import json, sys, time, urllib.request
endpoint, token = sys.argv[1], open(sys.argv[2]).read().strip()
def call(method, path, body=None):
    request = urllib.request.Request(endpoint + path, method=method, data=None if body is None else json.dumps(body).encode(),
                                     headers={'Authorization': f'Bearer {token}', 'Content-Type': 'application/json'})
    return json.load(urllib.request.urlopen(request))
job = call('POST', '/v1/backups', {'disk': 'd', 'sync': 'incremental', 'bitmap': 'b', 'noAutoFinalize': True})
while job['status'] != 'pending':
    job = call('GET', f"/v1/jobs/{job['id']}/wait?timeoutMs=10000")
began = time.monotonic()
call('POST', f"/v1/jobs/{job['id']}/finalize", {})
while job['status'] != 'concluded':
    job = call('GET', f"/v1/jobs/{job['id']}/wait?timeoutMs=10000")
assert job['outcome'] == 'success', job
print(f'from finalize to concluded: {(time.monotonic() - began) * 1000:.0f} ms')
PY
done
awk '/VmHWM/ { printf "peak memory %d MiB\n", $2 / 1024 }' "/proc/$node/status"
awk '{ print "load average " $1 }' /proc/loadavg
