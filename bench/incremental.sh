#!/bin/bash
# A full backup of a disk of random and repeated data, then an incremental of 1 % of its blocks, then a restore: seconds and the node's CPU seconds.
# Usage: bench/incremental.sh [GIB]
set -euo pipefail
cd "$(dirname "$0")/.."
gib=${1:-4}
work=$(mktemp -d "${TMPDIR:-/tmp}/abk-bench.XXXXXX")
trap 'kill -9 "${node:-0}" 2>/dev/null || true; rm -rf "$work"' EXIT
export XDG_STATE_HOME=$work/state
./abk version > "$work/version"
abk() { ./abk "$@" --endpoint "$url"; }
cpu() { awk '{ print ($14 + $15) / 100 }' "/proc/$node/stat"; }
now() { date +%s.%N; }

measure() {
    local what=$1; shift
    local t c; t=$(now); c=$(cpu)
    "$@" > "$work/said"
    printf '%-44s %6.2f s  %6.2f CPU s\n' "$what" "$(echo "$(now) - $t" | bc)" "$(echo "$(cpu) - $c" | bc)"
}

./abk node run --data "$work/data" --http 127.0.0.1:0 --nbd-socket "$work/nbd.sock" > "$work/out" 2>> "$work/err" &
node=$!
until grep -q '^ready' "$work/out"; do kill -0 $node; read -rt 0.05 < <(:) || true; done
url=$(grep -o 'http://[^ ]*' "$work/out")

# The same image every time: an AES stream of a fixed key over the first half, the rest a hole.
truncate -s "${gib}G" "$work/disk.raw"
openssl enc -aes-128-ctr -K 00112233445566778899aabbccddeeff -iv 0 -in /dev/zero 2> "$work/openssl" |
    head -c "$((gib * 512))M" | dd of="$work/disk.raw" bs=1M conv=notrunc iflag=fullblock status=none || true
abk disk add d --file "$work/disk.raw" > "$work/said"
abk repo create main "file:$work/repo" --default > "$work/said"
abk bitmap add d daily > "$work/said"
measure "full backup of $gib GiB (half of it data)" abk backup d --sync full --bitmap daily --policy always --wait

# Every 100th block of 64 KiB.
for ((i = 0; i < gib * 1024 * 16; i += 100)); do echo "write -P $((i % 251)) $((i * 65536)) 4096"; done |
    qemu-io -f raw "nbd+unix:///d?socket=$work/nbd.sock" > "$work/said"
measure "incremental of 1 %" abk backup d --sync incremental --bitmap daily --wait
measure "incremental of nothing" abk backup d --sync incremental --bitmap daily --wait
measure "restore" abk point restore d@latest --to "$work/restored.raw" --wait
cmp "$work/disk.raw" "$work/restored.raw" && echo "restored image is equal"
printf 'load average %s\n' "$(cut -d' ' -f1-3 /proc/loadavg)"
