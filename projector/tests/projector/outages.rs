//! Dependencies that are unavailable at the start or fail later: the health report names them, and no event is lost.

use std::time::Duration;

use ::platform::config::Secret;
use ::platform::health::Health;
use projector::config::{KafkaConfig, Limits};
use projector::feed::FeedSource;
use projector::projections::{Products, Stock};
use projector::step::StepError;
use projector::store::{StatementTimeout, Store};
use projector::worker::Worker;
use read_model::{Generation, Projection};
use testbed::proxy::Proxy;

use crate::platform::{Platform, step_until};
use crate::samples::*;

fn state_of(health: &Health, name: &str) -> &'static str {
    let report = health.report();
    report.components.iter().find(|component| component.name == name).map_or("unknown", |component| component.state)
}

fn worker(platform: &Platform, kafka: KafkaConfig, database: &str) -> Worker<Stock> {
    Worker::new(
        FeedSource::Kafka(kafka),
        Limits::default(),
        Store::new(&Secret::new(database), Generation::first(Projection::STOCK)).unwrap(),
        None,
        &platform.health,
    )
}

#[tokio::test]
async fn without_kafka_the_report_names_only_kafka() {
    let platform = Platform::new().await;
    let no_broker = KafkaConfig { brokers: "127.0.0.1:1".into(), ..platform.feed() };
    let mut worker = worker(&platform, no_broker, &platform.bed.projector_url().unwrap());
    assert!(matches!(worker.step().await.unwrap_err(), StepError::Feed(_)));
    assert_eq!((state_of(&platform.health, "kafka"), state_of(&platform.health, "postgres")), ("down", "up"));
    assert!(!platform.health.is_ready());
}

#[tokio::test]
async fn without_postgres_the_report_names_only_postgres() {
    let platform = Platform::new().await;
    let mut worker = worker(&platform, platform.feed(), "postgres://projector@localhost:1/orders");
    assert!(matches!(worker.step().await.unwrap_err(), StepError::Store(_)));
    assert_eq!((state_of(&platform.health, "kafka"), state_of(&platform.health, "postgres")), ("up", "down"));
}

#[tokio::test]
async fn a_worker_waits_for_its_topic() {
    let platform = Platform::new().await;
    let other = KafkaConfig { topic_prefix: "does.not.exist.".into(), ..platform.feed() };
    let mut worker = worker(&platform, other, &platform.bed.projector_url().unwrap());
    let waiting = worker.step().await.unwrap_err().to_string();
    assert!(waiting.contains("does.not.exist.stock.v1"), "{waiting}");
}

#[tokio::test]
async fn a_broken_connection_fails_a_step_and_loses_no_event() {
    let mut platform = Platform::new().await;
    platform.publish(&stock_stream("MUG"), received(1)).await;
    let mut worker = platform.worker::<Stock>();
    platform.catch_up(&mut worker).await;

    platform
        .execute("select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and application_name = 'projector'")
        .await;
    platform.publish(&stock_stream("MUG"), received(10)).await;
    step_until(&mut worker, |outcome| matches!(outcome, Err(StepError::Store(_)))).await.unwrap_err();
    platform.catch_up(&mut worker).await;
    assert_eq!(platform.number("select on_hand from stock").await, 11);
    assert_eq!(state_of(&platform.health, "postgres"), "up");
}

#[tokio::test]
async fn a_frozen_database_fails_a_step_and_loses_no_event() {
    let mut platform = Platform::new().await;
    platform.publish(&stock_stream("MUG"), received(1)).await;
    let (proxy, url) = Proxy::to_server(&platform.bed.projector_url().unwrap()).await.unwrap();
    let store = Store::new(&Secret::new(url), Generation::first(Projection::STOCK)).unwrap();
    let store = store.with_statement_timeout(StatementTimeout(Duration::from_millis(500)));
    let mut worker =
        Worker::<Stock>::new(FeedSource::Kafka(platform.feed()), Limits::default(), store, None, &platform.health);
    platform.catch_up(&mut worker).await;

    proxy.freeze();
    platform.publish(&stock_stream("MUG"), received(10)).await;
    step_until(&mut worker, |outcome| matches!(outcome, Err(StepError::Store(_)))).await.unwrap_err();
    assert_eq!(state_of(&platform.health, "postgres"), "down");
    assert!(!platform.health.is_ready());

    proxy.thaw();
    platform.catch_up(&mut worker).await;
    assert_eq!(platform.number("select on_hand from stock").await, 11);
    // The frozen statement may have been executed after the thaw, so that the worker had nothing to write.
    worker.audit().await.unwrap();
    assert_eq!(state_of(&platform.health, "postgres"), "up");
}

#[tokio::test]
async fn events_whose_statement_breaks_the_connection_are_written_in_smaller_statements() {
    let mut platform = Platform::new().await;
    // The behaviour of a server that cannot accept a large message.
    platform
        .execute(
            "create function too_many() returns trigger language plpgsql as $$ begin
                 if (select count(*) from written) > 3 then perform pg_terminate_backend(pg_backend_pid()); end if;
                 return null;
             end $$;
             create trigger too_many after insert on stock referencing new table as written for each statement
                 execute function too_many()",
        )
        .await;
    for number in 0..20 {
        platform.publish(&stock_stream(&format!("MUG-{number}")), received(1)).await;
    }
    let mut worker = platform.worker::<Stock>();
    let applied = async {
        while platform.number("select count(*) from stock").await < 20 {
            // A step fails when its connection breaks.
            let _ = worker.step().await;
        }
    };
    tokio::time::timeout(testbed::PATIENCE, applied).await.expect("the worker does not catch up");
    assert_eq!(platform.number("select count(*) from parked_streams").await, 0);
    assert_eq!(platform.number("select count(*) from stock_ledger").await, 20);
}

#[tokio::test]
async fn a_statement_that_would_be_too_large_is_divided_until_only_the_large_event_is_parked() {
    let mut platform = Platform::new().await;
    for (number, title) in ["Mug", "Cup", &"x".repeat(5_000), "Jug"].into_iter().enumerate() {
        let name = format!("MUG-{number}");
        platform.publish(&product_stream(&name), created(&name, title, 450)).await;
    }
    let limits = Limits { write_bytes: 1_000, event_bytes: 2_000, ..Limits::default() };
    let store = Store::new(&platform.database(), Generation::first(Projection::PRODUCTS)).unwrap();
    let mut worker = Worker::<Products>::new(FeedSource::Kafka(platform.feed()), limits, store, None, &platform.health);
    platform.catch_up(&mut worker).await;
    assert_eq!(platform.text("select string_agg(name, ' ' order by sku) from products").await, "Mug Cup Jug");
    let reason = platform.text("select reason from parked_streams where stream_id = 'product-MUG-2'").await;
    assert!(reason.ends_with("bytes, which exceeds the limit"), "{reason}");
}

#[tokio::test]
async fn a_full_disk_fails_a_step_and_parks_nothing() {
    let mut platform = Platform::new().await;
    platform
        .execute(
            "create function public.disk_is_full() returns trigger language plpgsql as $$ begin
                 raise exception using errcode = '53100', message = 'could not extend file: No space left on device';
             end $$;
             create trigger disk_is_full before insert on stock_1.stock for each row
                 execute function public.disk_is_full();",
        )
        .await;
    platform.publish(&stock_stream("MUG"), received(1)).await;
    let mut worker = platform.worker::<Stock>();
    let failed = step_until(&mut worker, Result::is_err).await.unwrap_err();
    assert!(failed.to_string().contains("No space left on device"), "{failed}");
    assert!(!platform.health.is_ready());
    platform.execute("drop trigger disk_is_full on stock_1.stock").await;
    platform.catch_up(&mut worker).await;
    assert_eq!(platform.number("select on_hand from stock").await, 1);
    assert_eq!(platform.number("select count(*) from parked_streams").await, 0);
}
