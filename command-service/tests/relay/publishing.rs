//! Publishing: every event reaches Kafka at least once, in the order of its stream, linked to the previous event of its partition.

use command_service::relay;
use events::{Position, topics};
use platform::health::Health;
use platform::shutdown::Shutdown;
use testbed::PATIENCE;
use tokio::sync::mpsc;

use crate::fixture::{
    Fixture, PARTITIONS, assert_linked, events_of, last_positions, split_repeats, streams, without_repeats,
};

#[tokio::test]
async fn every_event_is_published_once_in_order_and_linked_to_the_previous_event() -> anyhow::Result<()> {
    let mut fixture = Fixture::new().await?;
    let written = fixture.append(&streams(300)).await?;

    let mut relay = fixture.relay("a");
    relay.until(Position(300)).await?;

    let published = fixture.published()?;
    assert_eq!(published.values().map(Vec::len).sum::<usize>(), 300, "each event once");
    assert_linked(&published);
    assert_eq!(events_of(&published), written);
    for ((topic, partition), messages) in &published {
        for message in messages {
            let stream = &message.event.stream;
            assert_eq!(topic, &fixture.topic(stream.category()));
            assert_eq!(*partition, topics::partition_of(stream.as_str(), PARTITIONS));
        }
    }
    assert_eq!(fixture.checkpoint().await?, 300);
    assert_eq!(fixture.partitions().await?, last_positions(&fixture.config, &published));
    Ok(())
}

#[tokio::test]
async fn a_gap_between_the_writers_batches_is_read_from_the_log() -> anyhow::Result<()> {
    let mut fixture = Fixture::new().await?;
    let mut relay = fixture.relay("a");
    relay.until_leader().await?;
    let written = fixture.append(&streams(60)).await?;

    // Missing: 11 to 20, and the last ten. Repeated: 21 to 30.
    for range in [0..10, 20..30, 20..35, 35..50] {
        relay.batches.send(written[range].into()).await?;
    }
    relay.until(Position(60)).await?;

    let published = fixture.published()?;
    assert_eq!(published.values().map(Vec::len).sum::<usize>(), 60, "each event once");
    assert_linked(&published);
    assert_eq!(events_of(&published), written);
    Ok(())
}

#[tokio::test]
async fn events_after_the_checkpoint_are_sent_again_unchanged() -> anyhow::Result<()> {
    let mut fixture = Fixture::new().await?;
    let mut relay = fixture.relay("a");
    let mut written = fixture.append(&streams(20)).await?;
    relay.until(Position(20)).await?;
    written.extend(fixture.append(&streams(30)).await?);
    relay.until_sent(30).await?;
    fixture.until_published(50).await?;

    drop(relay);
    assert_eq!(fixture.checkpoint().await?, 20);
    let mut restarted = fixture.relay("a");
    assert_eq!(restarted.until_leader().await?, Position(20));
    restarted.until(Position(50)).await?;

    let published = fixture.published()?;
    assert_eq!(published.values().map(Vec::len).sum::<usize>(), 80, "30 events twice");
    for messages in published.values() {
        let (firsts, repeats) = split_repeats(messages);
        assert!(repeats.iter().all(|repeat| firsts.contains(repeat)), "repeats have the same event, id and link");
    }
    assert_linked(&without_repeats(&published));
    assert_eq!(events_of(&without_repeats(&published)), written);
    Ok(())
}

#[tokio::test]
async fn a_running_relay_follows_the_log_until_it_is_stopped() -> anyhow::Result<()> {
    let mut fixture = Fixture::new().await?;
    let shutdown = Shutdown::new();
    let (batches, receiver) = mpsc::channel(8);
    let (config, database, log) = (fixture.config.clone(), fixture.database.clone(), fixture.log.clone());
    let running = tokio::spawn(relay::run(config, database, log, receiver, Health::new(), shutdown.clone()));
    let mut written = fixture.append(&streams(10)).await?;
    fixture.until_published(10).await?;
    written.extend(fixture.append(&streams(10)).await?);
    batches.try_send(written[10..].into())?;
    fixture.until_published(20).await?;

    shutdown.request();
    tokio::time::timeout(PATIENCE, running).await??;
    assert_eq!(fixture.checkpoint().await?, 20);
    let is_free: bool = sqlx::query_scalar("select lease_until < clock_timestamp() from relay_checkpoint")
        .fetch_one(&fixture.database)
        .await?;
    assert!(is_free, "the lease is released");
    assert_eq!(events_of(&fixture.published()?), written);
    Ok(())
}
