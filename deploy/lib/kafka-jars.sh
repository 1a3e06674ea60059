# shellcheck shell=bash
# Downloads the jars of Apache Kafka with Maven (deploy/kafka/pom.xml) once per machine, and verifies that they are exactly the
# files with the checksums in deploy/kafka/SHA256SUMS. The jars are stored in the cache.

# use_kafka_jars: sets KAFKA_JARS, and downloads the jars if necessary.
use_kafka_jars() {
  local sums=$DEPLOY_DIR/kafka/SHA256SUMS key
  key=$(sha256sum <"$sums" | cut -c1-12)
  KAFKA_JARS=$CACHE_DIR/kafka-$key
  if kafka_jars_are_valid "$KAFKA_JARS"; then return; fi
  mkdir -p "$CACHE_DIR"
  kafka_jars_fetch "$KAFKA_JARS.$$"
  if ! kafka_jars_are_valid "$KAFKA_JARS.$$"; then
    (cd "$KAFKA_JARS.$$" && sha256sum --check --quiet "$sums") >&2 || true
    rm -rf "$KAFKA_JARS.$$"
    die "the downloaded jars of Kafka do not match deploy/kafka/SHA256SUMS (see above): Kafka was not installed"
  fi
  rm -rf "$KAFKA_JARS"
  mv -T "$KAFKA_JARS.$$" "$KAFKA_JARS" 2>/dev/null || rm -rf "$KAFKA_JARS.$$"
}

# kafka_jars_fetch DIR: downloads the jars to DIR.
kafka_jars_fetch() {
  say "downloading Apache Kafka ($(grep -c . "$DEPLOY_DIR/kafka/SHA256SUMS") jars)"
  mkdir -p "$1"
  # The full name of the plugin, because Maven of Debian does not find the short name on every machine.
  if ! mvn -B -l "$1.log" -f "$DEPLOY_DIR/kafka/pom.xml" -DincludeScope=runtime -DoutputDirectory="$1" \
    org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies >/dev/null 2>&1; then
    tail -n 25 "$1.log" >&2
    rm -rf "$1" "$1.log"
    die "Maven could not download the jars of Kafka (see above): check whether this machine can reach the Maven repository"
  fi
  rm -f "$1.log"
}

# kafka_jars_are_valid DIR: the folder contains exactly the files in SHA256SUMS, with their checksums.
kafka_jars_are_valid() {
  [ -d "$1" ] || return 1
  [ "$(find "$1" -type f | wc -l)" = "$(grep -c . "$DEPLOY_DIR/kafka/SHA256SUMS")" ] || return 1
  (cd "$1" && sha256sum --check --status "$DEPLOY_DIR/kafka/SHA256SUMS")
}
