# shellcheck shell=bash
# Reads the settings of the scripts in deploy/: from the environment, else from `.env` in the project, else the defaults in this
# file. `.env.example` documents all settings. All other settings in `.env` are passed to the three services unchanged.
# shellcheck disable=SC2034 # services.sh uses FOR_SERVICES

SETTINGS=(STATE_DIR HTTP_BIND KAFKA POSTGRES_PORT REPLICA_PORT REDIS_PORT KAFKA_PORT KAFKA_CONTROLLER_PORT
  COMMAND_PORT QUERY_PORT COMMAND_ADMIN_PORT QUERY_ADMIN_PORT PROJECTOR_ADMIN_PORT)
declare -A FOR_SERVICES=()

load_settings() {
  read_dotenv "$PROJECT_DIR/.env"
  : "${STATE_DIR:=$PROJECT_DIR/.state}" "${HTTP_BIND:=127.0.0.1}" "${KAFKA:=on}"
  # Not the standard ports, because other programs may use them.
  : "${POSTGRES_PORT:=15432}" "${REPLICA_PORT:=15433}" "${REDIS_PORT:=16379}"
  : "${KAFKA_PORT:=19092}" "${KAFKA_CONTROLLER_PORT:=19093}"
  : "${COMMAND_PORT:=18081}" "${QUERY_PORT:=18082}"
  : "${COMMAND_ADMIN_PORT:=19081}" "${QUERY_ADMIN_PORT:=19082}" "${PROJECTOR_ADMIN_PORT:=19083}"
  case $STATE_DIR in /*) ;; *) STATE_DIR=$PROJECT_DIR/$STATE_DIR ;; esac
  case $KAFKA in on | off) ;; *) die "settings: KAFKA=$KAFKA is neither on nor off" ;; esac
  check_ports
}

# read_dotenv FILE: reads KEY=VALUE lines, comments and empty lines. The file is not executed.
read_dotenv() {
  local line key value number=0
  [ -f "$1" ] || return 0
  while IFS= read -r line || [ -n "$line" ]; do
    number=$((number + 1))
    [[ $line =~ ^[[:space:]]*(#|$) ]] && continue
    [[ $line =~ ^[[:space:]]*(export[[:space:]]+)?([A-Z][A-Z0-9_]*)=(.*)$ ]] ||
      die "$1, line $number: expected KEY=VALUE, with a key of capital letters, digits and underscores"
    key=${BASH_REMATCH[2]} value=${BASH_REMATCH[3]}
    if [[ $value =~ ^\"(.*)\"$ || $value =~ ^\'(.*)\'$ ]]; then value=${BASH_REMATCH[1]}; fi
    if [[ " ${SETTINGS[*]} " != *" $key "* ]]; then
      FOR_SERVICES[$key]=$value
    elif [ -z "${!key:-}" ]; then
      printf -v "$key" %s "$value"
    fi
  done <"$1"
}

# check_ports: reports all invalid ports at once.
check_ports() {
  local key wrong=() ports=' '
  for key in "${SETTINGS[@]}"; do
    [[ $key == *_PORT ]] || continue
    if ! [[ ${!key} =~ ^[0-9]{1,5}$ ]] || [ "${!key}" -lt 1 ] || [ "${!key}" -gt 65535 ]; then
      wrong+=("$key=${!key} is not a port")
    elif [[ $ports == *" ${!key} "* ]]; then
      wrong+=("$key=${!key} is also the port of another server")
    fi
    ports+="${!key} "
  done
  [ ${#wrong[@]} -eq 0 ] || die "settings: $(printf '%s; ' "${wrong[@]}")"
}
