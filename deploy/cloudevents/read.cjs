// Reads all messages with kafkajs and parses them with the CloudEvents SDK for JavaScript in strict mode. Attributes and data must
// equal the expected ones in the file MESSAGES.
//
// The relay compresses batches with lz4, for which kafkajs has no codec. Without the codec that is registered here, kafkajs fails
// with "LZ4 compression not implemented".
'use strict';

const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const { CloudEvent, Kafka: KafkaBinding } = require('cloudevents');
const { CompressionCodecs, CompressionTypes, Kafka, logLevel } = require('kafkajs');
const LZ4 = require('kafkajs-lz4');

// Limit for reading all messages; joining the consumer group takes seconds.
const PATIENCE_MS = 60_000;

let decompressed = 0;
const lz4 = new LZ4().codec();
CompressionCodecs[CompressionTypes.LZ4] = () => ({
  compress: lz4.compress,
  decompress: (buffer) => {
    decompressed += 1;
    return lz4.decompress(buffer);
  },
});

const expected = JSON.parse(fs.readFileSync(process.env.MESSAGES, 'utf8'));
const open = new Map(expected.map((message) => [message.id, message]));

// The SDK expects headers as text; kafkajs returns bytes.
function toEvent({ key, value, headers }) {
  const texts = Object.entries(headers).map(([name, bytes]) => [name, bytes.toString('utf8')]);
  const event = KafkaBinding.toEvent({ key: key.toString('utf8'), value, headers: Object.fromEntries(texts) });
  // Strict mode: both calls throw an error if the event violates the specification.
  assert.ok(event.validate());
  return new CloudEvent({ ...event }, true);
}

function check(event, message) {
  const attributes = { ...message.attributes, partitionkey: message.attributes.subject };
  for (const [name, value] of Object.entries(attributes)) {
    // The SDK has a precision of milliseconds.
    const due = name === 'time' ? new Date(value).toISOString() : value;
    assert.equal(event[name], due, `${message.name}: ${name}`);
  }
  assert.deepEqual(event.data, message.data, message.name);
}

async function main() {
  const client = new Kafka({ brokers: process.env.KAFKA_BROKERS.split(','), logLevel: logLevel.ERROR });
  const consumer = client.consumer({ groupId: `${process.env.TOPIC_PREFIX}cloudevents-js` });
  await consumer.connect();
  const topics = [...new Set(expected.map((message) => message.topic))];
  await consumer.subscribe({ topics, fromBeginning: true });
  await new Promise((resolve, reject) => {
    const late = setTimeout(() => reject(new Error(`${open.size} messages did not arrive`)), PATIENCE_MS);
    consumer.on(consumer.events.CRASH, ({ payload }) => reject(payload.error));
    consumer.run({
      eachMessage: async ({ message }) => {
        try {
          const event = toEvent(message);
          check(event, open.get(event.id) ?? assert.fail(`${event.id} is not expected`));
          open.delete(event.id);
        } catch (error) {
          reject(error);
        }
        if (open.size === 0) {
          clearTimeout(late);
          resolve();
        }
      },
    });
  });
  await consumer.disconnect();
  assert.ok(decompressed > 0, 'no batch was compressed');
  const { version } = JSON.parse(
    fs.readFileSync(path.join(process.env.NODE_PATH, 'cloudevents', 'package.json'), 'utf8'),
  );
  console.log(`cloudevents ${version} (JavaScript, Node ${process.version}) read ${expected.length} messages`);
}

main().then(
  () => process.exit(0),
  (error) => {
    console.error(error);
    process.exit(1);
  },
);
