#!/usr/bin/env bash
# How many instructions does one event cost? Unlike times, the count hardly depends on what else the machine does.
#
#   integration-tests/callgrind.sh [WORK...]    counter and chain unless told otherwise; prints one line each
#   STATEFUN=path/to/statefun                   the program to look at (default: target/release/statefun)
#   PROFILES=directory                          keep the profiles there, for callgrind_annotate
#
# Each work runs twice, with different numbers of events: what the difference costs is the events' own, without start,
# end and set-up. Everything counts: the generator, the engine, the function, the sink that sums the results up, and the
# loop that computes the sum that is expected. One long epoch, so that snapshots, which cost per key and not per event,
# stay outside.
set -euo pipefail
cd "$(dirname "$0")/.."

statefun=${STATEFUN:-target/release/statefun}
few=100000
many=300000
keys=10000

if ! command -v valgrind >/dev/null; then
    if command -v apt-get >/dev/null && [ "$(id -u)" = 0 ]; then
        apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq valgrind >/dev/null
    fi
fi
if ! command -v valgrind >/dev/null; then
    echo "no instruction counts: valgrind is not installed" >&2
    exit 0
fi

profiles=${PROFILES:-$(mktemp -d)}
[ -n "${PROFILES:-}" ] || trap 'rm -rf "$profiles"' EXIT
mkdir -p "$profiles"

instructions() { # instructions WORK EVENTS: of a whole run
    local profile=$profiles/$1.$2
    if ! valgrind --tool=callgrind --callgrind-out-file="$profile" \
        "$statefun" bench "$1" --keys $keys --events "$2" --shards 2 --epoch 1h --json >"$profile.log" 2>&1; then
        cat "$profile.log" >&2
        return 1
    fi
    sed -n 's/^\(summary\|totals\): *\([0-9]*\).*/\2/p' "$profile" | head -1
}

[ $# -gt 0 ] || set -- counter chain
for work in "$@"; do
    base=$(instructions "$work" $few)
    more=$(instructions "$work" $many)
    echo "$work: $(((more - base) / (many - few))) instructions per event"
done
