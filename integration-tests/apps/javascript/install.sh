#!/usr/bin/env bash
# Installs the pinned packages and a copy of the application into the cache, because Node looks for packages
# in the folder of the file that asks. Packages are fetched only when package.json changed.
set -euo pipefail
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
APP=${STATEFUN_TESTS_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/statefun-tests}/javascript

mkdir -p "$APP"
exec 9>"$APP.lock"
flock 9
if ! cmp -s "$HERE/package.json" "$APP/installed.json"; then
  rm -rf "$APP/node_modules"
  cp "$HERE/package.json" "$APP/package.json"
  (cd "$APP" && npm install --silent --no-audit --no-fund --no-package-lock >&2)
  cp "$HERE/package.json" "$APP/installed.json"
fi
# Moved into place whole, and only if it changed: another test may be starting from the same copy.
if ! cmp -s "$HERE/app.js" "$APP/app.js"; then
  cp "$HERE/app.js" "$APP/app.js.new"
  mv "$APP/app.js.new" "$APP/app.js"
fi
