# shellcheck shell=bash
# Prints the addresses of the platform and three example commands at the end of `deploy/up`. The commands can be repeated: because
# of their idempotency keys, a second run returns the same responses.

print_urls() {
  local kafka='no Kafka (KAFKA=off)'
  if uses_kafka; then kafka="Kafka localhost:$KAFKA_PORT"; fi
  cat <<TEXT

The platform is ready.
  commands     http://localhost:$COMMAND_PORT/v1, documentation: http://localhost:$COMMAND_PORT/docs
  queries      http://localhost:$QUERY_PORT/v1, documentation: http://localhost:$QUERY_PORT/docs
  health, metrics   http://localhost:$COMMAND_ADMIN_PORT (command-service), :$PROJECTOR_ADMIN_PORT (projector), :$QUERY_ADMIN_PORT (query-service)
  PostgreSQL   localhost:$POSTGRES_PORT, replica localhost:$REPLICA_PORT · Redis localhost:$REDIS_PORT · $kafka
  passwords    $STATE_DIR/secrets
TEXT
}

print_curl_lines() {
  local command=localhost:$COMMAND_PORT/v1 query=localhost:$QUERY_PORT head=/tmp/first-order.head
  local json="-H 'Content-Type: application/json'"
  cat <<TEXT

Three commands to try: create a product; receive stock and place an order; read the order with its consistency token:

curl -s $command/products $json -H 'Idempotency-Key: first-product' -d '{"sku":"MUG-1","name":"Mug","prices":{"GBP":450}}'

curl -s $command/stock/MUG-1/main/receipts $json -H 'Idempotency-Key: first-receipt' -d '{"quantity":100}' && curl -s -D $head $command/orders $json -H 'Idempotency-Key: first-order' -d '{"currency":"GBP","lines":[{"sku":"MUG-1","quantity":2}]}'

curl -s "$query\$(sed -n 's/^location: *//Ip' $head | tr -d '\r')" -H "\$(grep -i '^consistency-token:' $head | tr -d '\r')" -H 'Prefer: wait=2'

TEXT
}
