# shellcheck shell=bash
# Starts and stops all servers of a state directory, and writes their addresses for tests.

for part in common process ports lock postgres-home postgres replica redis kafka-jars kafka; do
  # shellcheck source=/dev/null
  . "$(dirname "${BASH_SOURCE[0]}")/$part.sh"
done

# In the order of the start; they are stopped in reverse order.
SERVERS=(postgres replica redis kafka)

# uses_kafka: whether the platform runs with Kafka (setting KAFKA); servers for tests and benches always do.
uses_kafka() { [ "${KAFKA:-on}" = on ]; }

# servers_wanted: prints the servers to run.
servers_wanted() {
  local server
  for server in "${SERVERS[@]}"; do
    if [ "$server" != kafka ] || uses_kafka; then echo "$server"; fi
  done
}

servers_start() {
  local server
  use_postgres_home
  for server in $(servers_wanted); do "${server}_start"; done
}

# servers_stop: stops all servers, also Kafka that was started with another setting.
servers_stop() {
  local i
  for ((i = ${#SERVERS[@]} - 1; i >= 0; i--)); do "${SERVERS[i]}_stop"; done
}

# choose_free_ports: chooses free ports once per state directory.
choose_free_ports() {
  local key
  if [ ! -s "$STATE_DIR/ports" ]; then
    for key in POSTGRES_PORT REPLICA_PORT REDIS_PORT KAFKA_PORT KAFKA_CONTROLLER_PORT; do
      echo "$key=$(free_port)"
    done >"$STATE_DIR/ports"
  fi
  # shellcheck source=/dev/null
  . "$STATE_DIR/ports"
}

write_test_env() {
  {
    echo "# Addresses of the test servers in $STATE_DIR, for \`source\`."
    echo "export TEST_POSTGRES_URL='$(postgres_url postgres postgres)'"
    echo "export TEST_REPLICA_URL='$(postgres_url postgres postgres "$REPLICA_PORT")'"
    echo "export TEST_OWNER_URL='$(postgres_url orders_owner postgres)'"
    echo "export TEST_WRITER_URL='$(postgres_url command_service postgres)'"
    echo "export TEST_PROJECTOR_URL='$(postgres_url projector postgres)'"
    echo "export TEST_READER_URL='$(postgres_url query_service postgres)'"
    echo "export TEST_READER_REPLICA_URL='$(postgres_url query_service postgres "$REPLICA_PORT")'"
    echo "export TEST_REDIS_URL='$(redis_url)'"
    echo "export TEST_KAFKA_BROKERS='127.0.0.1:$KAFKA_PORT'"
  } | write_if_changed "$STATE_DIR/test.env"
}
