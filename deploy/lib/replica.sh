# shellcheck shell=bash
# Creates, starts and stops the streaming replica: a copy of the primary (pg_basebackup) that follows the primary through a
# replication slot. A replica that cannot follow its primary any more is removed and created again.

replica_start() {
  local sum
  # The host is the directory of the Unix socket. Only the account of PostgreSQL can read the file with the password.
  echo "*:*:*:replicator:$(secret replicator)" | put_for_postgres replication.pgpass
  postgres_conf replica "$REPLICA_PORT" 2 "primary_conninfo = '$(replica_conninfo)'
primary_slot_name = 'replica'" | put_for_postgres replica.conf
  sum=$(fingerprint "$PG_HOME/replica.conf" "$PG_HOME/pg_hba.conf")
  replica_check_slot
  if keep replica "$sum"; then return; fi
  replica_stop
  replica_copy
  need_port "the replica" "$REPLICA_PORT" REPLICA_PORT
  say "starting replica on port $REPLICA_PORT"
  postgres_spawn replica replica
  wait_ready replica 120 postgres_answers "$REPLICA_PORT"
  wait_ready replica 60 replica_streams
  started replica "$sum"
}

replica_conninfo() {
  echo "host=$PG_SOCKETS port=$POSTGRES_PORT user=replicator passfile=$PG_HOME/replication.pgpass application_name=replica"
}

# replica_check_slot: creates the replication slot. If the primary has invalidated the slot (the replica was stopped for too
# long), or if the replica is a copy of another cluster, removes the slot and the replica first.
replica_check_slot() {
  local status
  status=$(sql "$POSTGRES_PORT" postgres -c "select wal_status from pg_replication_slots where slot_name = 'replica'")
  if [ "$status" = lost ] || { [ -s "$PG_HOME/replica/PG_VERSION" ] && ! same_cluster; }; then
    warn "the replica cannot follow its primary any more; creating the replica again"
    replica_stop
    sql "$POSTGRES_PORT" postgres -c "select pg_drop_replication_slot('replica') from pg_replication_slots
      where slot_name = 'replica'" >/dev/null
    rm -rf --one-file-system "$PG_HOME/replica"
    status=
  fi
  if [ -z "$status" ]; then
    sql "$POSTGRES_PORT" postgres -c "select pg_create_physical_replication_slot('replica', true)" >/dev/null
  fi
}

same_cluster() { [ "$(cluster_identifier primary)" = "$(cluster_identifier replica)" ]; }

cluster_identifier() {
  as_postgres "$PG_BIN/pg_controldata" -D "$PG_HOME/$1" | sed -n 's/^Database system identifier: *//p'
}

replica_copy() {
  [ ! -s "$PG_HOME/replica/PG_VERSION" ] || return 0
  say "copying the primary to $PG_HOME/replica"
  rm -rf --one-file-system "$PG_HOME/replica" "$PG_HOME/replica.part"
  if ! as_postgres "$PG_BIN/pg_basebackup" --pgdata="$PG_HOME/replica.part" --checkpoint=fast \
    --wal-method=stream --slot=replica --no-password --dbname="$(replica_conninfo)" \
    >"$STATE_DIR/logs/basebackup.log" 2>&1; then
    fail_with_log basebackup "copying the primary (pg_basebackup) failed"
  fi
  as_postgres touch "$PG_HOME/replica.part/standby.signal"
  mv "$PG_HOME/replica.part" "$PG_HOME/replica"
}

replica_streams() {
  [ "$(sql "$POSTGRES_PORT" postgres -c "select count(*) from pg_stat_replication
    where application_name = 'replica' and state in ('catchup', 'streaming')")" = 1 ]
}

replica_stop() { stop_process replica INT 60 QUIT; }
