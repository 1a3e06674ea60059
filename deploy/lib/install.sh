# shellcheck shell=bash
# Finds out what this machine lacks and installs it from Debian's packages; what is there stays as it is.
# Neighbours: packages.sh (how), rust.sh (which toolchain), kafka-jars.sh (Kafka comes from Maven).

for part in packages rust; do
  # shellcheck source=/dev/null
  . "$DEPLOY_DIR/lib/$part.sh"
done

# install_for_servers: what PostgreSQL, Redis and Kafka need.
install_for_servers() {
  local missing=() redis_is_new=
  [ -x "$PG_BIN/postgres" ] || missing+=(postgresql-15)
  if ! command -v redis-server >/dev/null; then missing+=(redis-server) redis_is_new=yes; fi
  find_java >/dev/null || missing+=(openjdk-17-jre-headless)
  # Maven is only needed to fetch Kafka, once.
  command -v mvn >/dev/null || missing+=(maven)
  need_command curl curl
  need_command setsid util-linux
  [ -e /etc/ssl/certs/ca-certificates.crt ] || missing+=(ca-certificates)
  if [ ${#missing[@]} -gt 0 ]; then install_packages "${missing[@]}"; fi
  # We run Redis ourselves: Debian's service, which came along just now, shall not start with the machine.
  if [ -n "$redis_is_new" ]; then as_root update-rc.d redis-server disable >/dev/null 2>&1 || true; fi
}

# install_for_build: what the crates need. librdkafka is built from source by ./configure and make.
install_for_build() {
  local missing=()
  need_command cc build-essential
  need_command c++ build-essential
  need_command make build-essential
  need_command pkg-config pkg-config
  need_command git git
  if [ ${#missing[@]} -gt 0 ]; then install_packages "${missing[@]}"; fi
  use_rust
}

# need_command COMMAND PACKAGE: adds the package to the caller's `missing`, once, where the command is not there.
need_command() {
  if command -v "$1" >/dev/null || [[ " ${missing[*]} " == *" $2 "* ]]; then return; fi
  missing+=("$2")
}
