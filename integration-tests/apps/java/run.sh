#!/usr/bin/env bash
# run.sh PORT: serves the functions on 127.0.0.1:PORT and prints `ready` once it listens.
set -euo pipefail
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
APP=${STATEFUN_TESTS_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/statefun-tests}/java

"$HERE/install.sh"
# Without `nodelay` the JDK's server adds 40 ms to every call on a connection that is kept alive.
exec java -Xmx256m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Dsun.net.httpserver.nodelay=true \
  -cp "$APP/classes:$APP/lib/*" it.Main "${1:?usage: run.sh PORT}"
