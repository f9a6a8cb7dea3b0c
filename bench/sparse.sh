#!/bin/bash
# What 655 dirty blocks cost on a sparse disk of 4 GiB and on one of 4 TiB: the incremental backup's processor seconds, wall seconds and the growth of the
# node's peak memory, and their ratios. Each disk has a node of its own.
# Usage: bench/sparse.sh [--rounds N]
# Needs: python3, qemu-io (qemu-utils); a file system that takes sparse files of 4 TiB.
set -euo pipefail
cd "$(dirname "$0")/.."
rounds=3
[ "${1-}" != --rounds ] || rounds=$2
work=$(mktemp -d "${TMPDIR:-/var/tmp}/abk-bench.XXXXXX")
node=
stop() { [ -z "$node" ] || { kill -9 "$node" 2> /dev/null || true; wait "$node" 2> /dev/null || true; }; rm -rf "$work"; }
trap stop EXIT
export XDG_STATE_HOME=$work/state
./abk version > "$work/version"
for size in 4G 4T; do
    ./abk node run --data "$work/data-$size" --http 127.0.0.1:0 --nbd-socket "$work/nbd.sock" > "$work/out" 2> "$work/err" &
    node=$!
    until grep -q '^ready' "$work/out"; do kill -0 $node; read -rt 0.05 < <(:) || true; done
    ACTORBACKUP_ENDPOINT=$(grep -o 'http://[^ ]*' "$work/out")
    export ACTORBACKUP_ENDPOINT
    truncate -s "$size" "$work/$size.raw"
    ./abk repo create main "file:$work/repo-$size" --default > "$work/said"
    ./abk disk add d --file "$work/$size.raw" > "$work/said"
    ./abk bitmap add d b > "$work/said"
    ./abk backup d --sync full --bitmap b --policy always --wait > "$work/said" 2>&1
    for ((round = 0; round < rounds; round++)); do
        python3 -c "
import random
r = random.Random($round)
blocks = {'4G': 1 << 16, '4T': 1 << 26}['$size']
for b in r.sample(range(blocks), 655): print(f'write -q -P {r.randrange(1, 255)} {b * 65536} 65536')" | qemu-io -f raw "nbd+unix:///d?socket=$work/nbd.sock" > "$work/said"
        echo 5 > "/proc/$node/clear_refs" 2> /dev/null || true
        before=$(awk '/VmRSS/ { print $2 }' "/proc/$node/status")
        cpu=$(awk '{ print $14 + $15 }' "/proc/$node/stat")
        began=$(date +%s%N)
        ./abk backup d --sync incremental --bitmap b --wait > "$work/said" 2>&1
        ended=$(date +%s%N)
        echo "$size $(($(awk '{ print $14 + $15 }' "/proc/$node/stat") - cpu)) $(((ended - began) / 1000000)) $(($(awk '/VmHWM/ { print $2 }' "/proc/$node/status") - before)) $(awk '/VmHWM/ { print $2 }' "/proc/$node/status")" >> "$work/results"
    done
    kill "$node"; wait "$node" || true
    node=
done
python3 - "$work/results" <<'PY'
import collections, statistics, sys
rows = collections.defaultdict(list)
for line in open(sys.argv[1]):
    size, *figures = line.split()
    rows[size].append([float(x) for x in figures])
mid = {s: [statistics.median(c) for c in zip(*v)] for s, v in rows.items()}
for s, (cpu, wall, grown, peak) in mid.items():
    print(f'{s}: {cpu / 100:.2f} CPU s, {wall / 1000:.2f} s, peak {peak / 1024:.0f} MiB, grown by {grown / 1024:.0f} MiB')
a, b = mid['4G'], mid['4T']
print(f'4T / 4G: CPU {b[0] / max(a[0], 1):.2f}, wall {b[1] / max(a[1], 1):.2f}, peak memory {b[3] / a[3]:.2f}')
PY
awk '{ print "load average " $1 }' /proc/loadavg
