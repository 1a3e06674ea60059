//! Logs and writers for the tests, and the commands of a small shop.

use std::collections::{BTreeMap, HashMap};

use command_service::database::Database;
use command_service::log::{self, Log};
use command_service::writer::answer::Answer;
use command_service::writer::key::Key;
use command_service::writer::{Limits, Mailbox, Reply, Request, Writer};
use domain::command::Command;
use domain::order::place::PlaceOrder;
use domain::stock::StockCommand;
use domain::stock::item::StockItem;
use domain::world::code_of;
use events::{Position, Recorded};
use platform::health::Health;
use platform::shutdown::Shutdown;
use serde_json::json;
use sqlx::{Connection, PgConnection};
use testbed::{Bed, PATIENCE};

/// A log of each kind, both empty.
pub(crate) async fn logs() -> [Log; 2] {
    [Log::in_memory(), log_of(&Bed::new().await.unwrap())]
}

/// With a long time limit, so that a test may hold a lock of the log for as long as a slow machine needs.
pub(crate) fn log_of(bed: &Bed) -> Log {
    Log::new(Database::new(bed.writer_url().unwrap().parse().unwrap(), 4, PATIENCE))
}

pub(crate) async fn owner(bed: &Bed) -> PgConnection {
    PgConnection::connect(&bed.owner_url().unwrap()).await.unwrap()
}

/// A running writer.
pub(crate) struct Running {
    pub(crate) mailbox: Mailbox,
    stop: Shutdown,
    task: tokio::task::JoinHandle<()>,
}

impl Running {
    pub(crate) async fn start(log: &Log) -> Running {
        Running::start_with(log, Limits::default()).await
    }

    pub(crate) async fn start_with(log: &Log, limits: Limits) -> Running {
        let (writer, mailbox) = writer(log, limits).await.unwrap();
        let stop = Shutdown::new();
        let task = tokio::spawn(writer.run(stop.clone()));
        Running { mailbox, stop, task }
    }

    /// With a product and this many units of it.
    pub(crate) async fn stocked(log: &Log, sku: &str, quantity: u32) -> Running {
        let running = Running::start(log).await;
        done(&running.send(&format!("create-{sku}"), product(sku)).await);
        done(&running.send(&format!("receive-{sku}"), receipt(sku, quantity)).await);
        running
    }

    pub(crate) fn send<'a>(&'a self, key: &str, command: Command) -> impl Future<Output = Reply> + use<'a> {
        let request = request(key, command);
        async { self.mailbox.submit(request).await.unwrap() }
    }

    pub(crate) async fn stop(self) {
        self.stop.request();
        self.task.await.unwrap();
    }

    /// Aborts the task at any point, as a crash does.
    pub(crate) async fn crash(self) {
        self.task.abort();
        assert!(self.task.await.unwrap_err().is_cancelled());
    }
}

pub(crate) async fn writer(log: &Log, limits: Limits) -> Result<(Writer, Mailbox), log::Error> {
    Writer::start(log.clone(), limits, None, Health::new().component("log")).await
}

pub(crate) fn request(key: &str, command: Command) -> Request {
    Request::new(Key::named(key, &command).unwrap(), command)
}

pub(crate) fn product(sku: &str) -> Command {
    let body = serde_json::from_value(json!({"sku": sku, "name": sku, "prices": {"GBP": 450}})).unwrap();
    Command::CreateProduct { body }
}

pub(crate) fn receipt(sku: &str, quantity: u32) -> Command {
    let body = serde_json::from_value(json!({"quantity": quantity})).unwrap();
    Command::Stock(
        StockItem { sku: sku.parse().unwrap(), location: "main".parse().unwrap() },
        StockCommand::ReceiveStock { body },
    )
}

pub(crate) fn order(sku: &str, quantity: u32) -> Command {
    order_with(json!({"currency": "GBP", "lines": [{"sku": sku, "quantity": quantity}]}))
}

pub(crate) fn order_with(body: serde_json::Value) -> Command {
    Command::PlaceOrder(PlaceOrder { body: serde_json::from_value(body).unwrap(), stock: Default::default() })
}

#[track_caller]
pub(crate) fn done(reply: &Reply) -> &Answer {
    match reply {
        Reply::Done { answer, .. } => answer,
        other => panic!("not done: {other:?}"),
    }
}

/// Every event of the log.
pub(crate) async fn all(log: &Log) -> Vec<Recorded> {
    log.read_after(Position::ZERO, i64::MAX).await.unwrap()
}

/// The codes of all orders in the log.
pub(crate) async fn codes(log: &Log) -> Vec<String> {
    all(log).await.iter().filter_map(code_of).map(|code| code.to_string()).collect()
}

/// Positions are 1 to the head, versions are 1 to n in every stream, and order codes are 1 to n, without gaps and duplicates.
pub(crate) async fn assert_gapless(log: &Log) {
    let events = all(log).await;
    assert_eq!(log.head().await.unwrap().position, Position::ZERO.plus(events.len()));
    let mut versions: HashMap<_, i32> = HashMap::new();
    for (event, place) in events.iter().zip(1..) {
        let version = versions.entry(&event.stream).or_default();
        *version += 1;
        assert_eq!((event.position, event.version.0), (Position(place), *version), "{}", event.stream);
    }
    let codes = codes(log).await;
    let expected: Vec<String> = (1..=codes.len()).map(|number| format!("SON{number:06}")).collect();
    assert_eq!(codes, expected);
}

/// Units of a stock item that are on hand and reserved, folded from the log.
pub(crate) async fn stock(log: &Log, sku: &str) -> (i64, i64) {
    let mut level = events::stock::Level::default();
    for recorded in all(log).await.iter().filter(|recorded| recorded.stream.key() == format!("{sku}@main")) {
        if let events::Event::Stock(event) = recorded.decode().unwrap() {
            level.evolve(&event);
        }
    }
    (level.on_hand, level.reserved)
}

/// Number of replies by kind.
pub(crate) fn tally(replies: &[Reply]) -> BTreeMap<&'static str, usize> {
    let mut tally = BTreeMap::new();
    for reply in replies {
        let kind = match reply {
            Reply::Done { replayed: false, .. } => "done",
            Reply::Done { replayed: true, .. } => "replayed",
            Reply::Would { .. } => "would",
            Reply::Rejected(rejection) => rejection.kind(),
            Reply::KeyReused => "key-reused",
            Reply::InFlight => "in-flight",
            Reply::Skipped => "skipped",
            Reply::Unreadable => "unreadable",
            Reply::Unknown => "unknown",
        };
        *tally.entry(kind).or_default() += 1;
    }
    tally
}
