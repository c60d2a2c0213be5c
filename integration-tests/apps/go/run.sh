#!/usr/bin/env bash
# run.sh PORT: serves the functions on 127.0.0.1:PORT and prints `ready` once it listens.
set -euo pipefail
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
BIN=${STATEFUN_TESTS_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/statefun-tests}/go

"$HERE/install.sh"
exec "$BIN/app" "${1:?usage: run.sh PORT}"
