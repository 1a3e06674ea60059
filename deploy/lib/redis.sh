# shellcheck shell=bash
# Starts and stops Redis, the cache. The caller sets STATE_DIR and REDIS_PORT.

redis_start() {
  local sum
  mkdir -p "$STATE_DIR/redis"
  fill "$DEPLOY_DIR/redis/redis.conf" PORT="$REDIS_PORT" PASSWORD="$(secret redis)" DIR="$STATE_DIR/redis" |
    write_if_changed "$STATE_DIR/redis/redis.conf"
  sum=$(fingerprint "$STATE_DIR/redis/redis.conf")
  if keep redis "$sum"; then return; fi
  redis_stop
  need_port Redis "$REDIS_PORT" REDIS_PORT
  say "starting redis on port $REDIS_PORT"
  spawn redis redis-server "$STATE_DIR/redis/redis.conf"
  wait_ready redis 20 redis_answers
  started redis "$sum"
}

redis_answers() {
  [ "$(REDISCLI_AUTH=$(secret redis) redis-cli -h 127.0.0.1 -p "$REDIS_PORT" ping)" = PONG ]
}

redis_stop() { stop_process redis TERM 10 KILL; }

redis_url() { echo "redis://:$(secret redis)@127.0.0.1:$REDIS_PORT/0"; }
