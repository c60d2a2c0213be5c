#!/usr/bin/env bash
# Starts the functions and the runtime; Ctrl-C ends both. $STATEFUN names a binary to use instead of building one.
set -euo pipefail
if [[ ${STATEFUN:-} == */* ]]; then STATEFUN=$(realpath "$STATEFUN"); fi
cd "$(dirname "${BASH_SOURCE[0]}")"

if [[ ! -x .venv/bin/python ]]; then
  python3 -m venv .venv
fi
.venv/bin/pip install -q -r requirements.txt

.venv/bin/python functions.py &
functions=$!
trap 'kill "$functions" 2>/dev/null || true' EXIT

if [[ -n ${STATEFUN:-} ]]; then
  "$STATEFUN" run module.yaml
else
  cargo run --release -- run module.yaml
fi
