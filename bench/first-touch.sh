#!/bin/bash
# Random 4 KiB writes at depth 16 all over fresh disks of 32 GiB, so that every write is the first into its block and most are the first into their
# write-intent region: a disk with a recording bitmap against one without, in turn. Prints writes per second and the ratio.
# Usage: bench/first-touch.sh [--rounds N] [--seconds S]
# Needs: fio.
set -euo pipefail
cd "$(dirname "$0")/.."
rounds=3 seconds=3
while [ $# -gt 0 ]; do
    case $1 in
        --rounds) rounds=$2; shift ;;
        --seconds) seconds=$2; shift ;;
        *) sed -n '2,5s/^# //p' "$0"; exit 2 ;;
    esac
    shift
done
work=$(mktemp -d "${TMPDIR:-/var/tmp}/abk-bench.XXXXXX")
node=
stop() { [ -z "$node" ] || { kill -9 "$node" 2> /dev/null || true; wait "$node" 2> /dev/null || true; }; rm -rf "$work"; }
trap stop EXIT
export XDG_STATE_HOME=$work/state
./abk version > "$work/version"
./abk node run --data "$work/data" --http 127.0.0.1:0 --nbd-socket "$work/abk.sock" > "$work/out" 2> "$work/err" &
node=$!
until grep -q '^ready' "$work/out"; do read -rt 0.05 < <(:) || true; done
ACTORBACKUP_ENDPOINT=$(grep -o 'http://[^ ]*' "$work/out")
export ACTORBACKUP_ENDPOINT
write() { # name
    truncate -s 32G "$work/$1.raw"
    ./abk disk add "$1" --file "$work/$1.raw" > "$work/said"
    [[ $1 != tracked* ]] || ./abk bitmap add "$1" daily > "$work/said"
    fio --name=j --ioengine=nbd "--uri=nbd+unix:///$1?socket=$work/abk.sock" --rw=randwrite --bs=4k --iodepth=16 --norandommap --randrepeat=0 \
        --time_based "--runtime=$seconds" --size=32G --output-format=json --output="$work/fio" > "$work/fio.log" 2>&1 || { cat "$work/fio.log" "$work/fio" >&2; exit 1; }
    python3 -c 'import json, sys; print(int(json.load(open(sys.argv[1]))["jobs"][0]["write"]["iops"]))' "$work/fio"
    ./abk disk remove "$1" > "$work/said"
    rm "$work/$1.raw"
}
write warm-up > "$work/said"
for ((round = 0; round < rounds; round++)); do
    plain=$(write "plain-$round")
    tracked=$(write "tracked-$round")
    awk -v t="$tracked" -v p="$plain" 'BEGIN { printf "tracked %7d/s   untracked %7d/s   ratio %.2f\n", t, p, t / p }'
done
awk '{ print "load average " $1 }' /proc/loadavg
