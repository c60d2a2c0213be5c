#!/usr/bin/env bash
# A real Kafka broker for tests, from Apache Kafka's published jars.
#
#   kafka.sh install                                        fetch the jars once (Maven, JDK 17)
#   kafka.sh start   --port P --dir D [--foreground]        format D if new, start, wait until ready
#                    [--controller-port Q]
#   kafka.sh stop    --dir D                                orderly shutdown
#   kafka.sh kill    --dir D                                kill -9: a crash
#   kafka.sh pause   --dir D                                SIGSTOP: a broker that hangs
#   kafka.sh resume  --dir D                                SIGCONT
#   kafka.sh status  --dir D                                prints running, paused or stopped
#   kafka.sh topic   --port P NAME PARTITIONS               create a topic
#   kafka.sh produce --port P TOPIC                         lines "key<TAB>value" from stdin
#   kafka.sh consume --port P TOPIC [--max N]               lines "key<TAB>value" of read_committed
#                    [--timeout-ms T] [--uncommitted]       records from the beginning
#   kafka.sh check   --port P                               does this broker honour transactions?
#
# The pid is in D/kafka.pid, the broker's log in D/broker.log, its data in D/data. `start` on a D that
# was used before continues with the data found there, so kill + start is a crash and a recovery.
# With --foreground the calling process becomes the broker (same pid) and `ready` is printed on stdout.
set -euo pipefail

HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
CACHE=${STATEFUN_TESTS_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/statefun-tests}/kafka
HEAP=${KAFKA_HEAP:-512m}
READY_TIMEOUT_S=${KAFKA_READY_TIMEOUT_S:-60}
DEPENDENCY_PLUGIN=org.apache.maven.plugins:maven-dependency-plugin:3.6.1

die() { echo "kafka.sh: $*" >&2; exit 1; }

usage() { sed -n '2,/^set -/p' "${BASH_SOURCE[0]}" | sed '$d; s/^# \{0,1\}//'; }

# --- arguments ---------------------------------------------------------------------------------------

port='' controller_port='' dir='' foreground=no max='' timeout_ms=10000 isolation=read_committed
words=()

parse() {
  while (($#)); do
    case $1 in
      --port) port=${2:?"--port needs a number"}; shift 2 ;;
      --controller-port) controller_port=${2:?"--controller-port needs a number"}; shift 2 ;;
      --dir) dir=${2:?"--dir needs a folder"}; shift 2 ;;
      --max) max=${2:?"--max needs a number"}; shift 2 ;;
      --timeout-ms) timeout_ms=${2:?"--timeout-ms needs a number"}; shift 2 ;;
      --uncommitted) isolation=read_uncommitted; shift ;;
      --foreground) foreground=yes; shift ;;
      --*) die "unknown option $1" ;;
      *) words+=("$1"); shift ;;
    esac
  done
}

need_port() { [[ $port =~ ^[0-9]+$ ]] || die "--port is missing"; }
need_dir() { [[ -n $dir ]] || die "--dir is missing"; }

# --- install -----------------------------------------------------------------------------------------

# The stamp names the pom that was installed, so that a new Kafka version is fetched and an old one not kept.
stamp() { sha256sum "$HERE/pom.xml" | cut -d' ' -f1; }

installed() { [[ -f $CACHE/installed && $(<"$CACHE/installed") == "$(stamp)" ]]; }

install() {
  if installed; then return; fi
  command -v mvn >/dev/null || die "Maven (mvn) is needed to fetch Kafka's jars"
  mkdir -p "$CACHE"
  # Two test binaries may install at the same time; the second one waits and finds the work done.
  exec 9>"$CACHE/lock"
  flock 9
  if installed; then exec 9>&-; return; fi
  rm -rf "$CACHE/lib" "$CACHE/template" "$CACHE/broker.jsa"
  mvn -q -B -f "$HERE/pom.xml" "$DEPENDENCY_PLUGIN:copy-dependencies" \
    -DincludeScope=runtime -DoutputDirectory="$CACHE/lib" >&2 || die "cannot fetch Kafka's jars"
  make_template
  make_class_archive
  stamp >"$CACHE/installed"
  exec 9>&-
}

# Formatting a data folder costs a JVM start of over a second and gives the same files for every broker,
# except for two random ids. So it is done once here; `start` copies the result with fresh ids.
make_template() {
  local work=$CACHE/template.new
  rm -rf "$work"; mkdir -p "$work"
  render 1 2 "$work/data" >"$work/server.properties"
  java -Xmx128m -cp "$CACHE/lib/*" -Dlog4j.configuration="file:$HERE/config/tools-log4j.properties" \
    kafka.tools.StorageTool format -t "$(random_id)" -c "$work/server.properties" >"$work/format.log" 2>&1 \
    || { cat "$work/format.log" >&2; die "cannot format the template data folder"; }
  [[ -f $work/data/meta.properties ]] || die "formatting left no meta.properties"
  mv "$work/data" "$CACHE/template"
  rm -rf "$work"
}

# A class-data archive of one broker's life roughly halves every later start. Without one everything still works.
make_class_archive() {
  local work=$CACHE/archive.new p
  rm -rf "$work"; mkdir -p "$work"
  p=$((20000 + RANDOM % 10000))
  if (port=$p dir=$work extra_jvm="-XX:ArchiveClassesAtExit=$CACHE/broker.jsa"; start && kafka_topic warm 1 && stop) \
      >"$work/out" 2>&1; then :; else
    echo "kafka.sh: no class archive (see $work/out); brokers start a little slower" >&2
    rm -f "$CACHE/broker.jsa"
    return
  fi
  rm -rf "$work"
}

# --- the broker --------------------------------------------------------------------------------------

# Kafka's ids: 16 random bytes in URL-safe base64; a leading '-' would look like an option.
random_id() {
  local id
  while :; do
    id=$(head -c 16 /dev/urandom | base64 | tr '+/' '-_' | tr -d '=')
    [[ $id == -* ]] || { echo "$id"; return; }
  done
}

render() { # port controller_port data
  sed -e "s|@PORT@|$1|g" -e "s|@CONTROLLER_PORT@|$2|g" -e "s|@DATA@|$3|g" "$HERE/config/server.properties.template"
}

# Nobody but the broker talks to its controller, so any free port does; below 32768 the system hands none out to clients.
quiet_port() {
  local p
  while :; do
    p=$((10000 + RANDOM % 20000))
    (exec 3<>"/dev/tcp/127.0.0.1/$p") 2>/dev/null || { echo "$p"; return; }
  done
}

extra_jvm=''

prepare() {
  need_port; need_dir
  mkdir -p "$dir"; dir=$(cd "$dir" && pwd)
  if [[ -z $controller_port ]]; then
    controller_port=$(quiet_port)
  fi
  if is_alive; then die "a broker with pid $(<"$dir/kafka.pid") already uses $dir"; fi
  render "$port" "$controller_port" "$dir/data" >"$dir/server.properties"
  if [[ ! -f $dir/data/meta.properties ]]; then
    mkdir -p "$dir/data"
    cp "$CACHE/template/"* "$dir/data/"
    sed -i -e "s|^cluster.id=.*|cluster.id=$(random_id)|" -e "s|^directory.id=.*|directory.id=$(random_id)|" \
      "$dir/data/meta.properties"
  fi
  touch "$dir/broker.log"
  echo "$port" >"$dir/port"
}

broker_command() {
  # The serial collector and the first compiler tier suit a broker that lives for seconds on few cores.
  command=(java "-Xmx$HEAP" -Xms128m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -XX:+ExitOnOutOfMemoryError
    -Djava.awt.headless=true "-Dlog4j.configuration=file:$HERE/config/broker-log4j.properties")
  if [[ -n $extra_jvm ]]; then command+=("$extra_jvm")
  elif [[ -f $CACHE/broker.jsa ]]; then command+=("-XX:SharedArchiveFile=$CACHE/broker.jsa" -Xshare:auto -Xlog:cds=off -Xlog:cds+dynamic=off)
  fi
  # An explicit, sorted class path: the archive is valid only for the same one.
  command+=(-cp "$(printf '%s\n' "$CACHE"/lib/*.jar | LC_ALL=C sort | paste -sd:)" kafka.Kafka "$dir/server.properties")
}

# Waits for the broker's own word in what was logged after byte $2.
await_ready() { # pid log_offset
  local deadline=$((SECONDS + READY_TIMEOUT_S))
  until tail -c "+$(($2 + 1))" "$dir/broker.log" | grep -q 'Kafka Server started'; do
    kill -0 "$1" 2>/dev/null || { tail -n 30 "$dir/broker.log" >&2; die "the broker ended before it was ready"; }
    ((SECONDS < deadline)) || { kill -KILL "$1"; die "the broker was not ready within $READY_TIMEOUT_S s, see $dir/broker.log"; }
    sleep 0.05
  done
}

start() {
  prepare
  local command offset
  broker_command
  offset=$(stat -c %s "$dir/broker.log")
  if [[ $foreground == yes ]]; then
    local self=$$
    echo "$self" >"$dir/kafka.pid"
    (await_ready "$self" "$offset" && echo ready) &
    exec "${command[@]}" >>"$dir/broker.log" 2>&1 </dev/null
  fi
  setsid "${command[@]}" >>"$dir/broker.log" 2>&1 </dev/null 9>&- &
  echo $! >"$dir/kafka.pid"
  await_ready "$!" "$offset"
  echo ready
}

is_alive() {
  local pid state
  [[ -f $dir/kafka.pid ]] || return 1
  pid=$(<"$dir/kafka.pid")
  # A killed broker whose parent has not looked yet is a zombie; and a pid may have been given to somebody else.
  state=$(sed -n 's/^State:[[:space:]]*\(.\).*/\1/p' "/proc/$pid/status" 2>/dev/null) || return 1
  [[ -n $state && $state != Z ]] || return 1
  tr '\0' '\n' <"/proc/$pid/cmdline" | grep -qxF "$dir/server.properties"
}

await_gone() {
  local tries=0
  while is_alive; do
    ((tries++ < 600)) || die "the broker did not end within 30 s"
    sleep 0.05
  done
  rm -f "$dir/kafka.pid"
}

with_broker() {
  need_dir; dir=$(cd "$dir" 2>/dev/null && pwd) || die "no such folder"
  is_alive || die "no broker is running in $dir"
}

signal() { with_broker; kill -s "$1" "$(<"$dir/kafka.pid")"; }

# A paused process handles no signal but KILL, so it is woken first.
stop() { need_dir; dir=$(cd "$dir" && pwd); if is_alive; then signal CONT; signal TERM; fi; await_gone; }

status() {
  need_dir; dir=$(cd "$dir" 2>/dev/null && pwd) || { echo stopped; return; }
  if ! is_alive; then echo stopped; return; fi
  if grep -q '^State:[[:space:]]*T' "/proc/$(<"$dir/kafka.pid")/status"; then echo paused; else echo running; fi
}

# --- clients -----------------------------------------------------------------------------------------

tool() { # class args...
  java -Xmx128m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -cp "$CACHE/lib/*" \
    -Dlog4j.configuration="file:$HERE/config/tools-log4j.properties" "$@"
}

kafka_topic() { # name partitions
  tool org.apache.kafka.tools.TopicCommand --bootstrap-server "127.0.0.1:$port" \
    --create --if-not-exists --topic "$1" --partitions "$2" --replication-factor 1
}

produce() { # topic
  tool kafka.tools.ConsoleProducer --bootstrap-server "127.0.0.1:$port" --topic "$1" \
    --property parse.key=true --producer-property linger.ms=0
}

consume() { # topic
  local limit=(); [[ -z $max ]] || limit=(--max-messages "$max")
  # The tool reports its idle time-out as an error; running out of records is an ordinary end here.
  tool org.apache.kafka.tools.consumer.ConsoleConsumer --bootstrap-server "127.0.0.1:$port" --topic "$1" --from-beginning \
    --isolation-level "$isolation" --timeout-ms "$timeout_ms" "${limit[@]}" \
    --property print.key=true 2>"${TMPDIR:-/tmp}/kafka-consume.$$" || {
      grep -q TimeoutException "${TMPDIR:-/tmp}/kafka-consume.$$" || { cat "${TMPDIR:-/tmp}/kafka-consume.$$" >&2; exit 1; }; }
  rm -f "${TMPDIR:-/tmp}/kafka-consume.$$"
}

# --- commands ----------------------------------------------------------------------------------------

verb=${1:-help}; shift || true
parse "$@"
case $verb in
  help | -h | --help) usage ;;
  install) install ;;
  start) install; start ;;
  stop) stop ;;
  kill) signal KILL; await_gone ;;
  pause) signal STOP ;;
  resume) signal CONT ;;
  status) status ;;
  topic) need_port; ((${#words[@]} == 2)) || die "topic NAME PARTITIONS"; kafka_topic "${words[@]}" ;;
  produce) need_port; ((${#words[@]} == 1)) || die "produce TOPIC"; produce "${words[0]}" ;;
  consume) need_port; ((${#words[@]} == 1)) || die "consume TOPIC"; consume "${words[0]}" ;;
  check) need_port; tool "$HERE/check/TransactionCheck.java" "127.0.0.1:$port" ;;
  *) usage >&2; die "unknown command $verb" ;;
esac
