#!/bin/bash
# How long a group holds its guests' writes: 16 disks with a bitmap each, two of them under random writes as fast as they go, and groups of incremental
# backups of all, one after the other. Prints median, 99th percentile and maximum of the longest hold of each group, in milliseconds.
# Usage: bench/group.sh [--disks N] [--groups N]
# Needs: fio with the nbd engine, python3.
set -euo pipefail
cd "$(dirname "$0")/.."
disks=16 groups=100
while [ $# -gt 0 ]; do
    case $1 in
        --disks) disks=$2; shift ;;
        --groups) groups=$2; shift ;;
        *) sed -n '2,5s/^# //p' "$0"; exit 2 ;;
    esac
    shift
done
. bench/common.sh
./abk repo create main "file:$work/repo" --default > "$work/said"
for ((i = 0; i < disks; i++)); do
    truncate -s 1G "$work/d$i.raw"
    ./abk disk add "d$i" --file "$work/d$i.raw" > "$work/said"
    ./abk bitmap add "d$i" b > "$work/said"
done
for i in 0 1; do
    fio --name=j --ioengine=nbd --uri="nbd+unix:///d$i?socket=$work/nbd.sock" --rw=randwrite --bs=4k --iodepth=1 --size=256M --time_based --runtime=3600 > "$work/fio$i" 2>&1 &
    beside="$beside $!"
done
python3 - "$ACTORBACKUP_ENDPOINT" "$work/data/token" "$disks" "$groups" <<'PY'
import json, statistics, sys, urllib.request
endpoint, token, disks, groups = sys.argv[1], open(sys.argv[2]).read().strip(), int(sys.argv[3]), int(sys.argv[4])
def call(method, path, body=None):
    request = urllib.request.Request(endpoint + path, method=method, data=None if body is None else json.dumps(body).encode(),
                                     headers={'Authorization': f'Bearer {token}', 'Content-Type': 'application/json'})
    return json.load(urllib.request.urlopen(request))
holds = []
for i in range(groups + 1):
    sync = {'sync': 'full', 'policy': 'conditional'} if i == 0 else {'sync': 'incremental'}
    group = call('POST', '/v1/groups', {'completionMode': 'grouped', 'actions': [{'backup': {'disk': f'd{d}', 'bitmap': 'b', **sync}} for d in range(disks)]})
    while group['status'] != 'concluded':
        group = call('GET', f"/v1/groups/{group['id']}/wait?timeoutMs=10000")
    assert group['outcome'] == 'success', group
    if i:
        holds.append(group['holdMicroseconds'] / 1000)
holds.sort()
print(f'{disks} disks, {groups} groups: hold median {statistics.median(holds):.2f} ms, p99 {holds[int(len(holds) * 0.99) - 1]:.2f} ms, maximum {holds[-1]:.2f} ms')
PY
awk '{ print "load average " $1 }' /proc/loadavg
