# shellcheck shell=bash
# Starts and stops Kafka with one node. The caller sets STATE_DIR, KAFKA_PORT and KAFKA_CONTROLLER_PORT; kafka-jars.sh provides the
# jars.

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
  # The serial garbage collector needs the least processor time, and its pauses are short with a heap of this size.
  spawn kafka "$java" -Xms256m "-Xmx${KAFKA_HEAP_MB}m" -XX:+UseSerialGC -XX:+ExitOnOutOfMemoryError \
    -Djava.awt.headless=true "-Dlog4j2.configurationFile=file:$DEPLOY_DIR/kafka/log4j2.properties" \
    -cp "$KAFKA_JARS/*" kafka.Kafka "$dir/server.properties"
  wait_ready kafka 90 kafka_answers
  started kafka "$sum"
}

# kafka_format JAVA DIR: formats the data directory once, with a random cluster id.
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
  # An id must not start with a dash, which the tool would parse as an option.
  sed -i 's/^-/A/' "$1/cluster.id"
  cat "$1/cluster.id"
}

# kafka_tool JAVA CLASS ARGUMENTS...: runs a command-line tool of Kafka.
kafka_tool() {
  local java=$1
  shift
  "$java" -Xmx256m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 \
    "-Dlog4j2.configurationFile=file:$DEPLOY_DIR/kafka/log4j2.properties" -cp "$KAFKA_JARS/*" "$@"
}

# kafka_answers: requests the metadata of the cluster like a client (Metadata v1, no topics), and succeeds if the response
# contains a broker, which is the case as soon as the broker accepts requests. It needs no Java process, so it can be repeated
# often.
kafka_answers() {
  local brokers
  brokers=$(
    exec 3<>"/dev/tcp/127.0.0.1/$KAFKA_PORT" || exit 1
    printf '\0\0\0\x0e\0\x03\0\x01\0\0\0\x01\xff\xff\0\0\0\0' >&3
    # Size, correlation id and number of brokers (4 bytes each).
    timeout 5 head -c 12 <&3 | od -An -v -tu1 | awk '{ print $12 }'
  ) 2>/dev/null || return 1
  [ "${brokers:-0}" -ge 1 ]
}

# Takes several seconds, because a broker hands over its partitions and closes its files before it ends.
kafka_stop() { stop_process kafka TERM 60 KILL; }

# find_java: prints the path of Java 17 or newer.
find_java() {
  local java version
  for java in "$(command -v java)" /usr/lib/jvm/java-*-openjdk-*/bin/java; do
    [ -x "$java" ] || continue
    version=$("$java" -version 2>&1 | sed -nE '1s/.*version "([0-9]+).*/\1/p')
    if [ "${version:-0}" -ge 17 ]; then echo "$java"; return; fi
  done
  return 1
}
