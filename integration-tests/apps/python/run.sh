#!/usr/bin/env bash
# run.sh PORT: serves the functions on 127.0.0.1:PORT and prints `ready` once it listens.
set -euo pipefail
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
VENV=${STATEFUN_TESTS_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/statefun-tests}/python

"$HERE/install.sh"
# No bytecode files next to the sources; the process itself becomes the server, so signals reach it.
exec env PYTHONDONTWRITEBYTECODE=1 "$VENV/bin/python" "$HERE/app.py" "${1:?usage: run.sh PORT}"
