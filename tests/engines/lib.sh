# What kafka.sh, cassandra.sh and postgres.sh have in common. Sourced, never run.
# shellcheck shell=bash
#
# An engine lives in one directory, DIR: its data, settings, ports and log. Each script says how its
# engine is fetched, started, asked and stopped; `engine` below reads the command line.
#
# Why ports are kept in DIR: clients of a crashed engine come back to the address they know, so an
# engine that starts again must have the port it had.

HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
CACHE=${GAMMA_ENGINES_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/gamma/engines}
START_SECONDS=${GAMMA_ENGINE_START_SECONDS:-180}
STOP_SECONDS=${GAMMA_ENGINE_STOP_SECONDS:-40}
# Below the ports that the kernel gives out by itself, so that no passing connection takes one.
PORT_FIRST=20000
PORT_LAST=31999

say() { printf '%s: %s\n' "$ENGINE" "$*"; }
die() { printf '%s: %s\n' "$ENGINE" "$*" >&2; exit 1; }

usage() {
  printf 'usage: %s.sh fetch | start DIR | stop DIR | status DIR | crash DIR | pause DIR | resume DIR\n' \
    "$ENGINE" >&2
  exit 2
}

# Reads the command line. The script that sources this file has the functions
#   fetch          makes the engine available on this machine, prints where
#   start DIR      returns once the engine answers its own protocol; DIR/address is written by then
#   stop DIR       ends it in good order
#   members DIR    the ids of its processes, the first one first
#   answers PORT   whether it serves requests
engine() {
  local verb=${1:-} dir=${2:-}
  case $verb in
    fetch) [ $# -eq 1 ] || usage; fetch; return ;;
    start | stop | status | crash | pause | resume) if [ $# -ne 2 ] || [ -z "$dir" ]; then usage; fi ;;
    *) usage ;;
  esac
  if [ "$verb" = start ]; then mkdir -p "$dir" || die "$dir cannot be made"; fi
  "$verb" "$(realpath -m -- "$dir")"
}

# ---- processes -----------------------------------------------------------------------------------

# Whether PID is a live process one of whose arguments is exactly MARK: a file with a process id
# outlives the process, and the id may be somebody else's by now.
is_ours() { grep -qzxF -- "$2" "/proc/$1/cmdline" 2>/dev/null; }

# A killed process stays a zombie until its parent collects it, which takes seconds where process 1
# is no real init. It has ended all the same, unless other threads of it still hold its files.
has_ended() {
  local threads
  grep -q '^State:[[:space:]]*[^Z[:space:]]' "/proc/$1/status" 2>/dev/null && return 1
  threads=("/proc/$1/task/"*)
  [ "${#threads[@]}" -le 1 ]
}

# wait_ended SECONDS PID…
wait_ended() {
  local until=$((SECONDS + $1)) pid
  shift
  for pid in "$@"; do
    until has_ended "$pid"; do
      [ "$SECONDS" -lt "$until" ] || return 1
      sleep 0.05
    done
  done
}

# SIGKILL: nothing is flushed, nothing is said. The first process goes first, so that it starts no
# others; it is repeated for those it had just started.
crash() {
  local pids
  mapfile -t pids < <(members "$1")
  [ "${#pids[@]}" -gt 0 ] || die 'it does not run'
  while [ "${#pids[@]}" -gt 0 ]; do
    kill -KILL "${pids[@]}" 2>/dev/null
    wait_ended 10 "${pids[@]}" || die "process ${pids[*]} does not end"
    mapfile -t pids < <(members "$1")
  done
  say 'killed'
}

# SIGSTOP: it hangs with all its connections open.
pause() {
  local pids before=
  mapfile -t pids < <(members "$1")
  [ "${#pids[@]}" -gt 0 ] || die 'it does not run'
  until [ "${pids[*]}" = "$before" ]; do
    kill -STOP "${pids[@]}" 2>/dev/null
    before=${pids[*]}
    mapfile -t pids < <(members "$1")
  done
  say 'paused'
}

resume() {
  local pids
  mapfile -t pids < <(members "$1")
  [ "${#pids[@]}" -gt 0 ] || die 'it does not run'
  kill -CONT "${pids[@]}" 2>/dev/null
  say 'resumed'
}

# Exit 0: runs and answers. 1: runs and does not answer. 3: does not run.
status() {
  local pids
  mapfile -t pids < <(members "$1")
  [ "${#pids[@]}" -gt 0 ] || { say 'does not run'; return 3; }
  local port
  port=$(port_of "$1" client) || { say "process ${pids[0]} has no port"; return 1; }
  answers "$port" || { say "process ${pids[0]} is there, 127.0.0.1:$port does not answer"; return 1; }
  say "127.0.0.1:$port answers, process ${pids[0]}, $(resident_mib "${pids[@]}") MiB resident"
}

# Shared pages are divided among those who share them.
resident_mib() {
  local pid
  for pid in "$@"; do cat "/proc/$pid/smaps_rollup" 2>/dev/null; done \
    | awk '/^Pss:/ { sum += $2 } END { printf "%d", sum / 1024 }'
}

# ---- ports ---------------------------------------------------------------------------------------

is_listening() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# ports DIR NAME…: gives each NAME a free port, once; later starts find the same in DIR/ports.
# A port is reserved by a file that names DIR, for as long as DIR is there, so that engines that
# start at the same time, or are down for a moment, do not take each other's.
ports() {
  local dir=$1 name port
  shift
  [ -s "$dir/ports" ] && return
  mkdir -p "$CACHE/ports" || die "$CACHE cannot be made"
  {
    flock 8
    for name in "$@"; do
      while :; do
        port=$((PORT_FIRST + RANDOM % (PORT_LAST - PORT_FIRST + 1)))
        [ -d "$(cat "$CACHE/ports/$port" 2>/dev/null)" ] && continue
        is_listening "$port" || break
      done
      printf '%s' "$dir" >"$CACHE/ports/$port"
      printf '%s %s\n' "$name" "$port"
    done >"$dir/ports.new"
    mv "$dir/ports.new" "$dir/ports"
  } 8>"$CACHE/ports.lock"
}

port_of() { awk -v name="$2" '$1 == name { print $2; found = 1 } END { exit !found }' "$1/ports" 2>/dev/null; }

# Written last and in one step: whoever sees it may connect.
publish_address() {
  printf '127.0.0.1:%s\n' "$(port_of "$1" client)" >"$1/address.new" && mv "$1/address.new" "$1/address"
}

# ask PORT REQUEST COUNT: sends REQUEST (with printf's escapes), prints COUNT bytes of the answer as
# hexadecimal digits. A paused engine accepts and says nothing, hence the limit.
ask() {
  # shellcheck disable=SC2016
  timeout 3 bash -c 'exec 3<>"/dev/tcp/127.0.0.1/$1" && printf "$2" >&3 && head -c "$3" <&3' \
    ask "$1" "$2" "$3" 2>/dev/null | od -An -v -tx1 | tr -d ' \n'
}

# ---- installing ----------------------------------------------------------------------------------

debian() { "$HERE/debian.sh" install "$@" || die "it needs the Debian packages $*"; }

# The home of a JDK 17: the one Java that Kafka 4 and Cassandra 5 both run on.
java_home() {
  local home
  for home in "${JAVA_HOME:-}" /usr/lib/jvm/java-17-openjdk* /usr/lib/jvm/*17*; do
    if [ -x "$home/bin/java" ] && grep -q '^JAVA_VERSION="17\.' "$home/release" 2>/dev/null; then
      printf '%s' "$home"
      return
    fi
  done
  return 1
}

need_java() {
  { java_home >/dev/null && command -v mvn >/dev/null; } || debian openjdk-17-jdk-headless maven
  JAVA_HOME=$(java_home) || die 'no JDK 17 was found after installing one'
  export JAVA_HOME
}

# jars NAME: the folder with the jars that NAME/pom.xml asks for, from Maven Central on first use.
# It is named after the pom's content, so a changed pom is a new folder; and it gets its name when
# it is complete, so a broken fetch is never taken for a whole one.
jars() {
  local pom=$HERE/$1/pom.xml folder
  folder=$CACHE/$1-$(sha256sum "$pom" | cut -c1-12)
  if [ ! -d "$folder" ]; then
    mkdir -p "$CACHE" || die "$CACHE cannot be made"
    {
      flock 9
      if [ ! -d "$folder" ]; then
        rm -rf "$folder.part"
        mvn -B -q -Dstyle.color=never -f "$pom" dependency:copy-dependencies \
          -DincludeScope=runtime -DoutputDirectory="$folder.part" >"$CACHE/fetch-$1.log" 2>&1 \
          && mv "$folder.part" "$folder"
      fi
    } 9>"$CACHE/$1.lock"
    [ -d "$folder" ] \
      || { tail -n 20 "$CACHE/fetch-$1.log" >&2; die "the jars of $1 could not be fetched"; }
  fi
  printf '%s\n' "$folder"
}

# ---- engines on the Java machine -------------------------------------------------------------------

java_mark() { printf '%s' "-Dgamma.engine=$1"; }

# One process per engine.
java_members() {
  local pid
  pid=$(cat "$1/pid" 2>/dev/null) && [ -n "$pid" ] && is_ours "$pid" "$(java_mark "$1")" \
    && printf '%s\n' "$pid"
}

# java_start DIR ARGUMENT…: in a session of its own, so that Ctrl-C at a terminal does not reach it
# before those who use it. Files of the caller (locks, pipes) are not handed down. A Java machine
# that cannot get memory ends instead of limping.
java_start() {
  local dir=$1 pid port begin=$SECONDS
  shift
  port=$(port_of "$dir" client)
  if [ -n "$(members "$dir")" ]; then
    say "runs already on 127.0.0.1:$port"
    return
  fi
  is_listening "$port" && die "somebody else listens on port $port"
  mkdir -p "$dir/tmp"
  (
    cd "$dir" || exit 1
    exec setsid "$JAVA_HOME/bin/java" "$(java_mark "$dir")" "-Djava.io.tmpdir=$dir/tmp" \
      -Djava.awt.headless=true -XX:-UsePerfData -XX:+ExitOnOutOfMemoryError "$@"
  ) </dev/null >>"$dir/engine.log" 2>&1 3>&- 4>&- 5>&- 6>&- 7>&- 8>&- 9>&- &
  pid=$!
  printf '%s\n' "$pid" >"$dir/pid"
  until answers "$port"; do
    if has_ended "$pid"; then
      tail -n 30 "$dir/engine.log" >&2
      die "it ended while starting, see $dir/engine.log"
    fi
    if [ $((SECONDS - begin)) -ge "$START_SECONDS" ]; then
      kill -KILL "$pid"
      tail -n 30 "$dir/engine.log" >&2
      die "no answer on port $port after $START_SECONDS s, see $dir/engine.log"
    fi
    sleep 0.1
  done
  publish_address "$dir"
  say "answers on 127.0.0.1:$port after $((SECONDS - begin)) s"
}

java_stop() {
  local pid begin=$SECONDS
  pid=$(members "$1")
  [ -n "$pid" ] || { say 'does not run'; return; }
  # One that is paused gets the signal when it goes on.
  kill -TERM "$pid" && kill -CONT "$pid"
  if ! wait_ended "$STOP_SECONDS" "$pid"; then
    say "still there after $STOP_SECONDS s: killed"
    kill -KILL "$pid"
    wait_ended 10 "$pid" || die "process $pid does not end"
  fi
  rm -f "$1/pid"
  say "stopped after $((SECONDS - begin)) s"
}
