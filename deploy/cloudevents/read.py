"""Reads all messages with confluent-kafka and parses them with the CloudEvents SDK for Python in strict mode.

Attributes and data must equal the expected ones in the file MESSAGES.
"""

import json
import os
import sys
import time
from datetime import datetime
from importlib.metadata import version

from cloudevents.core.bindings.kafka import KafkaMessage, from_binary
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent
from confluent_kafka import OFFSET_BEGINNING, Consumer, TopicPartition

# Limit for reading all messages.
PATIENCE_S = 60


def consumer(topics):
    """A consumer of every partition of these topics, from the beginning; it joins no group."""
    client = Consumer({"bootstrap.servers": os.environ["KAFKA_BROKERS"], "group.id": "cloudevents-python"})
    known = client.list_topics(timeout=PATIENCE_S).topics
    client.assign([TopicPartition(topic, number, OFFSET_BEGINNING) for topic in topics for number in known[topic].partitions])
    return client


def read(message):
    """Parses a message; the SDK raises an exception if the message violates the specification."""
    assert message.error() is None, message.error()
    headers = dict(message.headers())
    kafka_message = KafkaMessage(headers=headers, key=message.key(), value=message.value())
    return from_binary(kafka_message, JSONFormat(), CloudEvent)


def check(event, expected):
    found = event.get_attributes()
    attributes = {**expected["attributes"], "partitionkey": expected["attributes"]["subject"]}
    attributes["time"] = datetime.fromisoformat(attributes["time"])
    assert found == attributes, f"{expected['name']}: {found} is not {attributes}"
    assert event.get_data() == expected["data"], expected["name"]


def main():
    with open(os.environ["MESSAGES"], encoding="utf-8") as file:
        expected = json.load(file)
    waiting = {message["id"]: message for message in expected}
    client = consumer(sorted({message["topic"] for message in expected}))
    deadline = time.monotonic() + PATIENCE_S
    while waiting:
        message = client.poll(1.0)
        if message is not None:
            event = read(message)
            check(event, waiting.pop(event.get_id()))
        elif time.monotonic() > deadline:
            sys.exit(f"{len(waiting)} messages did not arrive")
    client.close()
    python = sys.version.split()[0]
    print(f"cloudevents {version('cloudevents')} (Python {python}) read {len(expected)} messages")


if __name__ == "__main__":
    main()
