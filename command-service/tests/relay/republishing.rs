//! Republishing: events are sent to Kafka again exactly as the relay sent them, for a topic that was lost.

use std::time::{Duration, Instant};

use command_service::relay::checkpoint::Checkpoint;
use command_service::relay::checkpoint::take_over::{TakeOver, republishing_instance};
use command_service::relay::republish::{self, BadRange, Error, Report, Request, Topics};
use command_service::relay::{self, Config, Kafka};
use events::{Category, Position};
use platform::health::Health;
use platform::shutdown::Shutdown;
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions};
use rdkafka::client::DefaultClientContext;
use testbed::PATIENCE;
use tokio::sync::mpsc;

use crate::fixture::{Fixture, LONG_LEASE, PARTITIONS, assert_linked, events_of, streams, without_repeats};
use crate::messages::{in_range, messages};

/// A lease whose end a test can wait for, and that does not end by itself on a busy machine.
const SHORT_LEASE: Duration = Duration::from_secs(4);

async fn republish(fixture: &Fixture, request: &Request) -> Result<Report, Error> {
    let config = Config { instance: republishing_instance("test"), ..fixture.config.clone() };
    republish::run(&config, fixture.database.clone(), request, &Shutdown::new(), |_| {}).await
}

fn request(from: i64, to: Option<i64>, topics: Topics) -> Request {
    Request { from: Position(from), to: to.map(Position), topics }
}

fn only(category: Category) -> Topics {
    Topics::parse(&[category.to_string()], "").expect("a category")
}

/// A fixture whose relay has published this number of events and has stopped.
async fn published(count: usize) -> anyhow::Result<Fixture> {
    let mut fixture = Fixture::new().await?;
    fixture.append(&streams(count)).await?;
    let mut relay = fixture.relay("a");
    relay.until(Position(count as i64)).await?;
    relay.relay.stop().await;
    Ok(fixture)
}

/// Other topics, which are empty, on the same cluster. Returns the topics that were used before.
fn lose_topics(fixture: &mut Fixture) -> anyhow::Result<Kafka> {
    let mut lost = fixture.config.kafka.clone().expect("the fixture uses Kafka");
    std::mem::swap(&mut lost, fixture.config.kafka.as_mut().expect("the fixture uses Kafka"));
    fixture.config.kafka.as_mut().expect("the fixture uses Kafka").topic_prefix += "new.";
    Ok(lost)
}

#[tokio::test]
async fn events_are_published_again_unchanged() -> anyhow::Result<()> {
    let mut fixture = published(1_200).await?;
    let (checkpoint, partitions) = (fixture.checkpoint().await?, fixture.partitions().await?);
    let before = messages(&lose_topics(&mut fixture)?, &Category::ALL)?;

    let report = republish(&fixture, &request(1, None, Topics::all())).await?;

    let kafka = fixture.config.kafka.clone().expect("the fixture uses Kafka");
    assert_eq!(messages(&kafka, &Category::ALL)?, before, "key, payload, headers and order");
    assert_eq!(report.range, Position(1)..=Position(1_200));
    let expected = [(Category::Order, 400), (Category::Stock, 400), (Category::Product, 400)];
    let expected = expected.map(|(category, count)| (fixture.topic(category), count));
    assert_eq!(report.topics[..3], expected);
    assert_eq!((fixture.checkpoint().await?, fixture.partitions().await?), (checkpoint, partitions));

    // The lease is released, and the relay continues after its checkpoint.
    fixture.append(&streams(10)).await?;
    let mut relay = fixture.relay("b");
    assert_eq!(relay.until_leader().await?, Position(1_200));
    relay.until(Position(1_210)).await?;
    assert_linked(&fixture.published()?);
    Ok(())
}

#[tokio::test]
async fn a_part_of_a_topic_is_linked_to_the_events_before_it() -> anyhow::Result<()> {
    let mut fixture = published(600).await?;
    let lost = lose_topics(&mut fixture)?;

    let report = republish(&fixture, &request(301, Some(450), only(Category::Stock))).await?;

    let kafka = fixture.config.kafka.clone().expect("the fixture uses Kafka");
    let before = messages(&lost, &[Category::Stock])?;
    assert_eq!(messages(&kafka, &Category::ALL)?, in_range(&before, 301..=450));
    assert_eq!(report.topics, [(fixture.topic(Category::Stock), 50)]);
    Ok(())
}

#[tokio::test]
async fn a_deleted_topic_is_filled_while_a_relay_runs() -> anyhow::Result<()> {
    let mut fixture = Fixture::new().await?;
    fixture.config.lease = SHORT_LEASE;
    let shutdown = Shutdown::new();
    let config = Config { instance: "a".into(), ..fixture.config.clone() };
    let (_batches, receiver) = mpsc::channel(8);
    let (database, log) = (fixture.database.clone(), fixture.log.clone());
    let running = tokio::spawn(relay::run(config, database, log, receiver, Health::new(), shutdown.clone()));
    let mut written = fixture.append(&streams(150)).await?;
    until_checkpoint(&fixture, 150).await?;
    let kafka = fixture.config.kafka.clone().expect("the fixture uses Kafka");
    let before = messages(&kafka, &Category::ALL)?;

    delete_topic(&kafka, &fixture.topic(Category::Order)).await?;
    republish(&fixture, &request(1, None, only(Category::Order))).await?;

    assert_eq!(messages(&kafka, &Category::ALL)?, before, "the other topics contain no repeats");
    written.extend(fixture.append(&streams(30)).await?);
    until_checkpoint(&fixture, 180).await?;
    shutdown.request();
    tokio::time::timeout(PATIENCE, running).await??;
    let published = without_repeats(&fixture.published()?);
    assert_linked(&published);
    assert_eq!(events_of(&published), written);
    Ok(())
}

/// Deletes a topic, and waits until the broker does not know it any more: until then, messages to it are accepted and lost.
async fn delete_topic(kafka: &Kafka, topic: &str) -> anyhow::Result<()> {
    let admin: AdminClient<DefaultClientContext> = ClientConfig::new()
        .set("bootstrap.servers", &kafka.brokers)
        .set("allow.auto.create.topics", "false")
        .create()?;
    let options = AdminOptions::new().operation_timeout(Some(PATIENCE));
    admin.delete_topics(&[topic], &options).await?.remove(0).map_err(|(_, code)| anyhow::anyhow!("{code}"))?;
    let deadline = Instant::now() + PATIENCE;
    while admin.inner().fetch_metadata(Some(topic), PATIENCE)?.topics().iter().any(|it| it.error().is_none()) {
        anyhow::ensure!(Instant::now() < deadline, "topic {topic} was not deleted");
        tokio::task::yield_now().await;
    }
    Ok(())
}

async fn until_checkpoint(fixture: &Fixture, position: i64) -> anyhow::Result<()> {
    let reached = async {
        while fixture.checkpoint().await? < position {
            tokio::task::yield_now().await;
        }
        anyhow::Ok(())
    };
    tokio::time::timeout(PATIENCE, reached).await?
}

#[tokio::test]
async fn only_one_process_publishes_events_again_and_no_relay_sends_meanwhile() -> anyhow::Result<()> {
    let mut fixture = published(20).await?;
    let checkpoint = |name: &str, lease| Checkpoint::new(fixture.database.clone(), name.into(), lease, PARTITIONS);
    let first = checkpoint(&republishing_instance("first"), LONG_LEASE);
    let TakeOver::Taken { lease, remaining, .. } = first.take_over(Duration::ZERO).await? else {
        panic!("there is no leader")
    };
    assert_eq!(remaining, Duration::ZERO);
    let second = checkpoint(&republishing_instance("second"), LONG_LEASE);
    let TakeOver::Held { holder, .. } = second.take_over(2 * LONG_LEASE).await? else { panic!("the lease is held") };
    assert_eq!(holder, republishing_instance("first"));
    assert!(checkpoint("a", LONG_LEASE).acquire().await?.is_none());

    first.release(lease.epoch).await?;
    let mut relay = fixture.relay("a");
    fixture.append(&streams(5)).await?;
    relay.until(Position(25)).await?;
    Ok(())
}

#[tokio::test]
async fn a_lease_is_taken_over_only_if_its_end_can_be_waited_for() -> anyhow::Result<()> {
    let fixture = published(20).await?;
    let mut relay = fixture.relay("a");
    relay.until_leader().await?;
    let instance = republishing_instance("test");
    let checkpoint = Checkpoint::new(fixture.database.clone(), instance, LONG_LEASE, PARTITIONS);
    let TakeOver::Held { holder, .. } = checkpoint.take_over(SHORT_LEASE).await? else { panic!("the lease is long") };
    assert_eq!(holder, "a");
    let TakeOver::Taken { predecessor, remaining, .. } = checkpoint.take_over(2 * LONG_LEASE).await? else {
        panic!("the lease can be taken over")
    };
    assert!(predecessor == "a" && remaining > LONG_LEASE / 2, "the relay may send until its lease ends");
    Ok(())
}

#[tokio::test]
async fn a_bad_range_is_refused() -> anyhow::Result<()> {
    let fixture = published(20).await?;
    let refused = |error| match error {
        Err(Error::Range(range)) => range,
        other => panic!("{other:?}"),
    };
    for (from, to, expected) in [
        (0, None, BadRange::BeforeFirst(Position(0))),
        (9, Some(8), BadRange::Reversed { from: Position(9), to: Position(8) }),
        (1, Some(21), BadRange::BeyondCheckpoint { position: Position(21), checkpoint: Position(20) }),
        (21, None, BadRange::BeyondCheckpoint { position: Position(21), checkpoint: Position(20) }),
    ] {
        assert_eq!(refused(republish(&fixture, &request(from, to, Topics::all())).await), expected);
    }
    assert_eq!(fixture.published()?.values().map(Vec::len).sum::<usize>(), 20, "nothing was sent");
    Ok(())
}

#[tokio::test]
async fn without_a_reachable_kafka_the_error_says_what_to_do() -> anyhow::Result<()> {
    let mut fixture = published(20).await?;
    fixture.use_brokers("127.0.0.1:1".into());
    let all = request(1, None, Topics::all());
    let error = republish(&fixture, &all).await.unwrap_err();
    assert!(error.to_string().contains("Kafka is not reachable at 127.0.0.1:1"), "{error}");
    fixture.without_kafka();
    let error = republish(&fixture, &all).await.unwrap_err();
    assert!(matches!(error, Error::NoKafka) && error.to_string().contains("set KAFKA_BROKERS"), "{error}");
    Ok(())
}
