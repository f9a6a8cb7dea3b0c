#!/bin/bash
# Time from start to `ready` with many disks, first in order and then after kill -9, and the idle node's memory.
# Usage: bench/startup.sh [DISKS]
set -euo pipefail
cd "$(dirname "$0")/.."
disks=${1:-50}
work=$(mktemp -d /tmp/abk-bench.XXXXXX)
trap 'kill -9 "${node:-0}" 2>/dev/null || true; rm -rf "$work"' EXIT
export XDG_STATE_HOME=$work/state
./abk version > "$work/version"

start() {
    local began; began=$(date +%s.%N)
    ./abk node run --data "$work/data" --http 127.0.0.1:0 --nbd-socket "$work/nbd.sock" > "$work/out" 2>> "$work/err" &
    node=$!
    until grep -q '^ready' "$work/out"; do
        kill -0 $node || { cat "$work/err"; exit 1; }
        read -rt 0.01 < <(:) || true
    done
    printf '%-28s %.2f s\n' "$1" "$(echo "$(date +%s.%N) - $began" | bc)"
    url=$(grep -o 'http://[^ ]*' "$work/out")
}

start "first start, no disks"
for i in $(seq "$disks"); do
    truncate -s 64M "$work/disk$i.raw"
    ./abk disk add "d$i" --file "$work/disk$i.raw" --endpoint "$url" > "$work/added"
    ./abk bitmap add "d$i" daily --endpoint "$url" > "$work/added"
done
kill -9 $node; wait $node 2> "$work/killed" || true
start "$disks disks, after kill -9"
kill $node; wait $node || true
start "$disks disks, in order"
sleep 5
printf '%-28s %.0f MiB\n' "idle memory (RSS)" "$(awk '/VmRSS/ { print $2 / 1024 }' /proc/$node/status)"
