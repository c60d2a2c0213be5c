#!/usr/bin/env bash
# Builds the application into the cache. Go's own build cache makes a second run a matter of milliseconds.
set -euo pipefail
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
BIN=${STATEFUN_TESTS_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/statefun-tests}/go

mkdir -p "$BIN"
exec 9>"$BIN.lock"
flock 9
cd "$HERE"
# Built beside and moved into place: the binary may be running.
go build -o "$BIN/app.new" . >&2
mv "$BIN/app.new" "$BIN/app"
