#!/bin/bash
# What a guest pays while the repository of a running backup hangs: 4 KiB random writes at depth 1 on a disk of 2 GiB, without a backup and with
# one whose repository's file system is frozen. Prints median, 99th and 99.9th percentile in microseconds, and the ratio of the 99th ones.
# Usage: bench/hung.sh [--rounds N] [--seconds S] [--rate IOPS]
#   --rate   at most so many writes a second; without it as many as go
# Needs root (a loop mount, fsfreeze) and fio.
set -euo pipefail
cd "$(dirname "$0")/.."
rounds=3 seconds=6 rate=0
while [ $# -gt 0 ]; do
    case $1 in
        --rounds) rounds=$2; shift ;;
        --seconds) seconds=$2; shift ;;
        --rate) rate=$2; shift ;;
        *) sed -n '2,6s/^# //p' "$0"; exit 2 ;;
    esac
    shift
done
work=$(mktemp -d "${TMPDIR:-/var/tmp}/abk-bench.XXXXXX")
node=
stop() {
    fsfreeze --unfreeze "$work/mnt" 2> /dev/null || true
    [ -z "$node" ] || { kill -9 "$node" 2> /dev/null || true; wait "$node" 2> /dev/null || true; }
    umount "$work/mnt" 2> /dev/null || true
    rm -rf "$work"
}
trap stop EXIT
export XDG_STATE_HOME=$work/state
size=$((2 * 1024 * 1024 * 1024))
{ openssl enc -aes-128-ctr -pass pass:bench -nosalt -pbkdf2 < /dev/zero 2> /dev/null || true; } | head -c $size > "$work/disk.raw"
truncate -s 4G "$work/slow.img"
mkfs.ext4 -q "$work/slow.img"
mkdir "$work/mnt"
mount -o loop "$work/slow.img" "$work/mnt"
sync
./abk version > "$work/version"
./abk node run --data "$work/data" --http 127.0.0.1:0 --nbd-socket "$work/abk.sock" > "$work/out" 2> "$work/err" &
node=$!
until grep -q '^ready' "$work/out"; do read -rt 0.05 < <(:) || true; done
ACTORBACKUP_ENDPOINT=$(grep -o 'http://[^ ]*' "$work/out")
export ACTORBACKUP_ENDPOINT
./abk disk add d --file "$work/disk.raw" > "$work/said"
./abk bitmap add d daily > "$work/said"
./abk repo create slow "file:$work/mnt/repository" --default > "$work/said"
write() { # name
    fio --name=j --ioengine=nbd "--uri=nbd+unix:///d?socket=$work/abk.sock" --rw=randwrite --bs=4k --iodepth=1 --norandommap --randrepeat=0 \
        --time_based "--runtime=$seconds" --size=$size "--rate_iops=$rate" --output-format=json --output="$work/fio" > "$work/fio.log" 2>&1 || { cat "$work/fio.log" "$work/fio" >&2; exit 1; }
    python3 - "$work/fio" "$1" <<'PY'
import json, sys
w = json.load(open(sys.argv[1]))['jobs'][0]['write']
p = w['clat_ns']['percentile']
print(f"{sys.argv[2]:16} {w['iops']:8.0f}/s  p50 {p['50.000000'] / 1000:6.0f}  p99 {p['99.000000'] / 1000:6.0f}  p99.9 {p['99.900000'] / 1000:6.0f} us")
PY
}
write warm-up > "$work/said"
for ((round = 0; round < rounds; round++)); do
    write 'no backup' | tee -a "$work/results"
    job=$(./abk backup d --sync full --rate 4M -o json | python3 -c 'import json,sys; print(json.load(sys.stdin)["id"])')
    fsfreeze --freeze "$work/mnt"
    ./abk job set-rate "$job" 0 > "$work/said"
    write 'hung repository' | tee -a "$work/results"
    fsfreeze --unfreeze "$work/mnt"
    ./abk job cancel "$job" --force > "$work/said" || true
    ./abk job wait "$job" > "$work/said" 2>&1 || true
done
python3 - "$work/results" <<'PY'
import statistics, sys
p99 = {}
for line in open(sys.argv[1]):
    p99.setdefault(line[:16].strip(), []).append(float(line.split('p99')[1].split()[0]))
print(f"p99, median of the rounds: {statistics.median(p99['hung repository']):.0f} us against {statistics.median(p99['no backup']):.0f} us, {statistics.median(p99['hung repository']) / statistics.median(p99['no backup']):.2f} times")
PY
awk '{ print "load average " $1 }' /proc/loadavg
