# shellcheck shell=bash
# Kafka, one node. Takes from the caller: STATE_DIR, KAFKA_PORT, KAFKA_CONTROLLER_PORT; the jars are kafka-jars.sh's.

KAFKA_HEAP_MB=400

kafka_start() {
  local dir=$STATE_DIR/kafka sum java
  use_kafka_jars
  java=$(find_java) || die "no Java 17 or newer found"
  mkdir -p "$dir"
  fill "$DEPLOY_DIR/kafka/server.properties" PORT="$KAFKA_PORT" CONTROLLER_PORT="$KAFKA_CONTROLLER_PORT" DIR="$dir" |
    write_if_changed "$dir/server.properties"
  sum=$(fingerprint "$dir/server.properties" "$DEPLOY_DIR/kafka/SHA256SUMS" "$DEPLOY_DIR/kafka/log4j2.properties")
  if keep kafka "$sum"; then return; fi
  kafka_stop
  kafka_format "$java" "$dir"
  need_port Kafka "$KAFKA_PORT" KAFKA_PORT
  need_port "Kafka's controller" "$KAFKA_CONTROLLER_PORT" KAFKA_CONTROLLER_PORT
  say "starting kafka on port $KAFKA_PORT"
  # The serial collector: the least processor time, and its pauses are short on a heap of this size.
  spawn kafka "$java" -Xms256m "-Xmx${KAFKA_HEAP_MB}m" -XX:+UseSerialGC -XX:+ExitOnOutOfMemoryError \
    -Djava.awt.headless=true "-Dlog4j2.configurationFile=file:$DEPLOY_DIR/kafka/log4j2.properties" \
    -cp "$KAFKA_JARS/*" kafka.Kafka "$dir/server.properties"
  wait_ready kafka 90 kafka_answers
  started kafka "$sum"
}

# kafka_format JAVA DIR: a data directory is formatted once, with an id of its own.
kafka_format() {
  [ ! -s "$2/data/meta.properties" ] || return 0
  say "formatting Kafka's data directory $2/data"
  rm -rf "$2/data"
  kafka_tool "$1" kafka.tools.StorageTool format --standalone -c "$2/server.properties" \
    -t "$(kafka_cluster_id "$2")" >"$STATE_DIR/logs/kafka-format.log" 2>&1 ||
    fail_with_log kafka-format "Kafka's data directory could not be formatted"
}

kafka_cluster_id() {
  [ -s "$1/cluster.id" ] || head -c 16 /dev/urandom | base64 | tr '+/' '-_' | tr -d '=' >"$1/cluster.id"
  # An id must not begin with a dash, which the tool would take for an option.
  sed -i 's/^-/A/' "$1/cluster.id"
  cat "$1/cluster.id"
}

# kafka_tool JAVA CLASS ARGUMENTS...: one of Kafka's own command-line tools.
kafka_tool() {
  local java=$1
  shift
  "$java" -Xmx256m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 \
    "-Dlog4j2.configurationFile=file:$DEPLOY_DIR/kafka/log4j2.properties" -cp "$KAFKA_JARS/*" "$@"
}

# kafka_answers: asks for the cluster's metadata, as any client does (Metadata v1, no topics), and succeeds when at
# least one broker is in the answer: it is listed as soon as it may serve. No Java, so it costs nothing to repeat.
kafka_answers() {
  local brokers
  brokers=$(
    exec 3<>"/dev/tcp/127.0.0.1/$KAFKA_PORT" || exit 1
    printf '\0\0\0\x0e\0\x03\0\x01\0\0\0\x01\xff\xff\0\0\0\0' >&3
    # Size and correlation id (4 bytes each), then the number of brokers.
    timeout 5 head -c 12 <&3 | od -An -v -tu1 | awk '{ print $12 }'
  ) 2>/dev/null || return 1
  [ "${brokers:-0}" -ge 1 ]
}

# Takes some seconds: a broker hands over what it leads and closes its files before it ends.
kafka_stop() { stop_process kafka TERM 60 KILL; }

# find_java: prints a java of version 17 or newer.
find_java() {
  local java version
  for java in "$(command -v java)" /usr/lib/jvm/java-*-openjdk-*/bin/java; do
    [ -x "$java" ] || continue
    version=$("$java" -version 2>&1 | sed -nE '1s/.*version "([0-9]+).*/\1/p')
    if [ "${version:-0}" -ge 17 ]; then echo "$java"; return; fi
  done
  return 1
}
