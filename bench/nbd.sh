#!/bin/bash
# 4 KiB random and 1 MiB sequential I/O through NBD over a unix socket: ActorBackup with a recording bitmap (crash-safe),
# ActorBackup without one, QEMU's storage daemon with a dirty bitmap, nbdkit's file plugin. All servers take turns in every round.
# Prints operations per second (median of the rounds), the server's CPU microseconds per operation, and ratios.
# Usage: bench/nbd.sh [--rounds N] [--seconds S] [--cold] [--only PATTERN]
#   --cold   drop the page cache before every reading run (needs root)
# Needs: fio, qemu-storage-daemon (Debian: qemu-system-common), nbdkit. Those that are missing are left out.
set -euo pipefail
cd "$(dirname "$0")/.."
rounds=3 seconds=3 cold=false only=.
while [ $# -gt 0 ]; do
    case $1 in
        --rounds) rounds=$2; shift ;;
        --seconds) seconds=$2; shift ;;
        --only) only=$2; shift ;;
        --cold) cold=true ;;
        *) sed -n '2,7s/^# //p' "$0"; exit 2 ;;
    esac
    shift
done
command -v fio > /dev/null || { echo 'bench: fio is missing (Debian: fio)' >&2; exit 1; }
work=$(mktemp -d "${TMPDIR:-/var/tmp}/abk-bench.XXXXXX")
declare -A pid uri
stop() { for s in "${!pid[@]}"; do disown "${pid[$s]}" 2> /dev/null || true; kill -9 "${pid[$s]}" 2> /dev/null || true; done; rm -rf "$work"; }
trap stop EXIT
export XDG_STATE_HOME=$work/state
size=$((1024 * 1024 * 1024))
for image in abk plain qsd nbdkit; do
    { openssl enc -aes-128-ctr -pass pass:bench -nosalt -pbkdf2 < /dev/zero 2> /dev/null || true; } | head -c $size > "$work/$image.raw"
done
sync
await() { until [ -S "$1" ]; do read -rt 0.02 < <(:) || true; done; }

./abk version > "$work/version"
: > "$work/out"
./abk node run --data "$work/data" --http 127.0.0.1:0 --nbd-socket "$work/abk.sock" > "$work/out" 2> "$work/err" &
pid[abk]=$!
pid[plain]=${pid[abk]}
until grep -q '^ready' "$work/out"; do read -rt 0.05 < <(:) || true; done
url=$(grep -o 'http://[^ ]*' "$work/out")
for disk in abk plain; do
    ./abk disk add $disk --file "$work/$disk.raw" --endpoint "$url" > "$work/added"
    uri[$disk]="nbd+unix:///$disk?socket=$work/abk.sock"
done
./abk bitmap add abk daily --endpoint "$url" > "$work/added"
if command -v qemu-storage-daemon > /dev/null; then
    qemu-storage-daemon --blockdev "driver=file,node-name=d,filename=$work/qsd.raw" \
        --nbd-server "addr.type=unix,addr.path=$work/qsd.sock,max-connections=0" --export type=nbd,id=e,node-name=d,name=e,writable=on \
        --chardev "socket,id=c,path=$work/qmp.sock,server=on,wait=off" --monitor chardev=c &
    pid[qsd]=$!
    await "$work/qsd.sock"; await "$work/qmp.sock"
    python3 - "$work/qmp.sock" <<'PY'
import json, socket, sys
s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); f = s.makefile('rw'); f.readline()
for c in ({'execute': 'qmp_capabilities'}, {'execute': 'block-dirty-bitmap-add', 'arguments': {'node': 'd', 'name': 'b', 'granularity': 65536}}):
    f.write(json.dumps(c) + '\n'); f.flush()
    assert 'return' in json.loads(f.readline())
PY
    uri[qsd]="nbd+unix:///e?socket=$work/qsd.sock"
fi
if command -v nbdkit > /dev/null; then
    nbdkit --foreground --unix "$work/nbdkit.sock" file "$work/nbdkit.raw" &
    pid[nbdkit]=$!
    await "$work/nbdkit.sock"
    uri[nbdkit]="nbd+unix:///?socket=$work/nbdkit.sock"
fi

ticks() { awk '{ print $14 + $15 }' "/proc/$1/stat"; }
run() { # server, job
    local before after
    ! $cold || [[ $2 != *read* ]] || { sync; echo 3 > /proc/sys/vm/drop_caches; }
    read -r _ rw bs depth <<< "$2"
    before=$(ticks "${pid[$1]}")
    fio --name=j --ioengine=nbd "--uri=${uri[$1]}" "--rw=$rw" "--bs=$bs" "--iodepth=$depth" --time_based "--runtime=$seconds" \
        --size=$size --randrepeat=1 --minimal --output="$work/fio" > "$work/fio.log" 2>&1 || { cat "$work/fio.log" "$work/fio" >&2; exit 1; }
    after=$(ticks "${pid[$1]}")
    # Terse v3: fields 6-8 of the reading half are KiB moved, KiB/s, IOPS; 47-49 of the writing half.
    awk -F';' -v cpu=$((after - before)) -v server="$1" -v job="$2" -v bs="${bs%k}" '
        { kib = $6 + $47; ops = kib / bs; print server "|" job "|" $8 + $49 "|" (ops > 0 ? cpu * 10000 / ops : 0) }' "$work/fio" >> "$work/results"
}

jobs=('write-1 randwrite 4k 1' 'write-16 randwrite 4k 16' 'read-1 randread 4k 1' 'read-16 randread 4k 16' 'seq-write write 1024k 4' 'seq-read read 1024k 4')
for ((round = 0; round < rounds; round++)); do
    for job in "${jobs[@]}"; do
        [[ $job =~ $only ]] || continue
        for server in abk plain qsd nbdkit; do
            [ -z "${uri[$server]-}" ] || run "$server" "$job"
        done
    done
done
python3 - "$work/results" <<'PY'
import collections, statistics, sys
rows = collections.defaultdict(list)
for line in open(sys.argv[1]):
    server, job, iops, cpu = line.strip().split('|')
    rows[job.split()[0], server].append((float(iops), float(cpu)))
mid = {k: (statistics.median(i for i, _ in v), statistics.median(c for _, c in v)) for k, v in rows.items()}
print(f"{'job':10}" + ''.join(f"{s:>22}" for s in ('abk (tracked)', 'abk (no bitmap)', 'QEMU + bitmap', 'nbdkit file')) + f"{'abk/QEMU':>10}{'abk/nbdkit':>11}")
for job in dict.fromkeys(j for j, _ in mid):
    cell = lambda s: f"{mid[job, s][0]:>11.0f}/s {mid[job, s][1]:>6.0f} us" if (job, s) in mid else ' ' * 22
    ratio = lambda s: f"{mid[job, 'abk'][0] / mid[job, s][0]:.2f}" if (job, s) in mid else '-'
    print(f"{job:10}" + ''.join(f"{cell(s):>22}" for s in ('abk', 'plain', 'qsd', 'nbdkit')) + f"{ratio('qsd'):>10}{ratio('nbdkit'):>11}")
PY
awk '{ print "load average " $1 }' /proc/loadavg
