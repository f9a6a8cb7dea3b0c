# Sourced by benches that need one node: makes $work, starts a node there, names it to ./abk, and takes everything away at the end.
# What runs beside it is stopped by its process ids in $beside.
work=$(mktemp -d "${TMPDIR:-/var/tmp}/abk-bench.XXXXXX")
node= beside=
stop() {
    [ -z "$beside" ] || kill $beside 2> /dev/null || true
    [ -z "$node" ] || { kill -9 "$node" 2> /dev/null || true; wait "$node" 2> /dev/null || true; }
    rm -rf "$work"
}
trap stop EXIT
export XDG_STATE_HOME=$work/state
./abk version > "$work/version"
./abk node run --data "$work/data" --http 127.0.0.1:0 --nbd-socket "$work/nbd.sock" > "$work/out" 2> "$work/err" &
node=$!
until grep -q '^ready' "$work/out"; do kill -0 $node; read -rt 0.05 < <(:) || true; done
ACTORBACKUP_ENDPOINT=$(grep -o 'http://[^ ]*' "$work/out")
export ACTORBACKUP_ENDPOINT
