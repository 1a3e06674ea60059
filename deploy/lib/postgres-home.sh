# shellcheck shell=bash
# Where PostgreSQL's files live and as whom it runs. It refuses to run as root: then its own account does it, in a
# place that this account can reach; and a Unix socket's path must stay short (107 bytes in the kernel).
# shellcheck disable=SC2034 # the other files use what is set here

PG_BIN=/usr/lib/postgresql/15/bin

# as_postgres COMMAND...: as the account that owns the database files, from a folder that it may enter.
as_postgres() {
  if is_root; then (cd / && setpriv --reuid=postgres --regid=postgres --init-groups "$@"); else "$@"; fi
}

# use_postgres_home: sets PG_HOME (data directories) and PG_SOCKETS; the choice is kept in the state directory.
use_postgres_home() {
  local hash
  if [ ! -s "$STATE_DIR/postgres.home" ]; then
    hash=$(printf %s "$STATE_DIR" | sha256sum | cut -c1-12)
    PG_HOME=$STATE_DIR/postgres
    if is_root && { ! as_postgres test -x "$STATE_DIR" || [ ${#PG_HOME} -gt 70 ]; }; then
      PG_HOME=/var/lib/order-platform/$hash
      say "PostgreSQL's account cannot use $STATE_DIR: its files go to $PG_HOME"
    fi
    PG_SOCKETS=$PG_HOME/sockets
    if [ ${#PG_SOCKETS} -gt 80 ]; then
      PG_SOCKETS=/var/tmp/order-platform-$(id -u)-$hash
      say "the path $PG_HOME/sockets is too long for a Unix socket: PostgreSQL's sockets go to $PG_SOCKETS"
    fi
    printf '%s\n%s\n' "$PG_HOME" "$PG_SOCKETS" >"$STATE_DIR/postgres.home"
  fi
  { read -r PG_HOME; read -r PG_SOCKETS; } <"$STATE_DIR/postgres.home"
  mkdir -p "$PG_HOME" "$PG_SOCKETS"
  if is_root; then chown postgres:postgres "$PG_HOME" "$PG_SOCKETS"; fi
  chmod 711 "$PG_HOME"
}

# purge_postgres_home: removes what use_postgres_home made; refuses any path that is not of its making.
purge_postgres_home() {
  local dir
  [ -s "$STATE_DIR/postgres.home" ] || return 0
  while read -r dir; do
    case $dir in
      "$STATE_DIR"/postgres* | /var/lib/order-platform/?* | /var/tmp/order-platform-?*) rm -rf --one-file-system "$dir" ;;
      *) warn "left in place, not a directory of ours: $dir" ;;
    esac
  done <"$STATE_DIR/postgres.home"
  rmdir /var/lib/order-platform 2>/dev/null || true
  rm -f "$STATE_DIR/postgres.home"
}
