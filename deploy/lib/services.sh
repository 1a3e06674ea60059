# shellcheck shell=bash
# Starts and stops the three services with their environment. Needs servers.sh and settings.sh.

# In the order of the start: command-service creates the topics, or the rows of partitions, that the projector reads.
SERVICES=(command-service projector query-service)
BIN_DIR=$PROJECT_DIR/target/release

# service_env NAME: prints the environment of the service as KEY=VALUE lines.
service_env() {
  local key brokers=
  # Empty brokers run the services without Kafka.
  if uses_kafka; then brokers=127.0.0.1:$KAFKA_PORT; fi
  echo "ADMIN_ADDR=127.0.0.1:$(admin_port "$1")"
  case $1 in
    command-service)
      echo "HTTP_ADDR=$HTTP_BIND:$COMMAND_PORT"
      echo "DATABASE_URL=$(postgres_url command_service orders)"
      echo "KAFKA_BROKERS=$brokers"
      echo "PERSONAL_INDEX_KEY=$(secret personal-index-key)"
      ;;
    projector)
      echo "DATABASE_URL=$(postgres_url projector orders)"
      echo "KAFKA_BROKERS=$brokers"
      echo "REDIS_URL=$(redis_url)"
      ;;
    query-service)
      echo "HTTP_ADDR=$HTTP_BIND:$QUERY_PORT"
      echo "DATABASE_URL=$(postgres_url query_service orders)"
      echo "REPLICA_URL=$(postgres_url query_service orders "$REPLICA_PORT")"
      echo "REDIS_URL=$(redis_url)"
      echo "CURSOR_KEY=$(secret cursor-key)"
      echo "PERSONAL_INDEX_KEY=$(secret personal-index-key)"
      echo "EXPORTS_DIR=$STATE_DIR/exports"
      ;;
  esac
  # The settings in .env are last, so that they override the values above.
  for key in $(printf '%s\n' "${!FOR_SERVICES[@]}" | LC_ALL=C sort); do echo "$key=${FOR_SERVICES[$key]}"; done
}

admin_port() {
  case $1 in
    command-service) echo "$COMMAND_ADMIN_PORT" ;;
    projector) echo "$PROJECTOR_ADMIN_PORT" ;;
    query-service) echo "$QUERY_ADMIN_PORT" ;;
  esac
}

# http_port NAME: prints nothing for the projector, whose only HTTP interface is on the admin port.
http_port() {
  case $1 in
    command-service) echo "$COMMAND_PORT" ;;
    query-service) echo "$QUERY_PORT" ;;
  esac
}

# service_start NAME: starts the service, unless it is running with the same program and environment.
service_start() {
  local name=$1 file=$STATE_DIR/$1.env sum
  service_env "$name" | write_if_changed "$file"
  sum=$(fingerprint "$BIN_DIR/$name" "$file")
  if ! keep "$name" "$sum"; then
    service_stop "$name"
    need_port "$name" "$(admin_port "$name")" "the *_ADMIN_PORT of $name"
    if [ -n "$(http_port "$name")" ]; then need_port "$name" "$(http_port "$name")" "COMMAND_PORT or QUERY_PORT"; fi
    say "starting $name"
    # The environment contains only the values of the file. They are not passed on the command line, which other accounts can read.
    # shellcheck disable=SC2016
    spawn "$name" env -i PATH="$PATH" HOME="$HOME" LANG=C.UTF-8 "$BASH" -c \
      'while IFS= read -r line; do export "$line"; done <"$1"; exec "$2"' "$name" "$file" "$BIN_DIR/$name"
    started "$name" "$sum"
  fi
  wait_ready "$name" 60 service_is_ready "$name"
}

service_is_ready() {
  curl --silent --fail --max-time 2 --output /dev/null "http://127.0.0.1:$(admin_port "$1")/health/ready"
}

service_stop() { stop_process "$1" TERM 30 KILL; }

services_stop() {
  local i
  for ((i = ${#SERVICES[@]} - 1; i >= 0; i--)); do service_stop "${SERVICES[i]}"; done
}

# upgrade_projections: derives projections again whose version is higher in this build, while the services of the last build run.
upgrade_projections() {
  (
    while IFS= read -r line; do export "${line?}"; done < <(service_env projector)
    "$BIN_DIR/projector" upgrade
  ) || die "the projections could not be upgraded (see above); a further run continues"
}

# migrate: applies all pending migrations of the database schema.
migrate() {
  MIGRATION_DATABASE_URL=$(postgres_url orders_owner orders) "$BIN_DIR/migrate" up ||
    die "the migrations failed (see above)"
}
