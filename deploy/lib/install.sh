# shellcheck shell=bash
# Installs missing programs from packages of Debian. Installed programs are not changed.
# See also: packages.sh (installs packages), rust.sh (finds the Rust toolchain), kafka-jars.sh (downloads Kafka with Maven).

for part in packages rust; do
  # shellcheck source=/dev/null
  . "$DEPLOY_DIR/lib/$part.sh"
done

# install_for_servers: installs what PostgreSQL, Redis and, if it is used, Kafka need.
install_for_servers() {
  local missing=() redis_is_new=
  [ -x "$PG_BIN/postgres" ] || missing+=(postgresql-15)
  if ! command -v redis-server >/dev/null; then missing+=(redis-server) redis_is_new=yes; fi
  if uses_kafka; then
    find_java >/dev/null || missing+=(openjdk-17-jre-headless)
    # Maven is only needed to download Kafka once.
    command -v mvn >/dev/null || missing+=(maven)
  fi
  need_command curl curl
  need_command setsid util-linux
  [ -e /etc/ssl/certs/ca-certificates.crt ] || missing+=(ca-certificates)
  if [ ${#missing[@]} -gt 0 ]; then install_packages "${missing[@]}"; fi
  # These scripts run Redis, so the service of the Debian package must not start when the machine boots.
  if [ -n "$redis_is_new" ]; then as_root update-rc.d redis-server disable >/dev/null 2>&1 || true; fi
}

# install_varnish: installs the caching proxy that tests run.
install_varnish() {
  if [ -x /usr/sbin/varnishd ]; then return; fi
  install_packages varnish
  # The services of the Debian package must not start when the machine boots.
  as_root update-rc.d varnish disable >/dev/null 2>&1 || true
  as_root update-rc.d varnishncsa disable >/dev/null 2>&1 || true
}

# install_for_build: installs what the build of the crates needs. librdkafka is built from source by ./configure and make.
install_for_build() {
  local missing=()
  need_command cc build-essential
  need_command c++ build-essential
  need_command make build-essential
  need_command pkg-config pkg-config
  need_command git git
  pkg-config --exists libzstd 2>/dev/null || missing+=(libzstd-dev)
  if [ ${#missing[@]} -gt 0 ]; then install_packages "${missing[@]}"; fi
  use_rust
}

# need_command COMMAND PACKAGE: adds the package to the array `missing` of the caller if the command is not installed.
need_command() {
  if command -v "$1" >/dev/null || [[ " ${missing[*]} " == *" $2 "* ]]; then return; fi
  missing+=("$2")
}
