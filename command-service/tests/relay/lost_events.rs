//! A log that has lost published events, and several logs on one Kafka cluster.

use std::collections::HashSet;

use command_service::relay::{Error, LostEvents};
use events::cloudevents::Message;
use events::{Position, Source};

use crate::fixture::{Fixture, assert_linked, events_of, from_source, streams};

#[tokio::test]
async fn a_log_behind_its_checkpoint_is_not_published() -> anyhow::Result<()> {
    let mut fixture = Fixture::new().await?;
    fixture.append(&streams(5)).await?;
    sqlx::query("update relay_checkpoint set position = 6").execute(&fixture.database).await?;
    let mut relay = fixture.relay("a");
    let error = relay.first_error().await?;
    assert!(matches!(error, Error::LostEvents(LostEvents::BehindCheckpoint { .. })), "{error}");
    assert!(!relay.health.is_ready());
    assert!(fixture.published()?.is_empty());

    fixture.append(&streams(1)).await?;
    relay.until_leader().await?;
    assert!(relay.health.is_ready());
    Ok(())
}

#[tokio::test]
async fn a_log_that_lost_published_events_is_not_published() -> anyhow::Result<()> {
    let mut fixture = Fixture::new().await?;
    fixture.append(&streams(40)).await?;
    fixture.relay("a").until(Position(40)).await?;

    let mut restored = fixture.restored_empty().await?;
    restored.append(&streams(50)).await?;
    let mut relay = restored.relay("a");
    let error = relay.first_error().await?;
    assert!(matches!(error, Error::LostEvents(LostEvents::BehindKafka(_))), "{error}");
    assert!(!relay.health.is_ready());
    assert_eq!(fixture.published()?.values().map(Vec::len).sum::<usize>(), 40, "no event was sent");

    restored.raise_incarnation().await?;
    relay.until(Position(50)).await?;
    assert!(relay.health.is_ready());
    Ok(())
}

#[tokio::test]
async fn a_running_relay_stops_when_published_events_were_replaced_in_the_log() -> anyhow::Result<()> {
    for incarnation_raised in [true, false] {
        let mut fixture = Fixture::new().await?;
        let before = fixture.append(&streams(40)).await?;
        let mut relay = fixture.relay("a");
        relay.until(Position(40)).await?;
        fixture.lose_tail(30).await?;
        if incarnation_raised {
            fixture.raise_incarnation().await?;
        }
        let replaced = fixture.append(&streams(20)).await?;
        assert!(before[30..].iter().zip(&replaced).all(|(before, replaced)| before != replaced));
        // The writer's batch seems to continue after the last published event.
        relay.batches.send(replaced[9..].into()).await?;
        let error = relay.first_error().await?;
        assert!(matches!(error, Error::LostEvents(LostEvents::BehindCheckpoint { .. })), "{error}");
        assert!(!relay.health.is_ready());
        assert_eq!(events_of(&fixture.published()?), before, "no replaced event was sent");
    }
    Ok(())
}

#[tokio::test]
async fn two_logs_on_one_kafka_are_distinguished_by_their_source() -> anyhow::Result<()> {
    let (mut fixture, mut other) = (Fixture::new().await?, Fixture::new().await?);
    other.config = fixture.config.clone();
    let written = fixture.append(&streams(40)).await?;
    fixture.relay("a").until(Position(40)).await?;
    // The same streams and positions: the events of the first log do not mean that the second log has lost events.
    let other_written = other.append(&streams(30)).await?;
    other.relay("a").until(Position(30)).await?;

    let published = fixture.published()?;
    for (fixture, written) in [(&fixture, &written), (&other, &other_written)] {
        let log = Source::Log(fixture.log.id().await?);
        assert_eq!(log, Source::Log(fixture.bed.log_id().await?));
        let from_log = from_source(&published, log);
        assert_linked(&from_log);
        assert_eq!(&events_of(&from_log), written);
    }
    assert_ne!(fixture.log.id().await?, other.log.id().await?);
    Ok(())
}

#[tokio::test]
async fn lost_events_are_detected_before_events_of_another_log() -> anyhow::Result<()> {
    let (mut fixture, mut other) = (Fixture::new().await?, Fixture::new().await?);
    other.config = fixture.config.clone();
    fixture.append(&streams(40)).await?;
    fixture.relay("a").until(Position(40)).await?;
    other.append(&streams(200)).await?;
    other.relay("a").until(Position(200)).await?;

    let mut restored = fixture.restored_empty().await?;
    restored.append(&streams(30)).await?;
    let error = restored.relay("b").first_error().await?;
    assert!(matches!(error, Error::LostEvents(LostEvents::BehindKafka(_))), "{error}");
    Ok(())
}

#[tokio::test]
async fn source_and_id_are_unique_across_a_restore() -> anyhow::Result<()> {
    let mut fixture = Fixture::new().await?;
    fixture.append(&streams(40)).await?;
    fixture.relay("a").until(Position(40)).await?;
    let mut restored = fixture.restored_empty().await?;
    restored.raise_incarnation().await?;
    restored.append(&streams(40)).await?;
    restored.relay("b").until(Position(40)).await?;

    let messages: Vec<Message> = fixture.published()?.into_values().flatten().collect();
    let identities: HashSet<(String, String)> =
        messages.iter().map(|message| (message.source.to_string(), message.event.id().to_string())).collect();
    assert_eq!((messages.len(), identities.len()), (80, 80));
    assert_eq!(
        identities.iter().map(|(source, _)| source).collect::<HashSet<_>>().len(),
        1,
        "the restored log is the same log"
    );
    Ok(())
}
