//! A failover or a restore takes back the end of the log while a writer runs, and other writers may continue the log: the writer
//! discards everything that it knew of the lost end.

use command_service::log::Log;
use command_service::writer::key::Key;
use command_service::writer::{Limits, Outcome, Reply, Writer};
use events::Position;
use platform::health::Health;
use platform::shutdown::Shutdown;
use sqlx::{Connection, PgConnection};
use testbed::{Bed, PATIENCE};

use super::support::{Running, assert_gapless, codes, done, log_of, order, receipt, request, stock};

/// The statement by which an operator accepts that events are lost.
const RAISE: &str = "update log_head set incarnation = incarnation + 1";

/// Removes the events after a position, as if a standby that was behind had been promoted, and runs `then`, in one transaction.
async fn lose_tail(bed: &Bed, position: Position, then: &'static str) {
    let mut admin = PgConnection::connect(&bed.admin_url().unwrap()).await.unwrap();
    let mut transaction = admin.begin().await.unwrap();
    sqlx::raw_sql("set local session_replication_role = replica").execute(&mut *transaction).await.unwrap();
    for statement in [
        "delete from events where position > $1",
        "delete from snapshots where position > $1",
        "update log_head set position = $1, recorded_at = (select recorded_at from events where position = $1)",
    ] {
        sqlx::query(statement).bind(position.0).execute(&mut *transaction).await.unwrap();
    }
    sqlx::raw_sql(then).execute(&mut *transaction).await.unwrap();
    transaction.commit().await.unwrap();
}

async fn head(log: &Log) -> Position {
    log.head().await.unwrap().position
}

/// A writer with 100 units of A that has sold two of them, and later five more, which the failover loses.
struct Shop {
    bed: Bed,
    log: Log,
    running: Running,
    /// The last position that both histories share.
    kept: Position,
}

impl Shop {
    async fn open() -> Shop {
        let bed = Bed::new().await.unwrap();
        let log = log_of(&bed);
        let running = Running::stocked(&log, "A", 100).await;
        buy(&running, "kept", 2).await;
        let kept = head(&log).await;
        buy(&running, "lost", 5).await;
        Shop { bed, log, running, kept }
    }

    /// The replies of the writer are true for the current log.
    async fn assert_true(self, sold: i64) {
        let Shop { log, running, .. } = self;
        done(&running.send("another", order("A", 1)).await);
        let again = running.send("lost-4", order("A", 1)).await;
        assert!(matches!(again, Reply::Done { replayed: false, .. }), "{again:?}");
        let again = running.send("kept-1", order("A", 1)).await;
        assert!(matches!(again, Reply::Done { replayed: true, .. }), "{again:?}");
        assert_gapless(&log).await;
        assert_eq!(stock(&log, "A").await, (100, sold + 2));
        running.stop().await;
        let head = log.head().await.unwrap();
        let numbers = log.load_numbers(head).await.unwrap();
        assert_eq!((numbers.saved, numbers.last["SON"]), (head.position, codes(&log).await.len() as u64));
    }
}

async fn buy(running: &Running, name: &str, count: usize) {
    for n in 0..count {
        done(&running.send(&format!("{name}-{n}"), order("A", 1)).await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_writer_starts_anew_on_a_log_that_was_continued_beyond_its_lost_tail() {
    for then in [RAISE, ""] {
        let shop = Shop::open().await;
        let before = head(&shop.log).await;
        lose_tail(&shop.bed, shop.kept, then).await;
        let other = Running::start(&log_of(&shop.bed)).await;
        buy(&other, "other", 8).await;
        assert!(head(&shop.log).await > before);
        other.stop().await;
        shop.assert_true(10).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_writer_starts_anew_on_a_log_that_was_continued_to_the_same_position() {
    for then in [RAISE, ""] {
        let shop = Shop::open().await;
        let before = head(&shop.log).await;
        lose_tail(&shop.bed, shop.kept, then).await;
        let other = Running::start(&log_of(&shop.bed)).await;
        buy(&other, "other", 5).await;
        assert_eq!(head(&shop.log).await, before);
        other.stop().await;
        shop.assert_true(7).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_writer_forgets_a_tail_whose_loss_was_accepted() {
    let shop = Shop::open().await;
    lose_tail(&shop.bed, shop.kept, RAISE).await;
    shop.assert_true(2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rejections_that_depend_on_a_lost_tail_are_decided_again() {
    let shop = Shop::open().await;
    // The order that sells all remaining units is lost.
    done(&shop.running.send("the-rest", order("A", 93)).await);
    let before = head(&shop.log).await;
    lose_tail(&shop.bed, shop.kept, "").await;
    let other = Running::start(&log_of(&shop.bed)).await;
    buy(&other, "other", 6).await;
    assert_eq!(head(&shop.log).await, before);
    other.stop().await;
    shop.assert_true(8).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_batch_in_flight_and_the_batch_decided_ahead_are_decided_again() {
    let shop = Shop::open().await;
    let held = shop.log.lock_head(Position::ZERO, 0).await.unwrap();
    let sends = ["first", "second"].map(|key| {
        let (mailbox, request) = (shop.running.mailbox.clone(), request(key, order("A", 1)));
        tokio::spawn(async move { mailbox.submit(request).await.unwrap() })
    });
    for key in ["first", "second"] {
        let id = Key::named(key, &order("A", 1)).unwrap().id;
        while shop.running.mailbox.find(id).await.unwrap() != Outcome::InFlight {
            tokio::task::yield_now().await;
        }
    }
    // It gets the lock of the head before or after the writer; both must work.
    let losing = lose_tail(&shop.bed, shop.kept, RAISE);
    let (_, ()) = tokio::join!(held.release(), losing);
    for send in sends {
        // A command that was committed before the loss is lost, which its caller cannot know.
        done(&send.await.unwrap());
    }
    let Shop { log, running, .. } = shop;
    done(&running.send("third", order("A", 1)).await);
    assert_gapless(&log).await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_appended_to_a_log_that_lost_its_tail_until_the_incarnation_is_raised() {
    let bed = Bed::new().await.unwrap();
    let log = log_of(&bed);
    Running::stocked(&log, "A", 100).await.stop().await;
    let health = Health::new();
    let (writer, mailbox) = Writer::start(log.clone(), Limits::default(), None, health.component("log")).await.unwrap();
    let stop = Shutdown::new();
    let running = tokio::spawn(writer.run(stop.clone()));
    let kept = head(&log).await;
    done(&mailbox.submit(request("lost", order("A", 1))).await.unwrap());

    lose_tail(&bed, kept, "").await;
    let sent = {
        let mailbox = mailbox.clone();
        tokio::spawn(async move { mailbox.submit(request("sent", order("A", 1))).await.unwrap() })
    };
    let is_down = async {
        while health.is_ready() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, is_down).await.unwrap();
    assert_eq!(head(&log).await, kept, "nothing is appended");
    sqlx::raw_sql(RAISE).execute(&mut PgConnection::connect(&bed.owner_url().unwrap()).await.unwrap()).await.unwrap();
    done(&sent.await.unwrap());
    stop.request();
    running.await.unwrap();
    assert_gapless(&log).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_writer_that_only_answers_repeats_from_memory_notices_a_replaced_log() {
    let shop = Shop::open().await;
    lose_tail(&shop.bed, shop.kept, RAISE).await;
    let other = Running::start(&log_of(&shop.bed)).await;
    done(&other.send("more", receipt("A", 1)).await);
    let noticed = async {
        while matches!(shop.running.send("lost-0", order("A", 1)).await, Reply::Done { replayed: true, .. }) {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, noticed).await.unwrap();
    shop.running.stop().await;
    other.stop().await;
    assert_gapless(&shop.log).await;
}
