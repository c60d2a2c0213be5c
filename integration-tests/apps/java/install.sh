#!/usr/bin/env bash
# Fetches the libraries with Maven and compiles the application, both into the cache and only when something changed.
set -euo pipefail
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
APP=${STATEFUN_TESTS_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/statefun-tests}/java

mkdir -p "$APP"
exec 9>"$APP.lock"
flock 9

libraries=$(sha256sum <"$HERE/pom.xml")
if [[ ! -f $APP/libraries || $(<"$APP/libraries") != "$libraries" ]]; then
  rm -rf "$APP/lib" "$APP/sources"
  mvn -q -B -f "$HERE/pom.xml" org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies \
    -DincludeScope=runtime -DoutputDirectory="$APP/lib" >&2
  echo "$libraries" >"$APP/libraries"
fi

sources=$(cat "$HERE"/src/it/*.java | sha256sum)
if [[ ! -f $APP/sources || $(<"$APP/sources") != "$sources" ]]; then
  rm -rf "$APP/classes"
  javac -encoding UTF-8 --release 17 -Xlint:all -cp "$APP/lib/*" -d "$APP/classes" "$HERE"/src/it/*.java >&2
  echo "$sources" >"$APP/sources"
fi
