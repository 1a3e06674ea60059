# shellcheck shell=bash
# Gets Apache Kafka as jars, by Maven from deploy/kafka/pom.xml, and trusts none that deploy/kafka/SHA256SUMS does not
# name. They are kept in the cache, so that one machine fetches them once.

# use_kafka_jars: sets KAFKA_JARS, fetching them if need be.
use_kafka_jars() {
  local sums=$DEPLOY_DIR/kafka/SHA256SUMS key
  key=$(sha256sum <"$sums" | cut -c1-12)
  KAFKA_JARS=$CACHE_DIR/kafka-$key
  if kafka_jars_are_right "$KAFKA_JARS"; then return; fi
  mkdir -p "$CACHE_DIR"
  kafka_jars_fetch "$KAFKA_JARS.$$"
  if ! kafka_jars_are_right "$KAFKA_JARS.$$"; then
    (cd "$KAFKA_JARS.$$" && sha256sum --check --quiet "$sums") >&2 || true
    rm -rf "$KAFKA_JARS.$$"
    die "Kafka's jars are not the ones of deploy/kafka/SHA256SUMS (see above): nothing was installed"
  fi
  rm -rf "$KAFKA_JARS"
  mv -T "$KAFKA_JARS.$$" "$KAFKA_JARS" 2>/dev/null || rm -rf "$KAFKA_JARS.$$"
}

# kafka_jars_fetch DIR
kafka_jars_fetch() {
  say "fetching Apache Kafka ($(grep -c . "$DEPLOY_DIR/kafka/SHA256SUMS") jars)"
  mkdir -p "$1"
  # The plugin's name is written out: Debian's Maven does not find it by its short prefix on every machine.
  if ! mvn -B -l "$1.log" -f "$DEPLOY_DIR/kafka/pom.xml" -DincludeScope=runtime -DoutputDirectory="$1" \
    org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies >/dev/null 2>&1; then
    tail -n 25 "$1.log" >&2
    rm -rf "$1" "$1.log"
    die "Maven could not fetch Kafka's jars (see above): is its repository reachable from this machine?"
  fi
  rm -f "$1.log"
}

# kafka_jars_are_right DIR: every jar named is there and right, and no other file is.
kafka_jars_are_right() {
  [ -d "$1" ] || return 1
  [ "$(find "$1" -type f | wc -l)" = "$(grep -c . "$DEPLOY_DIR/kafka/SHA256SUMS")" ] || return 1
  (cd "$1" && sha256sum --check --status "$DEPLOY_DIR/kafka/SHA256SUMS")
}
