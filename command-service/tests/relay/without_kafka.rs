//! Without Kafka: the relay sends nothing, and its checkpoint moves as with Kafka.

use events::Position;

use crate::fixture::{Fixture, events_of, last_positions, streams};

#[tokio::test]
async fn the_checkpoint_and_the_partitions_advance_as_with_kafka() -> anyhow::Result<()> {
    let (mut with, mut without) = (Fixture::new().await?, Fixture::new().await?);
    without.without_kafka();
    for fixture in [&mut with, &mut without] {
        let mut relay = fixture.relay("a");
        fixture.append(&streams(300)).await?;
        relay.until(Position(300)).await?;
        let batch = fixture.append(&streams(40)).await?;
        relay.batches.send(batch.into()).await?;
        relay.until(Position(340)).await?;
        relay.until_idle().await?;
        assert!(relay.is_up("relay") && relay.health.is_ready());
    }
    assert_eq!(without.partitions().await?, with.partitions().await?);
    assert_eq!(with.partitions().await?, last_positions(&with.config, &with.published()?));
    Ok(())
}

#[tokio::test]
async fn kafka_is_no_component_of_the_health_report() -> anyhow::Result<()> {
    let mut fixture = Fixture::new().await?;
    fixture.without_kafka();
    let mut relay = fixture.relay("a");
    relay.until_leader().await?;
    relay.until_idle().await?;
    let report = relay.health.report();
    assert!(report.components.iter().all(|component| component.name != "kafka"), "{report:?}");
    Ok(())
}

#[tokio::test]
async fn another_instance_takes_over_and_a_log_behind_its_checkpoint_is_detected() -> anyhow::Result<()> {
    let mut fixture = Fixture::new().await?;
    fixture.without_kafka();
    fixture.append(&streams(20)).await?;
    let (mut first, mut second) = (fixture.relay("a"), fixture.relay("b"));
    first.until(Position(20)).await?;
    fixture.expire_lease().await?;
    assert_eq!(second.until_leader().await?, Position(20));
    fixture.append(&streams(10)).await?;
    first.until_leadership_lost().await?;
    second.until(Position(30)).await?;
    fixture.lose_tail(25).await?;
    fixture.expire_lease().await?;
    first.first_error().await?;
    assert!(!first.health.is_ready());
    assert_eq!(fixture.checkpoint().await?, 30);
    Ok(())
}

#[tokio::test]
async fn after_a_switch_to_kafka_the_events_after_the_checkpoint_are_published() -> anyhow::Result<()> {
    let mut fixture = Fixture::new().await?;
    let kafka = fixture.without_kafka();
    fixture.append(&streams(60)).await?;
    let mut relay = fixture.relay("a");
    relay.until(Position(60)).await?;
    relay.relay.stop().await;
    let before = fixture.partitions().await?;

    fixture.config.kafka = kafka;
    let mut written = fixture.append(&streams(5)).await?;
    let mut relay = fixture.relay("a");
    assert_eq!(relay.until_leader().await?, Position(60));
    written.extend(fixture.append(&streams(35)).await?);
    relay.until(Position(100)).await?;

    let published = fixture.published()?;
    assert_eq!(events_of(&published), written, "the events after the checkpoint, each once");
    for ((topic, partition), messages) in &published {
        let category =
            events::topics::category_of(&fixture.bed.topic_prefix(), topic).expect("a topic of the platform");
        let last_before = Position(before[&(category.to_string(), *partition)]);
        assert_eq!(messages[0].previous, last_before, "readers can prove that earlier events are missing");
        let linked = messages.windows(2).all(|pair| pair[1].previous == pair[0].event.position);
        assert!(linked, "partition {partition} of {topic}");
    }
    Ok(())
}
