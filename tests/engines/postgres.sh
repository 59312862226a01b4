#!/usr/bin/env bash
# PostgreSQL for tests, on loopback, in a data folder of its own.
#
#   postgres.sh fetch        the Debian package, when missing; prints the folder of its programs
#   postgres.sh start DIR    on a free port; DIR/address says where; data and log are in DIR
#   postgres.sh stop DIR     in good order;  status DIR: 0 answers, 1 does not answer, 3 does not run
#   postgres.sh crash DIR    SIGKILL to all of it;  pause DIR, resume DIR: SIGSTOP, SIGCONT
#
# Anybody on loopback may connect as `postgres`. The server refuses to run as root: root runs it as
# the user postgres, who must be able to enter every folder above DIR.
set -u
ENGINE=postgres
# shellcheck source=tests/engines/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

programs() { printf '%s\n' /usr/lib/postgresql/*/bin/postgres | sort -V | tail -n 1 | xargs dirname; }

fetch() {
  if [ ! -x "$(programs)/postgres" ]; then
    # Without this Debian makes and starts a cluster of its own, which nobody here asked for.
    if [ "$(id -u)" = 0 ] && [ ! -e /etc/postgresql-common ]; then
      mkdir -p /etc/postgresql-common/createcluster.d
      echo 'create_main_cluster = false' >/etc/postgresql-common/createcluster.d/gamma.conf
    fi
    debian postgresql
  fi
  programs
}

# As the user of the server; from /, for it may not enter the caller's folder.
as_server() {
  if [ "$(id -u)" = 0 ]; then
    (cd / && exec setpriv --reuid postgres --regid postgres --init-groups -- "$@")
  else
    (cd / && exec "$@")
  fi
}

first_process() {
  local pid
  pid=$(head -n 1 "$1/data/postmaster.pid" 2>/dev/null) && [ -n "$pid" ] \
    && is_ours "$pid" "$1/data" && printf '%s\n' "$pid"
}

# All processes of a server stand in its data folder, also those whose first process is gone.
members() {
  local first
  first=$(first_process "$1")
  [ -n "$first" ] && printf '%s\n' "$first"
  find /proc -maxdepth 2 -path '/proc/[0-9]*/cwd' -lname "$1/data" 2>/dev/null \
    | cut -d/ -f3 | grep -vx "${first:-none}"
}

answers() { "$(programs)/pg_isready" -q -t 3 -h 127.0.0.1 -p "$1" -U postgres -d postgres; }

make_data() {
  as_server "$bin/initdb" -D "$1/data" -U postgres -A trust -E UTF8 --locale=C.UTF-8 --no-sync \
    >"$1/initdb.log" 2>&1 || { cat "$1/initdb.log" >&2; die 'initdb failed'; }
}

# After a crash the server's file may name a process that is a zombie still, and the server then
# refuses to start. Once no process of it is left, that file says nothing any more.
clear_remains() {
  local pids
  mapfile -t pids < <(members "$1")
  wait_ended 20 "${pids[@]}" || die "processes of an earlier server do not end: ${pids[*]}"
  rm -f "$1/data/postmaster.pid"
}

start() {
  local dir=$1 bin port begin=$SECONDS
  bin=$(fetch) || exit 1
  ports "$dir" client
  port=$(port_of "$dir" client)
  if [ -n "$(first_process "$dir")" ]; then
    say "runs already on 127.0.0.1:$port"
    return
  fi
  is_listening "$port" && die "somebody else listens on port $port"
  if [ "$(id -u)" = 0 ]; then
    chown postgres: "$dir"
    as_server test -w "$dir" \
      || die "the user postgres cannot reach $dir: a folder above it is closed to others"
  fi
  [ -f "$dir/data/PG_VERSION" ] || { rm -rf "$dir/data"; make_data "$dir"; }
  clear_remains "$dir"
  # pg_ctl waits until connections are accepted.
  as_server "$bin/pg_ctl" -D "$dir/data" -l "$dir/engine.log" -t "$START_SECONDS" -w -s start -o \
    "-c listen_addresses=127.0.0.1 -c port=$port -c unix_socket_directories='' -c max_connections=200" \
    </dev/null >"$dir/pg_ctl.log" 2>&1 3>&- 4>&- 5>&- 6>&- 7>&- 8>&- 9>&- \
    || { tail -n 30 "$dir/pg_ctl.log" "$dir/engine.log" >&2; die 'it did not start'; }
  answers "$port" || die "it started, but 127.0.0.1:$port does not answer"
  first_process "$dir" >"$dir/pid"
  publish_address "$dir"
  say "answers on 127.0.0.1:$port after $((SECONDS - begin)) s"
}

stop() {
  local dir=$1 bin pids begin=$SECONDS
  bin=$(programs)
  mapfile -t pids < <(members "$dir")
  [ "${#pids[@]}" -gt 0 ] || { say 'does not run'; return; }
  kill -CONT "${pids[@]}" 2>/dev/null
  as_server "$bin/pg_ctl" -D "$dir/data" -m fast -t "$STOP_SECONDS" -w -s stop \
    || as_server "$bin/pg_ctl" -D "$dir/data" -m immediate -t "$STOP_SECONDS" -w -s stop \
    || die 'it does not stop'
  rm -f "$dir/pid"
  say "stopped after $((SECONDS - begin)) s"
}

engine "$@"
