#!/usr/bin/env bash
# Puts a virtual environment with the pinned packages into the cache. Does nothing if it is there already.
set -euo pipefail
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
VENV=${STATEFUN_TESTS_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/statefun-tests}/python

mkdir -p "$(dirname "$VENV")"
exec 9>"$VENV.lock"
flock 9
cmp -s "$HERE/requirements.txt" "$VENV/installed.txt" && exit 0
rm -rf "$VENV"
python3 -m venv "$VENV"
"$VENV/bin/pip" install -q --no-input -r "$HERE/requirements.txt" >&2
cp "$HERE/requirements.txt" "$VENV/installed.txt"
