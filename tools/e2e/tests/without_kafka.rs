//! The platform without Kafka: read models follow the log, a standby projector takes over, and Kafka can be added and removed.

#![expect(clippy::unwrap_used, reason = "a test that cannot continue fails")]

use std::process::Command;
use std::time::Duration;

use e2e::api::Api;
use e2e::audit::{self, Invariant, Subject};
use e2e::client_history::ClientHistory;
use e2e::fleet::service::Dependencies;
use e2e::fleet::{Fleet, FleetConfig, Service};
use e2e::load::Load;
use serde_json::Value;
use testbed::{Bed, PATIENCE};

/// How long a service may take to stop after SIGTERM.
const STOP_PATIENCE: Duration = Duration::from_secs(30);

/// Orders that each part of a test waits for.
const ORDERS: u64 = 20;

async fn assert_invariants_hold(subject: &Subject) {
    let lines = audit::run(subject, &Invariant::ALL).await;
    let report: Vec<String> = lines.iter().map(ToString::to_string).collect();
    assert!(lines.iter().all(audit::Line::has_passed), "{}", report.join("\n"));
}

fn without_kafka(bed: &Bed) -> Subject {
    Subject { kafka: None, ..Subject::of(bed, Vec::new()).unwrap() }
}

/// Waits until the last order of a history can be read by its code, with its consistency token.
async fn read_last_order(api: &Api, history: &ClientHistory) {
    let last = history.orders().last().unwrap();
    let code = last.code.as_deref().unwrap();
    let path = format!("/v1/orders/{code}");
    // A busy machine may need longer than one request waits.
    wait_for(async || api.query_at(&path, last.position).await.unwrap().text("code") == code).await;
}

async fn stop(mut fleet: Fleet) {
    for service in [Service::Query, Service::Projector, Service::Command] {
        assert!(fleet.stop(service, STOP_PATIENCE).await.unwrap().success(), "{service}");
    }
    fleet.finish();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn orders_become_readable_and_kills_lose_nothing() {
    let bed = Bed::new().await.unwrap();
    let mut fleet = FleetConfig::without_kafka(&bed).start().await.unwrap();
    let api = Api::of(&fleet).unwrap();
    let skus: Vec<String> = (0..5).map(|number| format!("SKU-{number}")).collect();
    for sku in &skus {
        api.create_product_with_stock(sku, 450, 10_000).await.unwrap();
    }
    let load = Load::start(&api, &skus, 4);
    load.wait_for_orders(ORDERS).await.unwrap();
    for service in Service::ALL {
        fleet.kill_9(service).unwrap();
        fleet.restart(service).await.unwrap();
        load.wait_for_orders(ORDERS).await.unwrap();
    }
    let history = load.stop().await.unwrap();
    read_last_order(&api, &history).await;
    assert_invariants_hold(&without_kafka(&bed).with(&api, history)).await;

    for service in [Service::Command, Service::Projector] {
        let health: Value = serde_json::from_str(&fleet.health(service).await.unwrap()).unwrap();
        let names: Vec<&str> =
            health["components"].as_array().unwrap().iter().filter_map(|it| it["name"].as_str()).collect();
        assert!(names.len() > 1 && !names.contains(&"kafka"), "{service}: {names:?}");
    }
    stop(fleet).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_standby_projector_takes_over_when_the_other_one_is_killed() {
    let bed = Bed::new().await.unwrap();
    let config = FleetConfig::without_kafka(&bed);
    let mut fleet = config.clone().start().await.unwrap();
    let api = Api::of(&fleet).unwrap();
    api.create_product_with_stock("LAMP", 450, 10_000).await.unwrap();
    let logs = tempfile::tempdir().unwrap();
    let (_, mut standby) = config.prepare(Service::Projector, logs.path()).unwrap();
    standby.start(PATIENCE).await.unwrap();
    let standby_log = logs.path().join("projector.log");
    wait_for(async || std::fs::read_to_string(&standby_log).unwrap().contains("on standby")).await;

    let load = Load::start(&api, &["LAMP".to_owned(), "LAMP".to_owned()], 2);
    load.wait_for_orders(ORDERS).await.unwrap();
    fleet.kill_9(Service::Projector).unwrap();
    load.wait_for_orders(ORDERS).await.unwrap();
    let history = load.stop().await.unwrap();
    assert_invariants_hold(&without_kafka(&bed).with(&api, history)).await;
    let log = std::fs::read_to_string(&standby_log).unwrap();
    assert!(log.contains("following the log after this position"), "{log}");

    // The other one is on standby when it returns, and takes over again.
    fleet.restart(Service::Projector).await.unwrap();
    assert!(standby.stop(STOP_PATIENCE).await.unwrap().success());
    let load = Load::start(&api, &["LAMP".to_owned(), "LAMP".to_owned()], 2);
    load.wait_for_orders(ORDERS).await.unwrap();
    let history = load.stop().await.unwrap();
    assert_invariants_hold(&without_kafka(&bed).with(&api, history)).await;
    stop(fleet).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kafka_is_added_and_removed_without_loss_and_repetition() {
    let bed = Bed::new().await.unwrap();
    let mut fleet = FleetConfig::without_kafka(&bed).start().await.unwrap();
    let mut api = Api::of(&fleet).unwrap();
    api.create_product_with_stock("LAMP", 450, 10_000).await.unwrap();
    let mut acks = place_orders(&api).await.acks;
    stop(fleet).await;

    // With Kafka, the stream for analysts begins with the next event. A command publishes the earlier ones.
    fleet = FleetConfig::all_services(&bed).start().await.unwrap();
    api = Api::of(&fleet).unwrap();
    let missing = audit::run(&Subject::of(&bed, Vec::new()).unwrap(), &[Invariant::NoSkip]).await;
    assert!(!missing[0].has_passed(), "the events of the time without Kafka are not in Kafka yet");
    // A busy machine may interrupt the command, which can be repeated.
    wait_for(async || republish(&bed)).await;
    acks.extend(place_orders(&api).await.acks);
    assert_invariants_hold(&Subject::of(&bed, acks.clone()).unwrap()).await;
    stop(fleet).await;

    // The projector does not need the command.
    fleet = FleetConfig::without_kafka(&bed).start().await.unwrap();
    api = Api::of(&fleet).unwrap();
    acks.extend(place_orders(&api).await.acks);
    stop(fleet).await;
    fleet = FleetConfig::all_services(&bed).start().await.unwrap();
    api = Api::of(&fleet).unwrap();
    acks.extend(place_orders(&api).await.acks);
    assert_invariants_hold(&Subject { acks, ..without_kafka(&bed) }).await;
    stop(fleet).await;
}

async fn place_orders(api: &Api) -> ClientHistory {
    let load = Load::start(api, &["LAMP".to_owned(), "LAMP".to_owned()], 2);
    load.wait_for_orders(ORDERS).await.unwrap();
    let history = load.stop().await.unwrap();
    read_last_order(api, &history).await;
    history
}

/// Publishes the whole log to Kafka; `false` if the command failed.
fn republish(bed: &Bed) -> bool {
    let settings = Service::Command.settings(bed, Dependencies::All).unwrap();
    let mut command = Command::new(Service::Command.find_binary().unwrap());
    let ended = command.env_clear().envs(settings).args(["republish", "--from", "1"]).output().unwrap();
    eprint!("{}", String::from_utf8_lossy(&ended.stderr));
    ended.status.success()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_audit_does_not_check_kafka_if_its_brokers_are_empty() {
    let bed = Bed::new().await.unwrap();
    let fleet = FleetConfig::without_kafka(&bed).start().await.unwrap();
    Api::of(&fleet).unwrap().create_product_with_stock("LAMP", 450, 10).await.unwrap();
    let settings = [("DATABASE_URL", bed.reader_url().unwrap()), ("KAFKA_BROKERS", String::new())];
    let mut audit = Command::new(env!("CARGO_BIN_EXE_audit"));
    let audited = audit.env_clear().envs(settings).args(["--only", "gapless,no-skip,key-order"]).output().unwrap();
    let report = String::from_utf8_lossy(&audited.stdout);
    for invariant in ["no-skip", "key-order"] {
        assert!(report.contains(&format!("{invariant:<20} not checked: no Kafka given")), "{report}");
    }
    assert_eq!(audited.status.code(), Some(0), "{report}");
    fleet.finish();
}

async fn wait_for(condition: impl AsyncFn() -> bool) {
    let reached = async {
        while !condition().await {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, reached).await.expect("the condition was not met in time");
}
