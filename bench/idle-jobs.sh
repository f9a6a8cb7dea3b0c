#!/bin/bash
# What 1,000 backups that do nothing cost a node: resident memory with 1,000 small disks, then with a job on each that waits in pending for a person, and
# with one on each that is paused in the middle of its copy. The aim is less than 100 MiB above the node with the disks.
# Usage: bench/idle-jobs.sh [--jobs N]
# Needs: python3.
set -euo pipefail
cd "$(dirname "$0")/.."
jobs=1000
while [ $# -gt 0 ]; do
    case $1 in
        --jobs) jobs=$2; shift ;;
        *) sed -n '2,5s/^# //p' "$0"; exit 2 ;;
    esac
    shift
done
. bench/common.sh
./abk repo create main "file:$work/repo" --default > "$work/said"
python3 - "$ACTORBACKUP_ENDPOINT" "$work/data/token" "$node" "$work" "$jobs" <<'PY'
import json, os, sys, time, urllib.request
endpoint, token, node, work, count = sys.argv[1], open(sys.argv[2]).read().strip(), sys.argv[3], sys.argv[4], int(sys.argv[5])
def call(method, path, body=None):
    request = urllib.request.Request(endpoint + path, method=method, data=None if body is None else json.dumps(body).encode(),
                                     headers={'Authorization': f'Bearer {token}', 'Content-Type': 'application/json'})
    text = urllib.request.urlopen(request).read()
    return json.loads(text) if text else None
def figures():
    status = dict(l.split(':', 1) for l in open(f'/proc/{node}/status') if ':' in l)
    return int(status['VmRSS'].split()[0]) / 1024, int(status['Threads'])
def say(what, base):
    time.sleep(15)
    memory, threads = figures()
    ticks = lambda: sum(int(t) for t in open(f'/proc/{node}/stat').read().rsplit(')', 1)[1].split()[11:13])
    before = ticks(); time.sleep(10)
    print(f'{what}: {memory:.0f} MiB, {memory - base:+.0f} MiB, {threads} threads, {(ticks() - before) / os.sysconf("SC_CLK_TCK") / 10:.3f} of a core', flush=True)
    return memory
def run(kind, body, status, then):
    began = time.monotonic()
    ids = [call('POST', '/v1/backups', {'disk': f'd{i}', 'sync': 'full', 'bitmap': 'b', 'policy': 'always', **body})['id'] for i in range(count)]
    for job in ids:
        if then:
            call('POST', f'/v1/jobs/{job}/{then}', {})
        while True:
            state = call('GET', f'/v1/jobs/{job}')
            if state['status'] == status:
                break
            assert state['outcome'] is None, state
            time.sleep(0.02)
    print(f'{count} jobs are {kind} after {time.monotonic() - began:.1f} s', flush=True)
    return ids
idle = say('idle node', figures()[0])
for i in range(count):
    path = f'{work}/d{i}.raw'
    with open(path, 'wb') as f:
        f.write(os.urandom(1 << 17)); f.truncate(1 << 20)
    call('POST', '/v1/disks', {'id': f'd{i}', 'file': path})
    call('POST', f'/v1/disks/d{i}/bitmaps', {'name': 'b'})
base = say(f'{count} disks', idle)
ids = run('pending', {'noAutoFinalize': True}, 'pending', None)
say(f'{count} jobs in pending', base)
for job in ids:
    call('POST', f'/v1/jobs/{job}/finalize', {})
for job in ids:
    while call('GET', f'/v1/jobs/{job}/wait?timeoutMs=1000')['status'] != 'concluded':
        pass
base = say('no job any more', base)
run('paused', {'rate': 1}, 'paused', 'pause')
say(f'{count} paused jobs', base)
PY
awk '{ print "load average " $1 }' /proc/loadavg
