# A PostgreSQL that lives as long as this script's standard input: `sh server.sh DIR PORT`.
# Says "ready BIN" on standard output once it answers, "missing" where no server is installed, and
# "failed" with the reason otherwise. Everything lies in DIR, which is removed at the end.
dir=$1
port=$2
# Whatever else whoever started this has open is not for a server: a lock would be held on.
exec 3>&- 4>&- 5>&- 6>&- 7>&- 8>&- 9>&-
bin=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -n 1)
[ -n "$bin" ] || bin=$(dirname "$(command -v initdb 2>/dev/null)" 2>/dev/null)
if [ ! -x "$bin/initdb" ]; then
  echo missing
  exit 0
fi
mkdir -p "$dir" || exit 1
as=
if [ "$(id -u)" = 0 ]; then
  # The server refuses to run as root.
  chown postgres: "$dir"
  as='setpriv --reuid postgres --regid postgres --init-groups --'
fi
cd / || exit 1
if $as "$bin/initdb" -D "$dir/data" -U postgres -A trust -E UTF8 --locale=C.UTF-8 >"$dir/log" 2>&1 &&
  $as "$bin/pg_ctl" -D "$dir/data" -l "$dir/data/server.log" -w -t 60 -s start -o \
    "-c listen_addresses=127.0.0.1 -c port=$port -c unix_socket_directories='' \
     -c fsync=on -c max_connections=200 -c shared_buffers=64MB" </dev/null >>"$dir/log" 2>&1; then
  echo "ready $bin"
  # Whoever started this is gone, however it ended, once there is nothing more to read.
  read -r _
  $as "$bin/pg_ctl" -D "$dir/data" -m immediate -w -s stop >/dev/null 2>&1 </dev/null
else
  echo "failed: $(tail -n 3 "$dir/log" "$dir/data/server.log" 2>/dev/null | tr '\n' ' ')"
fi
rm -rf "$dir"
