#!/bin/bash
# Full backup, incremental of 1 %, restore and verify of one image by ActorBackup, restic, borg, qemu-img and QEMU's backup job, in turn: processor
# seconds, wall seconds, peak memory and bytes, as ratios to the peers. Restored bytes are compared with the image. Peers that are missing are left out.
# The image: by block of 64 KiB 35 % zero, 10 % duplicates, 55 % unique, of which about two thirds compress.
# Usage: bench/backup.sh [--gib N] [--rounds N] [--only PEERS]     PEERS: comma-separated, of restic borg qemu; none: ActorBackup alone
# Needs: python3; restic, borg (Debian: borgbackup), qemu-img (qemu-utils), qemu-storage-daemon (qemu-system-common). GNU time is not needed.
set -euo pipefail
cd "$(dirname "$0")/.."
gib=4 rounds=1 only=restic,borg,qemu
while [ $# -gt 0 ]; do
    case $1 in
        --gib) gib=$2; shift ;;
        --rounds) rounds=$2; shift ;;
        --only) only=$2; shift ;;
        *) sed -n '2,7s/^# //p' "$0"; exit 2 ;;
    esac
    shift
done
work=$(mktemp -d "${TMPDIR:-/var/tmp}/abk-bench.XXXXXX")
node=
stop() {
    [ -z "$node" ] || { kill -9 "$node" 2> /dev/null || true; wait "$node" 2> /dev/null || true; }
    [ -z "${qsd-}" ] || kill -9 "$qsd" 2> /dev/null || true
    rm -rf "$work"
}
trap stop EXIT
export XDG_STATE_HOME=$work/state
wants() { [[ ,$only, == *,$1,* ]] && command -v "$2" > /dev/null; }

python3 - "$work/disk.raw" "$gib" <<'PY'
import hashlib, random, sys
path, gib = sys.argv[1], int(sys.argv[2])
block, r = 65536, random.Random(7)
words = [bytes(r.choices(b'abcdefghijklmnopqrstuvwxyz', k=r.randint(2, 9))) + b' ' for _ in range(3000)]
duplicates = [r.randbytes(block) for _ in range(16)]
with open(path, 'wb') as f:
    f.truncate(gib << 30)
    for i in range((gib << 30) // block):
        kind = r.random()
        if kind < 0.35:
            continue
        f.seek(i * block)
        if kind < 0.45:
            f.write(duplicates[r.randrange(16)])
        elif kind < 0.80:
            f.write((b''.join(r.choices(words, k=block // 5)))[:block])
        else:
            f.write(r.randbytes(block))
PY
sync

# Runs a command and writes: processor seconds, wall seconds, peak MiB of it and its children.
cat > "$work/measure.py" <<'PY'
import os, resource, subprocess, sys, time
out, argv = sys.argv[1], sys.argv[2:]
began = time.monotonic()
code = subprocess.call(argv, stdout=open(out + '.said', 'w'), stderr=subprocess.STDOUT)
wall = time.monotonic() - began
u = resource.getrusage(resource.RUSAGE_CHILDREN)
print(f'{u.ru_utime + u.ru_stime:.2f} {wall:.2f} {u.ru_maxrss / 1024:.0f}')
if code:
    sys.stderr.write(open(out + '.said').read())
    sys.exit(code)
PY
record() { printf '%s|%s|%s\n' "$1" "$2" "$3" >> "$work/results"; } # who|what|cpu wall mem
external() { local who=$1 what=$2; shift 2; record "$who" "$what" "$(python3 "$work/measure.py" "$work/run" "$@")"; }
cpu_of() { awk '{ print ($14 + $15) / 100 }' "/proc/$1/stat"; }
peak_of() { awk '/VmHWM/ { printf "%.0f", $2 / 1024 }' "/proc/$1/status"; }
inside() { # who, what, pid, command…: a job inside a running process
    local who=$1 what=$2 pid=$3 c t; shift 3
    echo 5 > "/proc/$pid/clear_refs" 2> /dev/null || true
    c=$(cpu_of "$pid"); t=$(date +%s.%N)
    "$@" > "$work/run.said" 2>&1 || { cat "$work/run.said" >&2; exit 1; }
    record "$who" "$what" "$(python3 -c "print(f'{$(cpu_of "$pid") - $c:.2f} {$(date +%s.%N) - $t:.2f} $(peak_of "$pid")')")"
}
bytes_of() { du -s --block-size=1 "$1" | cut -f1; }
size() { record "$1" "$2" "$(bytes_of "$3") 0 0"; }
same() { cmp "$work/disk.raw" "$1" || { echo "bench: $1 is not the image" >&2; exit 1; }; rm -f "$1"; }
dirty() { # writes 4 KiB into every 100th block of what it is given
    local i
    for ((i = 0; i < gib * 16384; i += 100)); do echo "write -q -P $(((i * 7 + $2) % 251)) $((i * 65536 + 8192)) 4096"; done | qemu-io -f raw "$1" > "$work/run.said"
}

./abk version > "$work/version"
for ((round = 0; round < rounds; round++)); do
    # ActorBackup, as it is used: the disk is served by a running node.
    rm -rf "$work/data" "$work/repo" "$work/disk.raw.abktrack"
    ./abk node run --data "$work/data" --http 127.0.0.1:0 --nbd-socket "$work/nbd.sock" > "$work/out" 2> "$work/err" &
    node=$!
    until grep -q '^ready' "$work/out"; do kill -0 $node; read -rt 0.05 < <(:) || true; done
    ACTORBACKUP_ENDPOINT=$(grep -o 'http://[^ ]*' "$work/out")
    export ACTORBACKUP_ENDPOINT
    ./abk repo create main "file:$work/repo" --default > "$work/run.said"
    ./abk disk add d --file "$work/disk.raw" > "$work/run.said"
    ./abk bitmap add d daily > "$work/run.said"
    inside abk full "$node" ./abk backup d --sync full --bitmap daily --policy always --wait
    size abk bytes "$work/repo"
    dirty "nbd+unix:///d?socket=$work/nbd.sock" "$round"
    before=$(bytes_of "$work/repo")
    inside abk incremental "$node" ./abk backup d --sync incremental --bitmap daily --wait
    record abk added "$(($(bytes_of "$work/repo") - before)) 0 0"
    inside abk restore "$node" ./abk point restore d@latest --to "$work/restored.raw" --wait
    same "$work/restored.raw"
    inside abk verify "$node" ./abk point verify d@latest --full
    ./abk disk remove d > "$work/run.said"
    kill "$node"; wait "$node" || true
    node=

    if wants borg borg; then
        export BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK=yes BORG_BASE_DIR=$work/borg-home
        rm -rf "$work/borg"
        borg init -e none "$work/borg" > "$work/run.said" 2>&1
        external borg full borg create --compression zstd,1 --chunker-params fixed,65536 "$work/borg::one" "$work/disk.raw"
        size borg bytes "$work/borg"
        dirty "$work/disk.raw" "$((round + 100))"
        before=$(bytes_of "$work/borg")
        external borg incremental borg create --compression zstd,1 --chunker-params fixed,65536 "$work/borg::two" "$work/disk.raw"
        record borg added "$(($(bytes_of "$work/borg") - before)) 0 0"
        external borg restore bash -c "borg extract --stdout '$work/borg::two' > '$work/restored.raw'"
        same "$work/restored.raw"
        external borg verify borg check --verify-data "$work/borg"
        rm -rf "$work/borg" "$work/borg-home"
    fi
    if wants restic restic; then
        export RESTIC_PASSWORD=bench RESTIC_CACHE_DIR=$work/restic-cache RESTIC_REPOSITORY=$work/restic
        rm -rf "$work/restic"
        restic init > "$work/run.said" 2>&1
        external restic full restic backup --compression auto "$work/disk.raw"
        size restic bytes "$work/restic"
        dirty "$work/disk.raw" "$((round + 200))"
        before=$(bytes_of "$work/restic")
        external restic incremental restic backup --compression auto "$work/disk.raw"
        record restic added "$(($(bytes_of "$work/restic") - before)) 0 0"
        external restic restore bash -c "restic dump latest '$work/disk.raw' > '$work/restored.raw'"
        same "$work/restored.raw"
        external restic verify restic check --read-data
        rm -rf "$work/restic" "$work/restic-cache"
    fi
    if wants qemu qemu-storage-daemon; then
        external qemu-img full qemu-img convert -O qcow2 -o compression_type=zstd -c "$work/disk.raw" "$work/img.qcow2"
        size qemu-img bytes "$work/img.qcow2"
        external qemu-img restore qemu-img convert -O raw "$work/img.qcow2" "$work/restored.raw"
        same "$work/restored.raw"
        rm -f "$work/img.qcow2"
        qemu-img create -q -f qcow2 -o compression_type=zstd "$work/t1.qcow2" "${gib}G"
        qemu-img create -q -f qcow2 -o compression_type=zstd "$work/t2.qcow2" "${gib}G"
        qemu-storage-daemon --blockdev "driver=raw,node-name=d,file.driver=file,file.filename=$work/disk.raw" --nbd-server "addr.type=unix,addr.path=$work/qsd.sock" \
            --export type=nbd,id=e,node-name=d,name=e,writable=on --blockdev "driver=qcow2,node-name=t1,file.driver=file,file.filename=$work/t1.qcow2" \
            --blockdev "driver=qcow2,node-name=t2,file.driver=file,file.filename=$work/t2.qcow2" \
            --chardev "socket,id=c,path=$work/qmp.sock,server=on,wait=off" --monitor chardev=c &
        qsd=$!
        until [ -S "$work/qmp.sock" ] && [ -S "$work/qsd.sock" ]; do read -rt 0.05 < <(:) || true; done
        cat > "$work/qmp.py" <<'PY'
import json, socket, sys
s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); f = s.makefile('rw'); f.readline()
def ask(command, **arguments):
    f.write(json.dumps({'execute': command, 'arguments': arguments}) + '\n'); f.flush()
    while True:
        line = json.loads(f.readline())
        if 'return' in line: return
        if 'error' in line: sys.exit(str(line))
ask('qmp_capabilities')
if sys.argv[2] == 'full':
    ask('block-dirty-bitmap-add', node='d', name='b', granularity=65536)
    ask('blockdev-backup', device='d', target='t1', sync='full', compress=True, **{'job-id': 'j'})
else:
    ask('blockdev-backup', device='d', target='t2', sync='incremental', bitmap='b', compress=True, **{'job-id': 'j'})
while True:
    line = json.loads(f.readline())
    if line.get('event') == 'BLOCK_JOB_COMPLETED':
        sys.exit(line['data'].get('error'))
PY
        inside qemu-job full "$qsd" python3 "$work/qmp.py" "$work/qmp.sock" full
        dirty "nbd+unix:///e?socket=$work/qsd.sock" "$((round + 300))"
        inside qemu-job incremental "$qsd" python3 "$work/qmp.py" "$work/qmp.sock" incremental
        kill "$qsd"; wait "$qsd" 2> /dev/null || true
        qsd=
        size qemu-job bytes "$work/t1.qcow2"
        size qemu-job added "$work/t2.qcow2"
        rm -f "$work/t1.qcow2" "$work/t2.qcow2"
    fi
done
python3 - "$work/results" <<'PY'
import collections, statistics, sys
rows = collections.defaultdict(list)
for line in open(sys.argv[1]):
    who, what, figures = line.strip().split('|')
    rows[what, who].append([float(x) for x in figures.split()])
mid = {k: [statistics.median(c) for c in zip(*v)] for k, v in rows.items()}
for what in ('full', 'incremental', 'restore', 'verify'):
    for who in dict.fromkeys(w for x, w in mid if x == what):
        cpu, wall, peak = mid[what, who]
        line = f'{what:12} {who:9} {cpu:7.2f} CPU s  {wall:7.2f} s  {peak:6.0f} MiB'
        if who != 'abk' and ('abk' in {w for x, w in mid if x == what}):
            a = mid[what, 'abk']
            line += f'   abk / {who}: CPU {a[0] / max(cpu, 0.01):.2f}, wall {a[1] / max(wall, 0.01):.2f}, memory {a[2] / max(peak, 1):.2f}'
        print(line)
for what in ('bytes', 'added'):
    for who in dict.fromkeys(w for x, w in mid if x == what):
        n = mid[what, who][0]
        print(f'{what:12} {who:9} {n / 1048576:9.1f} MiB' + (f'   abk / {who}: {mid[what, "abk"][0] / n:.3f}' if who != 'abk' else ''))
PY
awk '{ print "load average " $1 }' /proc/loadavg
