//! Fixture: a shop with stock, any number of writers and schedules, and a clock that the test controls.

use std::time::Duration;

use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use command_service::database::Database;
use command_service::log::{self, Log};
use command_service::schedule::{Config, Outcome, Schedule};
use command_service::writer::answer::Answer;
use command_service::writer::key::Key;
use command_service::writer::{Limits, Mailbox, Reply, Request, Writer};
use domain::command::Command;
use domain::order::OrderCommand;
use domain::order::place::PlaceOrder;
use domain::order::shortage::StockHandling;
use domain::stock::StockCommand;
use domain::stock::item::StockItem;
use events::stream::Subject;
use events::{OrderId, Position, Recorded, StreamId};
use platform::health::Health;
use platform::shutdown::Shutdown;
use serde_json::{Value, json};
use sqlx::postgres::PgConnectOptions;
use sqlx::{Connection, PgConnection};
use testbed::Bed;

pub(crate) struct Shop {
    pub(crate) bed: Bed,
    pub(crate) log: Log,
    pub(crate) database: Database,
    /// The instant, in microseconds, from which [`Shop::at`] counts.
    pub(crate) opened: DateTime<Utc>,
    pub(crate) mailbox: Mailbox,
    stop: Shutdown,
    task: tokio::task::JoinHandle<()>,
}

impl Shop {
    /// A shop with one product, of which 1,000,000 units are on hand.
    pub(crate) async fn open() -> Shop {
        let shop = Shop::in_bed(Bed::new().await.unwrap()).await;
        let body = serde_json::from_value(json!({"sku": "MUG", "name": "Mug", "prices": {"GBP": 450}})).unwrap();
        shop.send(Command::CreateProduct { body }).await;
        shop.receive(1_000_000).await;
        shop
    }

    async fn in_bed(bed: Bed) -> Shop {
        let options: PgConnectOptions = bed.writer_url().unwrap().parse().unwrap();
        let database = log::connect(options.clone(), 4);
        let (mailbox, stop, task) = start_writer(Log::new(log::connect(options, 4))).await;
        let opened = Utc::now().trunc_subsecs(6);
        Shop { bed, log: Log::new(database.clone()), database, opened, mailbox, stop, task }
    }

    /// The instant `s` seconds after the shop was opened.
    pub(crate) fn at(&self, s: i64) -> DateTime<Utc> {
        self.opened + TimeDelta::seconds(s)
    }

    /// Another instance with its own writer on the same database.
    pub(crate) async fn beside(&self) -> Shop {
        Shop { opened: self.opened, ..Shop::in_bed(self.bed.clone()).await }
    }

    /// Stops the writer and starts a new one, like a restart of the process.
    pub(crate) async fn restart(self) -> Shop {
        let (bed, opened) = (self.bed.clone(), self.opened);
        self.close().await;
        Shop { opened, ..Shop::in_bed(bed).await }
    }

    pub(crate) async fn close(self) {
        self.stop.request();
        self.task.await.unwrap();
    }

    /// A new schedule of this instance, like after a restart of the process.
    pub(crate) fn schedule(&self) -> Schedule {
        self.schedule_with(Config::default())
    }

    pub(crate) fn schedule_with(&self, config: Config) -> Schedule {
        Schedule::new(config, self.database.clone(), self.mailbox.clone())
    }

    pub(crate) async fn send(&self, command: Command) -> Answer {
        match self.mailbox.submit(Request::new(Key::anonymous(&command), command)).await.unwrap() {
            Reply::Done { answer, .. } => answer,
            other => panic!("not done: {other:?}"),
        }
    }

    pub(crate) async fn receive(&self, quantity: u32) {
        let body = serde_json::from_value(json!({"quantity": quantity})).unwrap();
        let (sku, location) = ("MUG".parse().unwrap(), "main".parse().unwrap());
        self.send(Command::Stock(StockItem { sku, location }, StockCommand::ReceiveStock { body })).await;
    }

    /// An order of one unit for 450.
    pub(crate) async fn order(&self, payment_due: Option<DateTime<Utc>>) -> OrderId {
        let mut body = json!({"currency": "GBP", "lines": [{"sku": "MUG", "quantity": 1}]});
        if let Some(due) = payment_due {
            body["payment_due"] = json!(due);
        }
        self.order_with(body).await
    }

    pub(crate) async fn order_with(&self, body: Value) -> OrderId {
        let answer = self.send(place(body)).await;
        let Subject::Order(id) = answer.stream.subject() else { panic!("not an order: {answer:?}") };
        id
    }

    pub(crate) async fn pay(&self, order_id: OrderId, body: Value) {
        let body = serde_json::from_value(body).unwrap();
        self.send(Command::Order(order_id, OrderCommand::RecordPayment { body })).await;
    }

    /// Captures the full payment of an order of one unit.
    pub(crate) async fn pay_in_full(&self, order_id: OrderId) {
        self.pay(order_id, json!({"kind": "captured", "amount": 450, "method": "card"})).await;
    }

    pub(crate) async fn deliver(&self, order_id: OrderId) {
        let body = Default::default();
        self.send(Command::Order(order_id, OrderCommand::CreateFulfilment { body })).await;
        let body = Default::default();
        self.send(Command::Order(order_id, OrderCommand::ShipFulfilment { fulfilment: 1, body })).await;
        let body = Default::default();
        self.send(Command::Order(order_id, OrderCommand::DeliverFulfilment { fulfilment: 1, body })).await;
    }

    pub(crate) async fn owner(&self) -> PgConnection {
        PgConnection::connect(&self.bed.owner_url().unwrap()).await.unwrap()
    }

    /// The number of events of a type.
    pub(crate) async fn count(&self, event_type: &str) -> i64 {
        sqlx::query_scalar("select count(*) from events where event_type = $1")
            .bind(event_type)
            .fetch_one(&mut self.owner().await)
            .await
            .unwrap()
    }

    /// The last event of an order.
    pub(crate) async fn last_of(&self, order_id: OrderId) -> Recorded {
        events_of(&self.log, &StreamId::order(order_id)).await.pop().unwrap()
    }

    /// The entries of the schedule: stream, command, seconds after the opening (`None` if not due), position of the event.
    pub(crate) async fn entries(&self) -> Vec<(String, String, Option<i64>, i64)> {
        let rows: Vec<(String, String, Option<DateTime<Utc>>, i64)> =
            sqlx::query_as("select stream_id, kind, due_at, position from schedule order by stream_id, kind")
                .fetch_all(&mut self.owner().await)
                .await
                .unwrap();
        let seconds = |due: DateTime<Utc>| (due - self.opened).num_seconds();
        rows.into_iter().map(|(stream, kind, due, position)| (stream, kind, due.map(seconds), position)).collect()
    }
}

/// The events of a stream.
pub(crate) async fn events_of(log: &Log, stream: &StreamId) -> Vec<Recorded> {
    let mut log = log.read_after(Position::ZERO, i64::MAX).await.unwrap();
    log.retain(|event| event.stream == *stream);
    log
}

/// A command that places an order.
pub(crate) fn place(body: Value) -> Command {
    Command::PlaceOrder(PlaceOrder { body: serde_json::from_value(body).unwrap(), stock: StockHandling::Enforce })
}

async fn start_writer(log: Log) -> (Mailbox, Shutdown, tokio::task::JoinHandle<()>) {
    let health = Health::new().component("postgres");
    let (writer, mailbox) = Writer::start(log, Limits::default(), None, health).await.unwrap();
    let stop = Shutdown::new();
    let task = tokio::spawn(writer.run(stop.clone()));
    (mailbox, stop, task)
}

/// Runs steps until there is nothing to do at `now`. Returns the number of submitted commands.
pub(crate) async fn work(schedule: &mut Schedule, now: DateTime<Utc>) -> usize {
    let mut submitted = 0;
    loop {
        match schedule.step(now).await.unwrap() {
            Outcome::Submitted { due, .. } => submitted += due,
            Outcome::StartedOver | Outcome::Followed(_) => {}
            Outcome::Idle(_) => return submitted,
        }
    }
}

/// A configuration that completes orders this long after their delivery.
pub(crate) fn completing_after(delay: Duration) -> Config {
    let mut config = Config::default();
    config.delays.complete_after = delay;
    config
}
