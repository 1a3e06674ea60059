//! Several writers on one log: nothing is sold twice, no number is assigned twice, and every writer appends. A writer that crashes
//! leaves a log that the next writer continues.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use chrono::Utc;
use command_service::database::Database;
use command_service::log::Log;
use command_service::log::batch::{Appended, NewRow};
use command_service::writer::key::Key;
use command_service::writer::{Mailbox, Outcome, Reply};
use domain::rejection::Rejection;
use events::stock::{StockEvent, StockReceived};
use events::{Position, Version};
use futures::future::join_all;
use testbed::Bed;

use super::support::{Running, assert_gapless, codes, done, log_of, logs, order, request, stock, tally};

#[tokio::test(flavor = "multi_thread")]
async fn the_last_units_are_sold_once_and_other_callers_learn_how_many_are_left() {
    for log in logs().await {
        let running = Running::stocked(&log, "A", 50).await;
        let sends = (0..200).map(|n| running.mailbox.submit(request(&format!("buy-{n}"), order("A", 1))));
        let replies: Vec<Reply> = join_all(sends).await.into_iter().map(Result::unwrap).collect();
        assert_eq!(tally(&replies), [("done", 50), ("insufficient-stock", 150)].into());
        for reply in &replies {
            let Reply::Rejected(Rejection::InsufficientStock(lines)) = reply else { continue };
            assert_eq!(lines[0].available, 0);
        }
        running.stop().await;
        assert_gapless(&log).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_wait_for_a_paused_holder_of_the_write_lock_is_limited() {
    let bed = Bed::new().await.unwrap();
    let log = Log::new(Database::new(bed.writer_url().unwrap().parse().unwrap(), 4, Duration::from_millis(500)));
    let running = Running::stocked(&log, "A", 10).await;
    let other = log_of(&bed);
    let lock = other.acquire_write_lock().await.unwrap();
    // After a lost race the writer acquires the write lock before it appends again.
    let received = StockEvent::Received(StockReceived { quantity: 5, reference: None });
    let row = NewRow::new("stock-B@main".parse().unwrap(), Version(1), &received.into());
    let appended = other.append(other.head().await.unwrap(), Utc::now(), &[row]).await;
    assert!(matches!(appended, Appended::After(..)), "{appended:?}");

    done(&running.send("buy", order("A", 1)).await);
    lock.release().await;
    running.stop().await;
    assert_gapless(&log).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paused_holder_of_the_head_lock_does_not_stop_other_writers() {
    let bed = Bed::new().await.unwrap();
    let database = || Database::new(bed.writer_url().unwrap().parse().unwrap(), 4, Duration::from_millis(500));
    let running = Running::stocked(&Log::new(database()), "A", 10).await;
    let paused = Log::new(database()).lock_head(Position::ZERO, 0).await.unwrap();
    done(&running.send("buy", order("A", 1)).await);
    let head = paused.page.head;
    let received = StockEvent::Received(StockReceived { quantity: 5, reference: None });
    let row = NewRow::new("stock-B@main".parse().unwrap(), Version(1), &received.into());
    let appended = paused.append(head, Utc::now(), &[row]).await;
    assert!(!matches!(appended, Appended::After(..)), "it has lost the head: {appended:?}");
    running.stop().await;
    assert_gapless(&log_of(&bed)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn background_tasks_have_connections_of_their_own() {
    let bed = Bed::new().await.unwrap();
    let database = Database::new(bed.writer_url().unwrap().parse().unwrap(), 4, Duration::from_secs(3));
    let running = Running::stocked(&Log::new(database.clone()), "A", 10).await;
    let mut held = Vec::new();
    while held.len() < 4 {
        held.extend(database.acquire().await);
    }
    let id = Key::named("never", &order("A", 1)).unwrap().id;
    assert_eq!(running.mailbox.find(id).await.unwrap(), Outcome::Unknown);
    held.into_iter().for_each(|acquired| acquired.release());
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_and_three_writers_sell_each_unit_once() {
    for writers in [2, 3] {
        for log in logs().await {
            let mut running = vec![Running::stocked(&log, "A", 300).await];
            while running.len() < writers {
                running.push(Running::start(&log).await);
            }
            let sends =
                (0..400).map(|n| running[n % writers].mailbox.submit(request(&format!("buy-{n}"), order("A", 1))));
            let replies: Vec<Reply> = join_all(sends).await.into_iter().map(Result::unwrap).collect();
            assert_eq!(tally(&replies), [("done", 300), ("insufficient-stock", 100)].into());
            // The other writers find the commands of this one by their keys.
            let sold = replies.iter().position(|reply| matches!(reply, Reply::Done { .. })).unwrap();
            for other in &running {
                let again = other.send(&format!("buy-{sold}"), order("A", 1)).await;
                assert_eq!(done(&again), done(&replies[sold]));
            }
            for one in running {
                one.stop().await;
            }
            assert_eq!(stock(&log, "A").await, (300, 300));
            assert_gapless(&log).await;
        }
    }
}

/// The smallest part of its fair share of all commits that a writer must get.
const LEAST_SHARE: f64 = 0.5;

#[tokio::test(flavor = "multi_thread")]
async fn every_writer_appends_its_share() {
    const ORDERS: usize = 3_000;
    for writers in [2, 3] {
        for log in logs().await {
            let mut running = vec![Running::stocked(&log, "A", 100_000).await];
            while running.len() < writers {
                running.push(Running::start(&log).await);
            }
            let sold = Arc::new(AtomicUsize::new(0));
            let buyers = (0..writers * 32).map(|buyer| {
                tokio::spawn(buy(running[buyer % writers].mailbox.clone(), buyer, Arc::clone(&sold), ORDERS))
            });
            let mut shares = vec![0; writers];
            for (buyer, bought) in join_all(buyers.collect::<Vec<_>>()).await.into_iter().enumerate() {
                shares[buyer % writers] += bought.unwrap();
            }
            let total: usize = shares.iter().sum();
            let least = total as f64 / writers as f64 * LEAST_SHARE;
            assert!(shares.iter().all(|share| *share as f64 >= least), "{shares:?}");
            for one in running {
                one.stop().await;
            }
            assert_eq!(codes(&log).await.len(), total);
            assert_gapless(&log).await;
        }
    }
}

/// Buys units one by one until all buyers together have enough; returns the number bought here.
async fn buy(mailbox: Mailbox, buyer: usize, sold: Arc<AtomicUsize>, enough: usize) -> usize {
    let mut bought = 0;
    while sold.load(Ordering::Relaxed) < enough {
        done(&mailbox.submit(request(&format!("buy-{buyer}-{bought}"), order("A", 1))).await.unwrap());
        sold.fetch_add(1, Ordering::Relaxed);
        bought += 1;
    }
    bought
}

#[tokio::test(flavor = "multi_thread")]
async fn rejections_on_effects_that_were_not_appended_are_decided_again() {
    for log in logs().await {
        let running = Running::stocked(&log, "A", 1).await;
        let lock = log.lock_head(Position::ZERO, 0).await.unwrap();
        // The first order takes the last unit and waits for the log, so the second finds none. Then another writer appends a
        // receipt of one unit.
        let mailbox = running.mailbox.clone();
        let sends = ["first", "second"].map(|key| {
            let (mailbox, request) = (mailbox.clone(), request(key, order("A", 1)));
            tokio::spawn(async move { mailbox.submit(request).await.unwrap() })
        });
        while !all_in_flight(&mailbox).await {
            tokio::task::yield_now().await;
        }
        let received = StockEvent::Received(StockReceived { quantity: 1, reference: None });
        let row = NewRow::new("stock-A@main".parse().unwrap(), Version(2), &received.into());
        let head = lock.page.head;
        assert!(matches!(lock.append(head, Utc::now(), &[row]).await, Appended::After(..)));
        for reply in join_all(sends).await {
            done(&reply.unwrap());
        }
        running.stop().await;
        assert_eq!(stock(&log, "A").await, (2, 2));
        assert_gapless(&log).await;
    }
}

async fn all_in_flight(mailbox: &Mailbox) -> bool {
    let find = async |key| mailbox.find(Key::named(key, &order("A", 1)).unwrap().id).await.unwrap();
    find("first").await == Outcome::InFlight && find("second").await == Outcome::InFlight
}

#[tokio::test(flavor = "multi_thread")]
async fn a_writer_that_crashes_loses_and_repeats_no_command() {
    for log in logs().await {
        Running::stocked(&log, "A", 10_000).await.stop().await;
        let mut returned = HashSet::new();
        for round in 0..5 {
            let running = Running::start(&log).await;
            let buyers = (0..50).map(|n| {
                let mailbox = running.mailbox.clone();
                tokio::spawn(async move { mailbox.submit(request(&format!("buy-{round}-{n}"), order("A", 1))).await })
            });
            let buyers: Vec<_> = buyers.collect();
            // Some commands get their replies before the crash, the others do not.
            tokio::task::yield_now().await;
            running.crash().await;
            let replies = join_all(buyers).await;

            let restarted = Running::start(&log).await;
            for (n, reply) in replies.into_iter().enumerate() {
                let again = restarted.send(&format!("buy-{round}-{n}"), order("A", 1)).await;
                if let Ok(first @ Reply::Done { .. }) = reply.unwrap() {
                    assert_eq!(done(&first), done(&again));
                }
                assert!(returned.insert(done(&again).code.clone().unwrap().to_string()), "a code twice");
            }
            restarted.stop().await;
        }
        let codes: HashSet<String> = codes(&log).await.into_iter().collect();
        assert_eq!(codes, returned);
        assert_gapless(&log).await;
    }
}
