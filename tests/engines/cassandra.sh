#!/usr/bin/env bash
# Apache Cassandra for tests, in the place of ScyllaDB: one node on loopback.
#
#   cassandra.sh fetch       the jars, from Maven Central; prints their folder
#   cassandra.sh start DIR   on free ports; DIR/address says where; data, settings and log are in DIR
#   cassandra.sh stop DIR    in good order;  status DIR: 0 answers, 1 does not answer, 3 does not run
#   cassandra.sh crash DIR   SIGKILL;        pause DIR, resume DIR: SIGSTOP, SIGCONT
#
# CASSANDRA_HEAP (1g) bounds its memory. CASSANDRA_COMMITLOG_SYNC is `periodic`, as it is shipped: a
# kill forgets the last tenth of a second although it was acknowledged. With `batch` nothing
# acknowledged is forgotten, at half the speed.
set -u
ENGINE=cassandra
# shellcheck source=tests/engines/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

fetch() { need_java && jars cassandra; }

members() { java_members "$1"; }
stop() { java_stop "$1"; }

# OPTIONS of the native protocol, version 4, is answered by SUPPORTED once requests are served.
answers() { [ "$(ask "$1" '\4\0\0\0\5\0\0\0\0' 5)" = 8400000006 ]; }

commitlog_sync() {
  case ${CASSANDRA_COMMITLOG_SYNC:-periodic} in
    periodic) printf 'commitlog_sync: periodic\ncommitlog_sync_period: 10000ms\n' ;;
    batch) printf 'commitlog_sync: batch\n' ;;
    *) die 'CASSANDRA_COMMITLOG_SYNC is periodic or batch' ;;
  esac
}

# Small pools and a small commit log, for a machine of two cores. The limit of one write is half a
# segment of the commit log.
write_settings() {
  local client storage sync
  client=$(port_of "$1" client)
  storage=$(port_of "$1" storage)
  sync=$(commitlog_sync) || exit 1
  cat >"$1/cassandra.yaml" <<END
cluster_name: gamma tests
partitioner: org.apache.cassandra.dht.Murmur3Partitioner
num_tokens: 1
endpoint_snitch: SimpleSnitch
seed_provider:
  - class_name: org.apache.cassandra.locator.SimpleSeedProvider
    parameters:
      - seeds: "127.0.0.1:$storage"
listen_address: 127.0.0.1
storage_port: $storage
rpc_address: 127.0.0.1
native_transport_port: $client
start_native_transport: true
data_file_directories:
  - $1/data
commitlog_directory: $1/commitlog
hints_directory: $1/hints
saved_caches_directory: $1/saved_caches
cdc_raw_directory: $1/cdc_raw
$sync
commitlog_segment_size: 16MiB
commitlog_total_space: 512MiB
concurrent_reads: 8
concurrent_writes: 8
auto_snapshot: false
END
  cat >"$1/logback.xml" <<'END'
<configuration>
  <appender name="log" class="ch.qos.logback.core.ConsoleAppender">
    <encoder><pattern>%d{HH:mm:ss.SSS} %-5level %logger{20}: %msg%n</pattern></encoder>
  </appender>
  <root level="INFO"><appender-ref ref="log"/></root>
</configuration>
END
}

# What Cassandra 5 reaches into on Java 17 (conf/jvm17-server.options of its distribution).
openings() {
  local name
  for name in java.base/jdk.internal.misc java.management.rmi/com.sun.jmx.remote.internal.rmi \
    java.rmi/sun.rmi.registry java.rmi/sun.rmi.server java.sql/java.sql java.base/java.lang.ref \
    jdk.unsupported/sun.misc jdk.compiler/com.sun.tools.javac.file jdk.attach/sun.tools.attach; do
    printf '%s\n' --add-exports "$name=ALL-UNNAMED"
  done
  for name in java.base/java.lang.module java.base/jdk.internal.loader java.base/jdk.internal.ref \
    java.base/jdk.internal.reflect java.base/jdk.internal.math java.base/jdk.internal.module \
    java.base/jdk.internal.util.jar java.base/sun.nio.ch java.base/java.io \
    java.base/java.lang.reflect java.base/java.lang java.base/java.util java.base/java.nio \
    jdk.management/com.sun.management.internal jdk.compiler/com.sun.tools.javac; do
    printf '%s\n' --add-opens "$name=ALL-UNNAMED"
  done
}

# One node alone waits for nobody: the waits for gossip and for other nodes are off.
start() {
  local dir=$1 jars agent flags
  jars=$(fetch) || exit 1
  need_java
  agent=$(printf '%s\n' "$jars"/jamm-*.jar | head -n 1)
  [ -f "$agent" ] || die "no jamm among the jars in $jars"
  ports "$dir" client storage
  write_settings "$dir"
  mapfile -t flags < <(openings)
  java_start "$dir" "-Xmx${CASSANDRA_HEAP:-1g}" -Xss512k -XX:MaxDirectMemorySize=512m \
    "${flags[@]}" -Djdk.attach.allowAttachSelf=true -Dio.netty.tryReflectionSetAccessible=true \
    "-javaagent:$agent" \
    "-Dlogback.configurationFile=$dir/logback.xml" \
    "-Dcassandra.config=file://$dir/cassandra.yaml" "-Dcassandra.storagedir=$dir" \
    -Dcassandra-foreground=yes -Dcassandra.skip_wait_for_gossip_to_settle=0 \
    -Dcassandra.ring_delay_ms=100 \
    -cp "$jars/*" org.apache.cassandra.service.CassandraDaemon
}

engine "$@"
