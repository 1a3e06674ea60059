//! What the relay promises: every event reaches Kafka at least once, in the order of its stream, linked to the one before it.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use chrono::{DurationRound, TimeDelta, Utc};
use command_service::database::Database;
use command_service::log::batch::{Appended, NewRow};
use command_service::log::{self, Log};
use command_service::relay::checkpoint::{self, Checkpoint};
use command_service::relay::{self, Config, Error, LostTail, Outcome, Relay, topics as relay_topics};
use events::cloudevents::{self, Message};
use events::{Category, Incarnation, Position, Recorded, Source, StreamId, Version, topics};
use platform::health::Health;
use platform::shutdown::Shutdown;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::{Headers, Message as _};
use rdkafka::mocking::MockCluster;
use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};
use sqlx::{Connection, PgConnection};
use testbed::proxy::Proxy;
use testbed::{Bed, PATIENCE};
use tokio::sync::mpsc;

const PARTITIONS: i32 = 3;

/// No test waits for the end of such a lease.
const LONG: Duration = Duration::from_secs(3600);

#[tokio::test]
async fn every_event_arrives_once_in_order_and_linked() -> anyhow::Result<()> {
    let mut shop = Shop::new().await?;
    let written = shop.append(&streams(300)).await?;

    let mut relay = shop.relay("a");
    relay.until(Position(300)).await?;

    let arrived = shop.arrived()?;
    assert_eq!(arrived.values().map(Vec::len).sum::<usize>(), 300, "each once");
    assert_chained(&arrived);
    assert_eq!(events_of(&arrived), written);
    for ((topic, partition), messages) in &arrived {
        for message in messages {
            let stream = &message.event.stream;
            assert_eq!(topic, &topics::topic(&shop.config.topic_prefix, stream.category()));
            assert_eq!(*partition, topics::partition_of(stream.as_str(), PARTITIONS));
        }
    }
    assert_eq!(shop.checkpoint().await?, 300);
    assert_eq!(shop.partitions().await?, last_of_each(&shop.config, &arrived));
    Ok(())
}

#[tokio::test]
async fn a_gap_in_the_writers_memory_is_read_from_the_log() -> anyhow::Result<()> {
    let mut shop = Shop::new().await?;
    let mut relay = shop.relay("a");
    relay.elected().await?;
    let written = shop.append(&streams(60)).await?;

    // Lost: 11 to 20, and the last ten. Told twice: 21 to 30.
    for range in [0..10, 20..30, 20..35, 35..50] {
        relay.batches.send(written[range].into()).await?;
    }
    relay.until(Position(60)).await?;

    let arrived = shop.arrived()?;
    assert_eq!(arrived.values().map(Vec::len).sum::<usize>(), 60, "each once");
    assert_chained(&arrived);
    assert_eq!(events_of(&arrived), written);
    Ok(())
}

#[tokio::test]
async fn a_clean_stop_hands_over_at_once_and_nothing_is_sent_twice() -> anyhow::Result<()> {
    let mut shop = Shop::new().await?;
    let (mut first, mut second) = (shop.relay("a"), shop.relay("b"));
    first.elected().await?;
    assert_eq!(second.step().await?, Outcome::StoodBy);
    let mut written = shop.append(&streams(50)).await?;
    first.sent(50).await?;

    first.relay.stop().await;
    assert_eq!(second.step().await?, Outcome::Elected(Position(50)));
    written.extend(shop.append(&streams(50)).await?);
    second.until(Position(100)).await?;

    let arrived = shop.arrived()?;
    assert_eq!(arrived.values().map(Vec::len).sum::<usize>(), 100, "each once");
    assert_chained(&arrived);
    assert_eq!(events_of(&arrived), written);
    Ok(())
}

#[tokio::test]
async fn what_was_acknowledged_but_not_saved_is_sent_again_unchanged() -> anyhow::Result<()> {
    let mut shop = Shop::new().await?;
    let mut relay = shop.relay("a");
    let mut written = shop.append(&streams(20)).await?;
    relay.until(Position(20)).await?;
    written.extend(shop.append(&streams(30)).await?);
    relay.sent(30).await?;
    shop.until_arrived(50).await?;

    drop(relay);
    assert_eq!(shop.checkpoint().await?, 20);
    let mut restarted = shop.relay("a");
    assert_eq!(restarted.elected().await?, Position(20));
    restarted.until(Position(50)).await?;

    let arrived = shop.arrived()?;
    assert_eq!(arrived.values().map(Vec::len).sum::<usize>(), 80, "30 of them twice");
    for messages in arrived.values() {
        let (firsts, repeats) = split_repeats(messages);
        assert!(repeats.iter().all(|repeat| firsts.contains(repeat)), "the same event, id and link");
    }
    assert_chained(&without_repeats(&arrived));
    assert_eq!(events_of(&without_repeats(&arrived)), written);
    Ok(())
}

#[tokio::test]
async fn another_instance_takes_over_when_the_lease_ends() -> anyhow::Result<()> {
    let mut shop = Shop::new().await?;
    let (mut paused, mut other) = (shop.relay("a"), shop.relay("b"));
    paused.elected().await?;
    let mut written = shop.append(&streams(40)).await?;
    paused.sent(40).await?;

    shop.end_lease().await?;
    assert_eq!(other.elected().await?, Position::ZERO);
    other.until(Position(40)).await?;
    written.extend(shop.append(&streams(10)).await?);
    paused.deposed().await?;
    assert_eq!(paused.step().await?, Outcome::StoodBy);
    other.until(Position(50)).await?;

    let arrived = without_repeats(&shop.arrived()?);
    assert_chained(&arrived);
    assert_eq!(events_of(&arrived), written);
    assert_eq!(shop.partitions().await?, last_of_each(&shop.config, &arrived));
    Ok(())
}

#[tokio::test]
async fn a_leader_whose_lease_is_over_sends_nothing() -> anyhow::Result<()> {
    let mut shop = Shop::new().await?;
    shop.config.lease = Duration::ZERO;
    shop.append(&streams(40)).await?;
    let mut relay = shop.relay("a");
    relay.elected().await?;
    assert_eq!(relay.step().await?, Outcome::Deposed);
    assert!(shop.arrived()?.is_empty());
    Ok(())
}

#[tokio::test]
async fn an_old_epoch_saves_nothing() -> anyhow::Result<()> {
    let mut shop = Shop::new().await?;
    shop.append(&streams(5)).await?;
    let old = Checkpoint::new(shop.database.clone(), "a".into(), Duration::ZERO, PARTITIONS);
    let new = Checkpoint::new(shop.database.clone(), "b".into(), LONG, PARTITIONS);
    old.prepare().await?;
    let before = old.acquire().await?.expect("nobody leads");
    let after = new.acquire().await?.expect("a lease of no time is over");
    assert!(after.epoch > before.epoch);

    let mut moved = before.mark.clone();
    moved.advance(Incarnation(1), Position(5), moved.slot_of(&"product-A".parse()?));
    assert!(old.save(before.epoch, &before.mark, &moved).await?.is_none());
    assert_eq!(shop.checkpoint().await?, 0);
    assert!(shop.partitions().await?.values().all(|position| *position == 0));
    old.release(before.epoch).await?;
    assert!(old.acquire().await?.is_none(), "the lease of the new epoch was not given back");
    Ok(())
}

#[tokio::test]
async fn a_save_whose_answer_was_lost_can_be_repeated() -> anyhow::Result<()> {
    let shop = Shop::new().await?;
    let checkpoint = Checkpoint::new(shop.database.clone(), "a".into(), LONG, PARTITIONS);
    checkpoint.prepare().await?;
    let lease = checkpoint.acquire().await?.expect("nobody leads");
    let mut moved = lease.mark.clone();
    moved.advance(Incarnation(1), Position(5), moved.slot_of(&"product-A".parse()?));
    assert!(checkpoint.save(lease.epoch, &lease.mark, &moved).await?.is_some());
    assert!(checkpoint.save(lease.epoch, &lease.mark, &moved).await?.is_some());
    assert_eq!(shop.checkpoint().await?, 5);
    Ok(())
}

#[tokio::test]
async fn after_a_delivery_error_the_relay_begins_again_and_skips_nothing() -> anyhow::Result<()> {
    let mut shop = Shop::new().await?;
    let kafka = shop.move_to_mock()?;
    let mut relay = shop.relay("a");
    let mut written = shop.append(&streams(20)).await?;
    relay.until(Position(20)).await?;

    kafka.request_errors(RDKafkaApiKey::Produce, &[RDKafkaRespErr::RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE]);
    written.extend(shop.append(&streams(200)).await?);
    let error = relay.error().await?;
    assert!(matches!(error, Error::Undelivered(_)), "{error}");
    assert!(!relay.is_up("relay"));

    relay.until(Position(220)).await?;
    let arrived = without_repeats(&shop.arrived()?);
    assert_chained(&arrived);
    assert_eq!(events_of(&arrived), written);
    relay.until_idle().await?;
    assert!(relay.is_up("relay") && relay.is_up("kafka"));
    Ok(())
}

#[tokio::test]
async fn an_event_that_is_never_taken_is_soon_tried_alone() -> anyhow::Result<()> {
    let mut shop = Shop::new().await?;
    let kafka = shop.move_to_mock()?;
    let mut relay = shop.relay("a");
    let written = shop.append(&streams(200)).await?;
    kafka.request_errors(RDKafkaApiKey::Produce, &[RDKafkaRespErr::RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE; 1000]);
    for _ in 0..5 {
        relay.error().await?;
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
    assert_eq!(events_of(&without_repeats(&shop.arrived()?)), written);
    Ok(())
}

#[tokio::test]
async fn while_kafka_is_away_events_wait_and_nothing_is_sent_twice() -> anyhow::Result<()> {
    let mut shop = Shop::new().await?;
    let kafka = shop.move_to_mock()?;
    let mut relay = shop.relay("a");
    let mut written = shop.append(&streams(20)).await?;
    relay.until(Position(20)).await?;

    kafka.broker_down(1)?;
    written.extend(shop.append(&streams(100)).await?);
    relay.until_down("kafka").await?;
    assert!(relay.health.is_ready(), "commands go on without Kafka");
    kafka.broker_up(1)?;
    relay.until(Position(120)).await?;

    assert!(relay.is_up("kafka"));
    let arrived = shop.arrived()?;
    assert_eq!(arrived.values().map(Vec::len).sum::<usize>(), 120, "each once");
    assert_chained(&arrived);
    assert_eq!(events_of(&arrived), written);
    Ok(())
}

#[tokio::test]
async fn broken_connections_to_the_database_cost_no_repeats() -> anyhow::Result<()> {
    let mut shop = Shop::new().await?;
    let mut relay = shop.relay("a");
    let mut written = shop.append(&streams(20)).await?;
    relay.until(Position(20)).await?;
    written.extend(shop.append(&streams(300)).await?);
    relay.sent(100).await?;

    shop.break_connections().await?;
    let mut failed = 0;
    loop {
        match relay.until(Position(320)).await {
            Ok(()) => break,
            Err(error) => assert!(matches!(error.downcast()?, Error::Checkpoint(_) | Error::Feed(_))),
        }
        failed += 1;
    }

    assert!(failed > 0);
    let arrived = shop.arrived()?;
    assert_eq!(arrived.values().map(Vec::len).sum::<usize>(), 320, "each once");
    assert_chained(&arrived);
    assert_eq!(events_of(&arrived), written);
    Ok(())
}

#[tokio::test]
async fn a_kafka_that_is_not_there_at_start_is_named() -> anyhow::Result<()> {
    let mut shop = Shop::new().await?;
    shop.config.brokers = "127.0.0.1:1".into();
    let mut relay = shop.relay("a");
    let error = relay.error().await?;
    assert!(matches!(error, Error::Topics(_)), "{error}");
    assert!(!relay.is_up("kafka") && relay.health.is_ready());
    assert_eq!(
        shop.partitions().await?.len(),
        Category::ALL.len() * PARTITIONS as usize,
        "readers can count the partitions even so"
    );
    Ok(())
}

#[tokio::test]
async fn a_log_that_is_behind_its_checkpoint_is_not_relayed() -> anyhow::Result<()> {
    let mut shop = Shop::new().await?;
    shop.append(&streams(5)).await?;
    sqlx::query("update relay_checkpoint set position = 6").execute(&shop.database).await?;
    let mut relay = shop.relay("a");
    let error = relay.error().await?;
    assert!(matches!(error, Error::LostTail(LostTail::BehindCheckpoint { .. })), "{error}");
    assert!(!relay.health.is_ready());
    assert!(shop.arrived()?.is_empty());

    shop.append(&streams(1)).await?;
    relay.elected().await?;
    assert!(relay.health.is_ready());
    Ok(())
}

#[tokio::test]
async fn a_log_that_kafka_knows_better_is_not_relayed() -> anyhow::Result<()> {
    let mut shop = Shop::new().await?;
    shop.append(&streams(40)).await?;
    shop.relay("a").until(Position(40)).await?;

    let mut restored = shop.restored_empty().await?;
    restored.append(&streams(50)).await?;
    let mut relay = restored.relay("a");
    let error = relay.error().await?;
    assert!(matches!(error, Error::LostTail(LostTail::BehindKafka(_))), "{error}");
    assert!(!relay.health.is_ready());
    assert_eq!(shop.arrived()?.values().map(Vec::len).sum::<usize>(), 40, "nothing was sent");

    restored.raise_incarnation().await?;
    relay.until(Position(50)).await?;
    assert!(relay.health.is_ready());
    Ok(())
}

#[tokio::test]
async fn a_running_relay_does_not_go_on_with_a_log_that_was_written_anew() -> anyhow::Result<()> {
    for raised in [true, false] {
        let mut shop = Shop::new().await?;
        let before = shop.append(&streams(40)).await?;
        let mut relay = shop.relay("a");
        relay.until(Position(40)).await?;
        shop.lose_tail(30).await?;
        if raised {
            shop.raise_incarnation().await?;
        }
        let anew = shop.append(&streams(20)).await?;
        assert!(before[30..].iter().zip(&anew).all(|(before, anew)| before != anew));
        // The writer offers what seems to go on where the relay is.
        relay.batches.send(anew[9..].into()).await?;
        let error = relay.error().await?;
        assert!(matches!(error, Error::LostTail(LostTail::BehindCheckpoint { .. })), "{error}");
        assert!(!relay.health.is_ready());
        assert_eq!(events_of(&shop.arrived()?), before, "nothing of it was sent");
    }
    Ok(())
}

#[tokio::test]
async fn two_logs_on_one_kafka_are_told_apart_by_their_source() -> anyhow::Result<()> {
    let (mut shop, mut other) = (Shop::new().await?, Shop::new().await?);
    other.config = shop.config.clone();
    let written = shop.append(&streams(40)).await?;
    shop.relay("a").until(Position(40)).await?;
    // The same streams and positions; the first log is no proof that this one has lost anything.
    let written_there = other.append(&streams(30)).await?;
    other.relay("a").until(Position(30)).await?;

    let arrived = shop.arrived()?;
    for (shop, written) in [(&shop, &written), (&other, &written_there)] {
        let log = Source::Log(shop.log.id().await?);
        assert_eq!(log, Source::Log(shop.bed.log_id().await?));
        let ours = of_source(&arrived, log);
        assert_chained(&ours);
        assert_eq!(&events_of(&ours), written);
    }
    assert_ne!(shop.log.id().await?, other.log.id().await?);
    Ok(())
}

#[tokio::test]
async fn a_lost_tail_is_found_behind_the_events_of_another_log() -> anyhow::Result<()> {
    let (mut shop, mut other) = (Shop::new().await?, Shop::new().await?);
    other.config = shop.config.clone();
    shop.append(&streams(40)).await?;
    shop.relay("a").until(Position(40)).await?;
    other.append(&streams(200)).await?;
    other.relay("a").until(Position(200)).await?;

    let mut restored = shop.restored_empty().await?;
    restored.append(&streams(30)).await?;
    let error = restored.relay("b").error().await?;
    assert!(matches!(error, Error::LostTail(LostTail::BehindKafka(_))), "{error}");
    Ok(())
}

#[tokio::test]
async fn source_and_id_of_a_restored_log_name_no_event_twice() -> anyhow::Result<()> {
    let mut shop = Shop::new().await?;
    shop.append(&streams(40)).await?;
    shop.relay("a").until(Position(40)).await?;
    let mut restored = shop.restored_empty().await?;
    restored.raise_incarnation().await?;
    restored.append(&streams(40)).await?;
    restored.relay("b").until(Position(40)).await?;

    let messages: Vec<Message> = shop.arrived()?.into_values().flatten().collect();
    let names: HashSet<(String, String)> =
        messages.iter().map(|message| (message.source.to_string(), message.event.id().to_string())).collect();
    assert_eq!((messages.len(), names.len()), (80, 80));
    assert_eq!(names.iter().map(|(source, _)| source).collect::<HashSet<_>>().len(), 1, "it is the same log");
    Ok(())
}

#[tokio::test]
async fn another_number_of_partitions_is_refused() -> anyhow::Result<()> {
    let mut shop = Shop::new().await?;
    shop.bed.create_topics(PARTITIONS + 1).await?;
    let error = shop.relay("a").error().await?;
    let expected = (PARTITIONS + 1) as usize;
    assert!(
        matches!(error, Error::Topics(relay_topics::Error::Partitions { found, .. }) if found == expected),
        "{error}"
    );

    shop.config.partitions = PARTITIONS + 1;
    let error = shop.relay("a").error().await?;
    assert!(matches!(error, Error::Checkpoint(checkpoint::Error::Partitions { found: 3, .. })), "{error}");
    Ok(())
}

#[tokio::test]
async fn a_running_relay_follows_the_log_until_it_is_stopped() -> anyhow::Result<()> {
    let mut shop = Shop::new().await?;
    let shutdown = Shutdown::new();
    let (batches, receiver) = mpsc::channel(8);
    let (config, database, log) = (shop.config.clone(), shop.database.clone(), shop.log.clone());
    let running = tokio::spawn(relay::run(config, database, log, receiver, Health::new(), shutdown.clone()));
    let mut written = shop.append(&streams(10)).await?;
    shop.until_arrived(10).await?;
    written.extend(shop.append(&streams(10)).await?);
    batches.try_send(written[10..].into())?;
    shop.until_arrived(20).await?;

    shutdown.request();
    tokio::time::timeout(PATIENCE, running).await??;
    assert_eq!(shop.checkpoint().await?, 20);
    let free: bool = sqlx::query_scalar("select lease_until < clock_timestamp() from relay_checkpoint")
        .fetch_one(&shop.database)
        .await?;
    assert!(free, "the lease is given back");
    assert_eq!(events_of(&shop.arrived()?), written);
    Ok(())
}

#[tokio::test]
async fn a_frozen_database_is_said_and_costs_no_event() -> anyhow::Result<()> {
    let mut shop = Shop::new().await?;
    let (proxy, url) = Proxy::before(&shop.bed.writer_url()?).await?;
    let mut relay = shop.relay_over("a", Database::new(url.parse()?, 3, Duration::from_millis(500)));
    let mut written = shop.append(&streams(10)).await?;
    relay.until(Position(10)).await?;

    proxy.freezes();
    written.extend(shop.append(&streams(10)).await?);
    relay.error().await?;
    assert!(!relay.is_up("relay"));

    proxy.thaws();
    let relayed = async { while relay.until(Position(20)).await.is_err() {} };
    tokio::time::timeout(PATIENCE, relayed).await?;
    assert!(relay.is_up("relay"));
    let arrived = shop.arrived()?;
    assert_chained(&arrived);
    assert_eq!(events_of(&arrived), written);
    Ok(())
}

/// A log and a Kafka of its own.
struct Shop {
    bed: Bed,
    database: Database,
    log: Log,
    config: Config,
    versions: HashMap<StreamId, Version>,
}

type Arrived = BTreeMap<(String, i32), Vec<Message>>;

impl Shop {
    async fn new() -> anyhow::Result<Shop> {
        let bed = Bed::new().await?;
        let database = log::connect(bed.writer_url()?.parse()?, 4);
        let config = Config {
            brokers: bed.kafka_brokers()?,
            topic_prefix: bed.topic_prefix(),
            partitions: PARTITIONS,
            instance: String::new(),
            lease: LONG,
        };
        Ok(Shop { bed, log: Log::new(database.clone()), database, config, versions: HashMap::new() })
    }

    fn relay(&self, instance: &str) -> Driven {
        self.relay_over(instance, self.database.clone())
    }

    /// A relay whose way to the database is another one.
    fn relay_over(&self, instance: &str, database: Database) -> Driven {
        let (batches, receiver) = mpsc::channel(64);
        let health = Health::new();
        let config = Config { instance: instance.into(), ..self.config.clone() };
        let relay = Relay::new(config, database.clone(), Log::new(database), receiver, health.clone());
        Driven { relay, batches, health }
    }

    /// Appends one event to each of these streams, in this order.
    async fn append(&mut self, streams: &[StreamId]) -> anyhow::Result<Vec<Recorded>> {
        let rows: Vec<NewRow> = streams.iter().map(|stream| self.row(stream)).collect();
        let head = self.log.head().await?;
        let now = Utc::now().duration_trunc(TimeDelta::microseconds(1))?;
        let appended = self.log.append(head, now, &rows).await;
        anyhow::ensure!(matches!(appended, Appended::After(..)), "{appended:?}");
        Ok(self.log.read_after(head.position, rows.len() as i64).await?)
    }

    fn row(&mut self, stream: &StreamId) -> NewRow {
        let version = self.versions.entry(stream.clone()).or_insert(Version::NONE);
        *version = version.next();
        NewRow {
            stream: stream.clone(),
            version: *version,
            event_type: "StockReceived",
            schema_version: 1,
            payload: format!(r#"{{"quantity":{version}}}"#),
            metadata: Some(r#"{"correlation_id":"test"}"#.into()),
            command: None,
            claim: None,
        }
    }

    /// A copy of this log, restored from a backup that was made before its first event.
    async fn restored_empty(&self) -> anyhow::Result<Shop> {
        let mut copy = Shop::new().await?;
        copy.config = self.config.clone();
        // Nobody may change the identity; a restore writes it before the triggers are there.
        let mut superuser = PgConnection::connect(&copy.bed.admin_url()?).await?;
        sqlx::query("set session_replication_role = replica").execute(&mut superuser).await?;
        let id = self.log.id().await?.0;
        sqlx::query("update log_identity set id = $1").bind(id).execute(&mut superuser).await?;
        Ok(copy)
    }

    /// Takes the log back to a position, as a standby does that was behind when it was promoted. The checkpoint stays, as in Kafka.
    async fn lose_tail(&self, position: i64) -> anyhow::Result<()> {
        let mut admin = PgConnection::connect(&self.bed.admin_url()?).await?;
        sqlx::query("set session_replication_role = replica").execute(&mut admin).await?;
        sqlx::query("delete from events where position > $1").bind(position).execute(&mut admin).await?;
        sqlx::query("update log_head set position = $1").bind(position).execute(&mut admin).await?;
        Ok(())
    }

    /// What an operator does who accepts that events are lost.
    async fn raise_incarnation(&self) -> anyhow::Result<()> {
        sqlx::query("update log_head set incarnation = incarnation + 1").execute(&self.database).await?;
        Ok(())
    }

    /// One broker in memory, whose failures can be ordered.
    fn move_to_mock(&mut self) -> anyhow::Result<MockCluster<'static, rdkafka::producer::DefaultProducerContext>> {
        let mock = MockCluster::new(1)?;
        self.config.brokers = mock.bootstrap_servers();
        for category in Category::ALL {
            mock.create_topic(&topics::topic(&self.config.topic_prefix, category), PARTITIONS, 1)?;
        }
        Ok(mock)
    }

    /// As if the leader had not renewed its lease in time.
    async fn end_lease(&self) -> anyhow::Result<()> {
        sqlx::query("update relay_checkpoint set lease_until = '-infinity'").execute(&self.database).await?;
        Ok(())
    }

    /// As a restart of PostgreSQL does.
    async fn break_connections(&self) -> anyhow::Result<()> {
        const BREAK: &str = "
            select pg_terminate_backend(pid, 10000) from pg_stat_activity
            where datname = current_database() and pid <> pg_backend_pid()";
        let mut admin = PgConnection::connect(&self.bed.admin_url()?).await?;
        sqlx::query(BREAK).execute(&mut admin).await?;
        Ok(())
    }

    async fn checkpoint(&self) -> anyhow::Result<i64> {
        Ok(sqlx::query_scalar("select position from relay_checkpoint").fetch_one(&self.database).await?)
    }

    async fn partitions(&self) -> anyhow::Result<BTreeMap<(String, i32), i64>> {
        let rows =
            sqlx::query_as::<_, (String, i32, i64)>("select category, partition, position from relay_partitions")
                .fetch_all(&self.database)
                .await?;
        Ok(rows.into_iter().map(|(category, partition, position)| ((category, partition), position)).collect())
    }

    /// Everything that Kafka holds, by topic and partition.
    fn arrived(&self) -> anyhow::Result<Arrived> {
        let consumer = self.consumer()?;
        let mut arrived = Arrived::new();
        let mut open = Category::ALL.len() * PARTITIONS as usize;
        while open > 0 {
            match consumer.poll(PATIENCE) {
                Some(Ok(message)) => {
                    let of = (message.topic().to_owned(), message.partition());
                    arrived.entry(of).or_default().push(parse(&message)?);
                }
                Some(Err(KafkaError::PartitionEOF(_))) => open -= 1,
                Some(Err(error)) => return Err(error.into()),
                None => anyhow::bail!("Kafka does not answer"),
            }
        }
        Ok(arrived)
    }

    /// Returns when Kafka holds so many messages.
    async fn until_arrived(&self, count: usize) -> anyhow::Result<()> {
        let consumer = self.consumer()?;
        let counted = tokio::task::spawn_blocking(move || {
            let mut open = count;
            while open > 0 {
                match consumer.poll(PATIENCE) {
                    Some(Ok(_)) => open -= 1,
                    Some(Err(_)) => {}
                    None => anyhow::bail!("{open} messages did not arrive"),
                }
            }
            Ok(())
        });
        counted.await?
    }

    fn consumer(&self) -> anyhow::Result<BaseConsumer> {
        let consumer: BaseConsumer = ClientConfig::new()
            .set("bootstrap.servers", &self.config.brokers)
            .set("group.id", self.bed.group())
            .set("enable.auto.commit", "false")
            .set("enable.partition.eof", "true")
            .set("fetch.wait.max.ms", "10")
            .create()?;
        let mut beginning = TopicPartitionList::new();
        for category in Category::ALL {
            for partition in 0..PARTITIONS {
                let topic = topics::topic(&self.config.topic_prefix, category);
                beginning.add_partition_offset(&topic, partition, Offset::Beginning)?;
            }
        }
        consumer.assign(&beginning)?;
        Ok(consumer)
    }
}

/// A relay that is driven step by step.
struct Driven {
    relay: Relay,
    batches: mpsc::Sender<Arc<[Recorded]>>,
    health: Health,
}

impl Driven {
    async fn step(&mut self) -> Result<Outcome, Error> {
        self.relay.step().await
    }

    /// Steps until an outcome is the one that is waited for.
    async fn steps<T>(&mut self, mut wanted: impl FnMut(&Self, Outcome) -> Option<T>) -> anyhow::Result<T> {
        let stepped = tokio::time::timeout(PATIENCE, async {
            loop {
                let outcome = self.relay.step().await?;
                if let Some(found) = wanted(self, outcome) {
                    return anyhow::Ok(found);
                }
                if let Outcome::Idle | Outcome::StoodBy = outcome {
                    self.relay.wait().await;
                }
            }
        });
        stepped.await?
    }

    async fn elected(&mut self) -> anyhow::Result<Position> {
        self.steps(|_, outcome| match outcome {
            Outcome::Elected(position) => Some(position),
            _ => None,
        })
        .await
    }

    /// Until the checkpoint stands here.
    async fn until(&mut self, position: Position) -> anyhow::Result<()> {
        self.steps(|_, outcome| (outcome == Outcome::Checkpointed(position)).then_some(())).await
    }

    async fn until_idle(&mut self) -> anyhow::Result<()> {
        self.steps(|_, outcome| (outcome == Outcome::Idle).then_some(())).await
    }

    async fn deposed(&mut self) -> anyhow::Result<()> {
        self.steps(|_, outcome| (outcome == Outcome::Deposed).then_some(())).await
    }

    async fn until_down(&mut self, component: &str) -> anyhow::Result<()> {
        self.steps(|this, _| (!this.is_up(component)).then_some(())).await
    }

    /// Until at least so many events are on their way; not a step further.
    async fn sent(&mut self, count: usize) -> anyhow::Result<()> {
        let mut sent = 0;
        self.steps(|_, outcome| {
            if let Outcome::Sent(count) = outcome {
                sent += count;
            }
            (sent >= count).then_some(())
        })
        .await
    }

    /// The first error.
    async fn error(&mut self) -> anyhow::Result<Error> {
        match self.steps(|_, _| None::<()>).await {
            Err(error) => Ok(error.downcast()?),
            Ok(()) => unreachable!("no outcome is wanted"),
        }
    }

    fn is_up(&self, component: &str) -> bool {
        self.health.report().components.iter().any(|it| it.name == component && it.state == "up")
    }
}

/// Streams of three categories, each several times.
fn streams(count: usize) -> Vec<StreamId> {
    let name = |number: usize| match number % 3 {
        0 => format!("product-P{}", number % 7),
        1 => format!("stock-S{}@main", number % 5),
        _ => format!("order-01890a5d-ac96-774b-bcce-b302099a80{:02x}", number % 50),
    };
    (0..count).map(|number| name(number).parse().expect("a stream")).collect()
}

fn parse(message: &rdkafka::message::BorrowedMessage<'_>) -> anyhow::Result<Message> {
    let headers: Vec<(&str, &str)> = message
        .headers()
        .into_iter()
        .flat_map(|headers| headers.iter())
        .map(|header| anyhow::Ok((header.key, std::str::from_utf8(header.value.unwrap_or_default())?)))
        .collect::<Result<_, _>>()?;
    let parsed = cloudevents::parse(headers, message.payload().unwrap_or_default())?;
    assert_eq!(message.key(), Some(parsed.event.stream.as_str().as_bytes()));
    Ok(parsed)
}

/// Each message names the one before it in its partition.
fn assert_chained(arrived: &Arrived) {
    for (partition, messages) in arrived {
        let mut last = Position::ZERO;
        for message in messages {
            assert_eq!(message.previous, last, "before position {} of {partition:?}", message.event.position);
            last = message.event.position;
        }
    }
}

/// What arrived from one log.
fn of_source(arrived: &Arrived, source: Source) -> Arrived {
    let of = |messages: &[Message]| messages.iter().filter(|message| message.source == source).cloned().collect();
    arrived.iter().map(|(partition, messages)| (partition.clone(), of(messages))).collect()
}

/// All events, in the order of the log.
fn events_of(arrived: &Arrived) -> Vec<Recorded> {
    let mut events: Vec<Recorded> = arrived.values().flatten().map(|message| message.event.clone()).collect();
    events.sort_by_key(|event| event.position);
    events
}

/// What a consumer sees that skips positions that it has seen, and the rest.
fn split_repeats(messages: &[Message]) -> (Vec<Message>, Vec<Message>) {
    let mut seen = HashSet::new();
    messages.iter().cloned().partition(|message| seen.insert(message.event.position))
}

fn without_repeats(arrived: &Arrived) -> Arrived {
    arrived.iter().map(|(partition, messages)| (partition.clone(), split_repeats(messages).0)).collect()
}

fn last_of_each(config: &Config, arrived: &Arrived) -> BTreeMap<(String, i32), i64> {
    let slots = Category::ALL.into_iter().flat_map(|category| (0..PARTITIONS).map(move |part| (category, part)));
    slots
        .map(|(category, partition)| {
            let of = (topics::topic(&config.topic_prefix, category), partition);
            let last = arrived.get(&of).and_then(|messages| messages.last()).map_or(0, |last| last.event.position.0);
            ((category.to_string(), partition), last)
        })
        .collect()
}
