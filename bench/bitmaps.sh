#!/bin/bash
# What 1,000 bitmaps on one disk cost: how long it takes to add and to list them, and, with 1, 100 and 1,000 of them recording, what a guest's writes
# reach (of blocks that are clean in all, of 64 KiB each, and random ones of 4 KiB afterwards), the node's memory and the tracking file.
# Usage: bench/bitmaps.sh [--gib N] [--seconds S]
# Needs: fio with the nbd engine, python3.
set -euo pipefail
cd "$(dirname "$0")/.."
gib=4 seconds=8
while [ $# -gt 0 ]; do
    case $1 in
        --gib) gib=$2; shift ;;
        --seconds) seconds=$2; shift ;;
        *) sed -n '2,5s/^# //p' "$0"; exit 2 ;;
    esac
    shift
done
. bench/common.sh
truncate -s "${gib}G" "$work/d.raw"
./abk disk add d --file "$work/d.raw" > "$work/said"
python3 - "$ACTORBACKUP_ENDPOINT" "$work/data/token" "$node" "$work/nbd.sock" "$gib" "$seconds" <<'PY'
import json, os, subprocess, sys, time, urllib.request
endpoint, token, node, socket, gib, seconds = sys.argv[1], open(sys.argv[2]).read().strip(), *sys.argv[3:]
def call(method, path, body=None):
    request = urllib.request.Request(endpoint + path, method=method, data=None if body is None else json.dumps(body).encode(),
                                     headers={'Authorization': f'Bearer {token}', 'Content-Type': 'application/json'})
    text = urllib.request.urlopen(request).read()
    return json.loads(text) if text else None
def rss():
    return next(int(l.split()[1]) for l in open(f'/proc/{node}/status') if l.startswith('VmRSS')) / 1024
def fio(*more):
    said = subprocess.run(['fio', '--name=j', '--ioengine=nbd', f'--uri=nbd+unix:///d?socket={socket}', '--rw=randwrite', '--output-format=json', *more],
                          check=True, capture_output=True, text=True).stdout
    return json.loads(said[said.index('{'):])['jobs'][0]['write']['iops']
blocks = int(gib) << 14
tracking = call('GET', '/v1/disks/d')['trackingFile']
fio('--bs=64k', '--iodepth=8', '--size=64M')
empty = rss()
print(f'no bitmap: {empty:.0f} MiB, tracking file {os.stat(tracking).st_blocks * 512 / 1024:.0f} KiB')
added = 0
for count in (1, 100, 1000):
    began = time.monotonic()
    for i in range(added, count):
        call('POST', '/v1/disks/d/bitmaps', {'name': f'b{i:04}'})
    took = time.monotonic() - began
    began = time.monotonic()
    assert len(call('GET', '/v1/disks/d/bitmaps')) == count
    listed = time.monotonic() - began
    for i in range(added):
        call('POST', f'/v1/disks/d/bitmaps/b{i:04}/clear', {})
    first = fio('--bs=64k', '--iodepth=8', f'--size={gib}G')
    again = fio('--bs=4k', '--iodepth=8', f'--size={gib}G', '--time_based', f'--runtime={seconds}')
    dirty = min(b['dirtyBytes'] for b in call('GET', '/v1/disks/d/bitmaps')) >> 16
    now = rss()
    print(f'{count} bitmaps: {took * 1000 / (count - added):.1f} ms to add one, {listed * 1000:.1f} ms to list all; clean blocks {first:.0f} IOPS, random {again:.0f} IOPS; '
          f'{now:.0f} MiB, {(now - empty) * (1 << 20) / count / blocks:.3f} bytes per block and bitmap ({dirty} of {blocks} dirty); tracking file {os.stat(tracking).st_blocks * 512 / 1024:.0f} KiB')
    added = count
PY
awk '{ print "load average " $1 }' /proc/loadavg
