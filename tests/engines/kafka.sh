#!/usr/bin/env bash
# Apache Kafka for tests: one node, broker and controller in one process, on loopback.
#
#   kafka.sh fetch           the jars, from Maven Central; prints their folder
#   kafka.sh start DIR       on free ports; DIR/address says where; data, settings and log are in DIR
#   kafka.sh stop DIR        in good order;  status DIR: 0 answers, 1 does not answer, 3 does not run
#   kafka.sh crash DIR       SIGKILL;        pause DIR, resume DIR: SIGSTOP, SIGCONT
#   kafka.sh tool CLASS …    one of Kafka's own command-line programs
#
# KAFKA_HEAP (512m) bounds its memory.
set -u
ENGINE=kafka
# shellcheck source=tests/engines/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

fetch() { need_java && jars kafka; }

members() { java_members "$1"; }
stop() { java_stop "$1"; }

# The port opens before the group coordinator has loaded its topic; until then every consumer is
# refused. So the coordinator of a group is asked for (FindCoordinator, version 0), which also makes
# the topic of offsets on a new broker, and then the offsets of that group (OffsetFetch, version 2).
answers() {
  local group='\0\5ready' correlation='\0\0\0\7' client='\377\377' found offsets
  found=$(ask "$1" "\\0\\0\\0\\21\\0\\12\\0\\0$correlation$client$group" 10)
  [ "${found:8:12}" = 000000070000 ] || return 1
  offsets=$(ask "$1" "\\0\\0\\0\\25\\0\\11\\0\\2$correlation$client$group\\377\\377\\377\\377" 14)
  [ "${offsets:8:20}" = 00000007000000000000 ]
}

# Topics are made by whoever owns them, never by a spelling mistake. The short session lets a broker
# back in two to three seconds after a kill: until the dead one's session ends, the controller takes
# the new one for a double.
write_settings() {
  local client controller
  client=$(port_of "$1" client)
  controller=$(port_of "$1" controller)
  cat >"$1/server.properties" <<END
node.id=1
process.roles=broker,controller
controller.quorum.bootstrap.servers=127.0.0.1:$controller
listeners=CLIENT://127.0.0.1:$client,CONTROLLER://127.0.0.1:$controller
advertised.listeners=CLIENT://127.0.0.1:$client
listener.security.protocol.map=CLIENT:PLAINTEXT,CONTROLLER:PLAINTEXT
inter.broker.listener.name=CLIENT
controller.listener.names=CONTROLLER
log.dirs=$1/data
auto.create.topics.enable=false
offsets.topic.num.partitions=1
offsets.topic.replication.factor=1
transaction.state.log.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
group.initial.rebalance.delay.ms=0
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500
END
  cat >"$1/log4j2.properties" <<'END'
status = warn
appender.file.type = Console
appender.file.name = file
appender.file.layout.type = PatternLayout
appender.file.layout.pattern = %d{HH:mm:ss.SSS} %p %c{1}: %m%n
rootLogger.level = info
rootLogger.appenderRef.file.ref = file
END
}

# Twenty-two letters of base64url, as Kafka writes its ids; one that began with a hyphen would be
# taken for a flag.
new_id() { printf 'g%s' "$(head -c 16 /dev/urandom | base64 | tr '+/' '-_' | cut -c2-22)"; }

format() {
  "$JAVA_HOME/bin/java" -Xmx128m -XX:TieredStopAtLevel=1 -XX:-UsePerfData -cp "$2/*" \
    kafka.tools.StorageTool format --standalone -t "$(new_id)" -c "$1/server.properties" \
    >>"$1/engine.log" 2>&1
}

start() {
  local dir=$1 jars
  jars=$(fetch) || exit 1
  need_java
  ports "$dir" client controller
  write_settings "$dir"
  if [ ! -f "$dir/data/meta.properties" ]; then
    mkdir -p "$dir/data"
    format "$dir" "$jars" \
      || { tail -n 20 "$dir/engine.log" >&2; die 'the data folder could not be formatted'; }
  fi
  java_start "$dir" "-Xmx${KAFKA_HEAP:-512m}" -XX:MaxDirectMemorySize=256m \
    "-Dlog4j2.configurationFile=$dir/log4j2.properties" \
    -cp "$jars/*" kafka.Kafka "$dir/server.properties"
}

tool() {
  local jars
  jars=$(fetch) || exit 1
  need_java
  exec "$JAVA_HOME/bin/java" -Xmx128m -XX:TieredStopAtLevel=1 -XX:-UsePerfData -cp "$jars/*" "$@"
}

if [ "${1:-}" = tool ] && [ $# -ge 2 ]; then shift; tool "$@"; fi
engine "$@"
