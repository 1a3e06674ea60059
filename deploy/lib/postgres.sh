# shellcheck shell=bash
# Creates, starts and stops the PostgreSQL primary, and creates roles and database. The replica is in replica.sh.
# The caller sets STATE_DIR, POSTGRES_PORT, PG_HOME, PG_SOCKETS and SERVERS_FOR (see postgres_conf).

# postgres_conf NAME PORT DIVISOR [REPLICATION_LINES]: prints the configuration; the shared buffers are divided by DIVISOR.
# SERVERS_FOR: `platform` (default), `bench` (more connections), `tests` (more connections, less memory, no fsync).
postgres_conf() {
  local buffers kind=${SERVERS_FOR:-platform} connections=200 fsync=on wal_min=1GB wal_max=4GB preload=
  buffers=$(between 128 $(($(memory_mb) / 8)) 1024)
  if [ "$kind" != platform ]; then connections=400; fi
  if [ "$kind" = tests ]; then buffers=$(between 128 $((buffers / 2)) 512) fsync=off wal_min=256MB wal_max=1GB; fi
  if [ -e /usr/lib/postgresql/15/lib/pg_stat_statements.so ]; then preload=pg_stat_statements; fi
  fill "$DEPLOY_DIR/postgres/postgresql.conf" NAME="$1" PORT="$2" SOCKETS="$PG_SOCKETS" \
    SHARED_BUFFERS_MB=$((buffers / $3)) CACHE_MB=$(($(memory_mb) / 2)) MAX_CONNECTIONS=$connections FSYNC=$fsync \
    MIN_WAL_SIZE=$wal_min MAX_WAL_SIZE=$wal_max PRELOAD=$preload REPLICATION="${4:-}"
}

# put_for_postgres FILE: writes standard input to FILE in PG_HOME, readable only by the account of PostgreSQL.
put_for_postgres() {
  write_if_changed "$PG_HOME/$1"
  if is_root; then chown postgres:postgres "$PG_HOME/$1"; fi
}

postgres_start() {
  local sum
  postgres_init
  postgres_conf primary "$POSTGRES_PORT" 1 | put_for_postgres primary.conf
  put_for_postgres pg_hba.conf <"$DEPLOY_DIR/postgres/pg_hba.conf"
  sum=$(fingerprint "$PG_HOME/primary.conf" "$PG_HOME/pg_hba.conf")
  if ! keep postgres "$sum"; then
    postgres_stop
    need_port PostgreSQL "$POSTGRES_PORT" POSTGRES_PORT
    say "starting postgres on port $POSTGRES_PORT"
    postgres_spawn postgres primary
    wait_ready postgres 120 postgres_answers "$POSTGRES_PORT"
    started postgres "$sum"
  fi
  postgres_ensure_roles
}

postgres_init() {
  [ ! -s "$PG_HOME/primary/PG_VERSION" ] || return 0
  say "creating a PostgreSQL database cluster in $PG_HOME/primary"
  rm -rf "$PG_HOME/primary"
  secret postgres | put_for_postgres initdb.password
  if ! as_postgres "$PG_BIN/initdb" -D "$PG_HOME/primary" --data-checksums --username=postgres \
    --pwfile="$PG_HOME/initdb.password" --auth=scram-sha-256 --encoding=UTF8 --locale=C.UTF-8 --lc-collate=C \
    >"$STATE_DIR/logs/initdb.log" 2>&1; then
    rm -rf "$PG_HOME/primary"
    fail_with_log initdb "initdb failed"
  fi
  rm -f "$PG_HOME/initdb.password"
}

# postgres_spawn NAME DIR: starts the server on PG_HOME/DIR with the configuration PG_HOME/DIR.conf.
postgres_spawn() {
  # env and setpriv are replaced by the server (exec), so the recorded process id is the id of the server.
  local as=(env --chdir="$PG_HOME")
  if is_root; then as+=(setpriv --reuid=postgres --regid=postgres --init-groups); fi
  postgres_forget_zombie "$PG_HOME/$2"
  spawn "$1" "${as[@]}" "$PG_BIN/postgres" -D "$PG_HOME/$2" \
    -c "config_file=$PG_HOME/$2.conf" -c "hba_file=$PG_HOME/pg_hba.conf"
}

# postgres_forget_zombie DATA: if process 1 does not reap ended processes (as in many containers), a killed server remains a zombie,
# and PostgreSQL assumes that the server of the lock files is running. The lock files are removed only if their process is a zombie
# and no process uses the data directory.
postgres_forget_zombie() {
  local pid cwd locks
  [ -s "$1/postmaster.pid" ] || return 0
  read -r pid <"$1/postmaster.pid"
  { [ -d "/proc/$pid" ] && [ -z "$(process_start "$pid")" ]; } || return 0
  for cwd in /proc/[0-9]*/cwd; do
    [ "$(readlink "$cwd" 2>/dev/null)" != "$1" ] || die "a process of a killed PostgreSQL still uses $1 (${cwd%/cwd})"
  done
  mapfile -t locks < <(grep -lx "$pid" "$PG_SOCKETS"/.s.PGSQL.*.lock 2>/dev/null)
  rm -f "$1/postmaster.pid" "${locks[@]}"
}

postgres_answers() { "$PG_BIN/pg_isready" -q -h "$PG_SOCKETS" -p "$1"; }

# sql PORT DATABASE [PSQL_ARGUMENTS...]: runs psql as superuser.
sql() {
  local port=$1 database=$2
  shift 2
  PGPASSWORD=$(secret postgres) PGOPTIONS='' "$PG_BIN/psql" -X -q -A -t -v ON_ERROR_STOP=1 \
    -h "$PG_SOCKETS" -p "$port" -U postgres -d "$database" "$@"
}

# postgres_ensure_roles: creates roles and database. Passwords are set only if they do not work, so a second run changes nothing.
postgres_ensure_roles() {
  local role known set_passwords=off secrets=() may=no
  if [ "${SERVERS_FOR:-platform}" != platform ]; then may=yes; fi
  known=$(sql "$POSTGRES_PORT" postgres -c 'select rolname from pg_roles where rolcanlogin')
  for role in orders_owner command_service projector query_service replicator; do
    secrets+=("\\set $role '$(secret "$role")'")
    { grep -qx "$role" <<<"$known" && role_can_log_in "$role"; } || set_passwords=on
  done
  # The passwords are passed on standard input, because all accounts of the machine can read command lines.
  { printf '%s\n' "${secrets[@]}"; cat "$DEPLOY_DIR/postgres/roles.sql"; } |
    sql "$POSTGRES_PORT" postgres -v set_passwords=$set_passwords -v may_create_databases=$may -f - ||
    die "the roles and the database could not be created (deploy/postgres/roles.sql)"
}

role_can_log_in() {
  PGPASSWORD=$(secret "$1") "$PG_BIN/psql" -X -q -h "$PG_SOCKETS" -p "$POSTGRES_PORT" -U "$1" -d postgres \
    -c 'select 1' >/dev/null 2>&1
}

# SIGINT is a fast shutdown: clients are disconnected, and data is flushed. After SIGQUIT, the next start needs recovery.
postgres_stop() { stop_process postgres INT 60 QUIT; }

# postgres_url LOGIN DATABASE [PORT]: prints a URL for sqlx; the directory of the Unix socket is the parameter `host`.
postgres_url() {
  echo "postgres://$1:$(secret "$1")@localhost:${3:-$POSTGRES_PORT}/$2?host=$PG_SOCKETS"
}
