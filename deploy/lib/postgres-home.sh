# shellcheck shell=bash
# Chooses the folders and the account of PostgreSQL. PostgreSQL cannot run as root; if root runs the script, the account
# `postgres` is used, and the folders must be accessible to this account. The path of a Unix socket must not exceed 107 bytes.
# shellcheck disable=SC2034 # other files use these variables

PG_BIN=/usr/lib/postgresql/15/bin

# as_postgres COMMAND...: runs the command with the account that owns the database files.
as_postgres() {
  if is_root; then (cd / && setpriv --reuid=postgres --regid=postgres --init-groups "$@"); else "$@"; fi
}

# use_postgres_home: sets PG_HOME (data directories) and PG_SOCKETS. The choice is stored in the state directory.
use_postgres_home() {
  local hash
  if [ ! -s "$STATE_DIR/postgres.home" ]; then
    hash=$(printf %s "$STATE_DIR" | sha256sum | cut -c1-12)
    PG_HOME=$STATE_DIR/postgres
    if is_root && { ! as_postgres test -x "$STATE_DIR" || [ ${#PG_HOME} -gt 70 ]; }; then
      PG_HOME=/var/lib/order-platform/$hash
      say "the account postgres cannot use $STATE_DIR: the files of PostgreSQL are stored in $PG_HOME"
    fi
    PG_SOCKETS=$PG_HOME/sockets
    if [ ${#PG_SOCKETS} -gt 80 ]; then
      PG_SOCKETS=/var/tmp/order-platform-$(id -u)-$hash
      say "the path $PG_HOME/sockets is too long for a Unix socket: the sockets of PostgreSQL are created in $PG_SOCKETS"
    fi
    printf '%s\n%s\n' "$PG_HOME" "$PG_SOCKETS" >"$STATE_DIR/postgres.home"
  fi
  { read -r PG_HOME; read -r PG_SOCKETS; } <"$STATE_DIR/postgres.home"
  mkdir -p "$PG_HOME" "$PG_SOCKETS"
  if is_root; then chown postgres:postgres "$PG_HOME" "$PG_SOCKETS"; fi
  chmod 711 "$PG_HOME"
}

# purge_postgres_home: removes the folders that use_postgres_home created, and no other folders.
purge_postgres_home() {
  local dir
  [ -s "$STATE_DIR/postgres.home" ] || return 0
  while read -r dir; do
    case $dir in
      "$STATE_DIR"/postgres* | /var/lib/order-platform/?* | /var/tmp/order-platform-?*) rm -rf --one-file-system "$dir" ;;
      *) warn "not removed, because it is not a directory of the platform: $dir" ;;
    esac
  done <"$STATE_DIR/postgres.home"
  rmdir /var/lib/order-platform 2>/dev/null || true
  rm -f "$STATE_DIR/postgres.home"
}
