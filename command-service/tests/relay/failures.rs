//! Failures of Kafka and of the database, and configurations that the relay does not accept.

use std::time::Duration;

use command_service::database::Database;
use command_service::relay::{Error, Outcome, checkpoint, topics as relay_topics};
use events::{Category, Position};
use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr};
use testbed::PATIENCE;
use testbed::proxy::Proxy;

use crate::fixture::{Fixture, PARTITIONS, assert_linked, events_of, streams, without_repeats};

#[tokio::test]
async fn after_a_delivery_error_the_relay_continues_after_its_checkpoint() -> anyhow::Result<()> {
    let mut fixture = Fixture::new().await?;
    let kafka = fixture.use_mock_kafka()?;
    let mut relay = fixture.relay("a");
    let mut written = fixture.append(&streams(20)).await?;
    relay.until(Position(20)).await?;

    kafka.request_errors(RDKafkaApiKey::Produce, &[RDKafkaRespErr::RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE]);
    written.extend(fixture.append(&streams(200)).await?);
    let error = relay.first_error().await?;
    assert!(matches!(error, Error::Undelivered(_)), "{error}");
    assert!(!relay.is_up("relay"));

    relay.until(Position(220)).await?;
    let published = without_repeats(&fixture.published()?);
    assert_linked(&published);
    assert_eq!(events_of(&published), written);
    relay.until_idle().await?;
    assert!(relay.is_up("relay") && relay.is_up("kafka"));
    Ok(())
}

#[tokio::test]
async fn an_event_that_kafka_never_accepts_is_soon_retried_alone() -> anyhow::Result<()> {
    let mut fixture = Fixture::new().await?;
    let kafka = fixture.use_mock_kafka()?;
    let mut relay = fixture.relay("a");
    let written = fixture.append(&streams(200)).await?;
    kafka.request_errors(RDKafkaApiKey::Produce, &[RDKafkaRespErr::RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE; 1000]);
    for _ in 0..5 {
        relay.first_error().await?;
    }

    let mut sent = 0;
    let error = relay.steps(|_, outcome| {
        if let Outcome::Sent(count) = outcome {
            sent += count;
        }
        None::<()>
    });
    assert!(matches!(error.await.unwrap_err().downcast()?, Error::Undelivered(_)));
    assert_eq!(sent, 1);

    kafka.clear_request_errors(RDKafkaApiKey::Produce);
    relay.until(Position(200)).await?;
    assert_eq!(events_of(&without_repeats(&fixture.published()?)), written);
    Ok(())
}

#[tokio::test]
async fn while_kafka_is_down_events_wait_and_no_event_is_sent_twice() -> anyhow::Result<()> {
    let mut fixture = Fixture::new().await?;
    let kafka = fixture.use_mock_kafka()?;
    let mut relay = fixture.relay("a");
    let mut written = fixture.append(&streams(20)).await?;
    relay.until(Position(20)).await?;

    kafka.broker_down(1)?;
    written.extend(fixture.append(&streams(100)).await?);
    relay.until_down("kafka").await?;
    assert!(relay.health.is_ready(), "commands do not need Kafka");
    kafka.broker_up(1)?;
    relay.until(Position(120)).await?;

    assert!(relay.is_up("kafka"));
    let published = fixture.published()?;
    assert_eq!(published.values().map(Vec::len).sum::<usize>(), 120, "each event once");
    assert_linked(&published);
    assert_eq!(events_of(&published), written);
    Ok(())
}

#[tokio::test]
async fn broken_database_connections_do_not_cause_repeats() -> anyhow::Result<()> {
    let mut fixture = Fixture::new().await?;
    let mut relay = fixture.relay("a");
    let mut written = fixture.append(&streams(20)).await?;
    relay.until(Position(20)).await?;
    written.extend(fixture.append(&streams(300)).await?);
    relay.until_sent(100).await?;

    fixture.break_connections().await?;
    let mut failures = 0;
    loop {
        match relay.until(Position(320)).await {
            Ok(()) => break,
            Err(error) => assert!(matches!(error.downcast()?, Error::Checkpoint(_) | Error::LogReader(_))),
        }
        failures += 1;
    }

    assert!(failures > 0);
    let published = fixture.published()?;
    assert_eq!(published.values().map(Vec::len).sum::<usize>(), 320, "each event once");
    assert_linked(&published);
    assert_eq!(events_of(&published), written);
    Ok(())
}

#[tokio::test]
async fn an_unavailable_kafka_is_reported_at_start() -> anyhow::Result<()> {
    let mut fixture = Fixture::new().await?;
    fixture.use_brokers("127.0.0.1:1".into());
    let mut relay = fixture.relay("a");
    let error = relay.first_error().await?;
    assert!(matches!(error, Error::Topics(_)), "{error}");
    assert!(!relay.is_up("kafka") && relay.health.is_ready());
    assert_eq!(
        fixture.partitions().await?.len(),
        Category::ALL.len() * PARTITIONS as usize,
        "readers can count the partitions without Kafka"
    );
    Ok(())
}

#[tokio::test]
async fn a_changed_number_of_partitions_is_an_error() -> anyhow::Result<()> {
    let mut fixture = Fixture::new().await?;
    fixture.bed.create_topics(PARTITIONS + 1).await?;
    let error = fixture.relay("a").first_error().await?;
    let expected = (PARTITIONS + 1) as usize;
    assert!(
        matches!(error, Error::Topics(relay_topics::Error::Partitions { found, .. }) if found == expected),
        "{error}"
    );

    fixture.config.partitions = PARTITIONS + 1;
    let error = fixture.relay("a").first_error().await?;
    assert!(matches!(error, Error::Checkpoint(checkpoint::Error::Partitions { found: 3, .. })), "{error}");
    Ok(())
}

#[tokio::test]
async fn an_unresponsive_database_is_reported_and_no_event_is_lost() -> anyhow::Result<()> {
    let mut fixture = Fixture::new().await?;
    let (proxy, url) = Proxy::to_server(&fixture.bed.writer_url()?).await?;
    let mut relay = fixture.relay_with_database("a", Database::new(url.parse()?, 3, Duration::from_millis(500)));
    let mut written = fixture.append(&streams(10)).await?;
    relay.until(Position(10)).await?;

    proxy.freeze();
    written.extend(fixture.append(&streams(10)).await?);
    relay.first_error().await?;
    assert!(!relay.is_up("relay"));

    proxy.thaw();
    let published = async { while relay.until(Position(20)).await.is_err() {} };
    tokio::time::timeout(PATIENCE, published).await?;
    assert!(relay.is_up("relay"));
    let published = fixture.published()?;
    assert_linked(&published);
    assert_eq!(events_of(&published), written);
    Ok(())
}
