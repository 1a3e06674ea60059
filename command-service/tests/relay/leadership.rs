//! Leadership: lease, epoch and checkpoint.

use std::time::Duration;

use command_service::relay::Outcome;
use command_service::relay::checkpoint::Checkpoint;
use events::{Incarnation, Position};

use crate::fixture::{
    Fixture, LONG_LEASE, PARTITIONS, assert_linked, events_of, last_positions, streams, without_repeats,
};

#[tokio::test]
async fn a_stopped_leader_hands_over_at_once_and_no_event_is_sent_twice() -> anyhow::Result<()> {
    let mut fixture = Fixture::new().await?;
    let (mut first, mut second) = (fixture.relay("a"), fixture.relay("b"));
    first.until_leader().await?;
    assert_eq!(second.step().await?, Outcome::Standby);
    let mut written = fixture.append(&streams(50)).await?;
    first.until_sent(50).await?;

    first.relay.stop().await;
    assert_eq!(second.step().await?, Outcome::BecameLeader(Position(50)));
    written.extend(fixture.append(&streams(50)).await?);
    second.until(Position(100)).await?;

    let published = fixture.published()?;
    assert_eq!(published.values().map(Vec::len).sum::<usize>(), 100, "each event once");
    assert_linked(&published);
    assert_eq!(events_of(&published), written);
    Ok(())
}

#[tokio::test]
async fn another_instance_takes_over_when_the_lease_ends() -> anyhow::Result<()> {
    let mut fixture = Fixture::new().await?;
    let (mut paused, mut other) = (fixture.relay("a"), fixture.relay("b"));
    paused.until_leader().await?;
    let mut written = fixture.append(&streams(40)).await?;
    paused.until_sent(40).await?;

    fixture.expire_lease().await?;
    assert_eq!(other.until_leader().await?, Position::ZERO);
    other.until(Position(40)).await?;
    written.extend(fixture.append(&streams(10)).await?);
    paused.until_leadership_lost().await?;
    assert_eq!(paused.step().await?, Outcome::Standby);
    other.until(Position(50)).await?;

    let published = without_repeats(&fixture.published()?);
    assert_linked(&published);
    assert_eq!(events_of(&published), written);
    assert_eq!(fixture.partitions().await?, last_positions(&fixture.config, &published));
    Ok(())
}

#[tokio::test]
async fn a_leader_whose_lease_has_ended_sends_nothing() -> anyhow::Result<()> {
    let mut fixture = Fixture::new().await?;
    fixture.config.lease = Duration::ZERO;
    fixture.append(&streams(40)).await?;
    let mut relay = fixture.relay("a");
    relay.until_leader().await?;
    assert_eq!(relay.step().await?, Outcome::LostLeadership);
    assert!(fixture.published()?.is_empty());
    Ok(())
}

#[tokio::test]
async fn an_old_epoch_saves_nothing() -> anyhow::Result<()> {
    let mut fixture = Fixture::new().await?;
    fixture.append(&streams(5)).await?;
    let old = Checkpoint::new(fixture.database.clone(), "a".into(), Duration::ZERO, PARTITIONS);
    let new = Checkpoint::new(fixture.database.clone(), "b".into(), LONG_LEASE, PARTITIONS);
    old.prepare().await?;
    let before = old.acquire().await?.expect("there is no leader");
    let after = new.acquire().await?.expect("a lease without duration has ended");
    assert!(after.epoch > before.epoch);

    let mut moved = before.watermark.clone();
    moved.advance(Incarnation(1), Position(5), moved.partition_of(&"product-A".parse()?));
    assert!(old.save(before.epoch, &before.watermark, &moved).await?.is_none());
    assert_eq!(fixture.checkpoint().await?, 0);
    assert!(fixture.partitions().await?.values().all(|position| *position == 0));
    old.release(before.epoch).await?;
    assert!(old.acquire().await?.is_none(), "an old epoch does not release the new lease");
    Ok(())
}

#[tokio::test]
async fn a_save_whose_response_was_lost_can_be_repeated() -> anyhow::Result<()> {
    let fixture = Fixture::new().await?;
    let checkpoint = Checkpoint::new(fixture.database.clone(), "a".into(), LONG_LEASE, PARTITIONS);
    checkpoint.prepare().await?;
    let lease = checkpoint.acquire().await?.expect("there is no leader");
    let mut moved = lease.watermark.clone();
    moved.advance(Incarnation(1), Position(5), moved.partition_of(&"product-A".parse()?));
    assert!(checkpoint.save(lease.epoch, &lease.watermark, &moved).await?.is_some());
    assert!(checkpoint.save(lease.epoch, &lease.watermark, &moved).await?.is_some());
    assert_eq!(fixture.checkpoint().await?, 5);
    Ok(())
}
