//! Writers whose clocks are behind the log: events are never recorded earlier than the event before them, and the events
//! that a writer hands to the relay are those of the log, times and ids included.

use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use command_service::log::Log;
use command_service::log::batch::{Appended, NewRow};
use command_service::writer::{Limits, Reply, Writer};
use events::stock::{StockEvent, StockReceived};
use events::{Recorded, Version};
use futures::future::join_all;
use platform::health::Health;
use platform::shutdown::Shutdown;
use tokio::sync::mpsc;

use super::support::{Running, all, assert_gapless, done, logs, order, product, receipt, request};

/// How far the clock was ahead that wrote the first event: more than any test takes.
const AHEAD: TimeDelta = TimeDelta::hours(1);

/// An event that a writer recorded whose clock was ahead.
async fn recorded_ahead(log: &Log) -> DateTime<Utc> {
    let received = StockEvent::Received(StockReceived { quantity: 1, reference: None });
    let row = NewRow::new("stock-AHEAD@main".parse().unwrap(), Version(1), &received.into());
    let clock = (Utc::now() + AHEAD).trunc_subsecs(6);
    let head = log.head().await.unwrap();
    assert!(matches!(log.append(head, clock, &[row]).await, Appended::After(_, at) if at == clock));
    clock
}

fn assert_times_never_decrease(events: &[Recorded]) {
    for pair in events.windows(2) {
        assert!(pair[0].recorded_at <= pair[1].recorded_at, "{:?} is earlier than {:?}", pair[1], pair[0]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_writer_whose_clock_is_behind_gives_the_relay_the_events_of_the_log() {
    for log in logs().await {
        let latest = recorded_ahead(&log).await;
        let (committed, mut batches) = mpsc::channel(64);
        let health = Health::new().component("log");
        let (writer, mailbox) = Writer::start(log.clone(), Limits::default(), Some(committed), health).await.unwrap();
        let stop = Shutdown::new();
        let running = tokio::spawn(writer.run(stop.clone()));
        let commands = [("create", product("A")), ("receive", receipt("A", 100))];
        for (key, command) in commands {
            done(&mailbox.submit(request(key, command)).await.unwrap());
        }
        let buys = (0..50).map(|n| mailbox.submit(request(&format!("buy-{n}"), order("A", 1))));
        let replies: Vec<Reply> = join_all(buys).await.into_iter().map(Result::unwrap).collect();
        stop.request();
        running.await.unwrap();

        let logged = all(&log).await;
        let mut published: Vec<Recorded> = Vec::new();
        while let Ok(batch) = batches.try_recv() {
            // Each batch is preceded by the event before it.
            assert_eq!(batch[0], *published.last().unwrap_or(&logged[0]));
            published.extend(batch[1..].iter().cloned());
        }
        assert_eq!(published, logged[1..]);
        assert!(published.iter().zip(&logged[1..]).all(|(published, logged)| published.id() == logged.id()));
        assert!(logged.iter().all(|event| event.recorded_at == latest), "the clock has not caught up");
        assert_eq!(replies.iter().map(|reply| done(reply).position).max(), logged.last().map(|event| event.position));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn writers_with_different_clocks_record_times_that_never_decrease() {
    for log in logs().await {
        let writers = [Running::stocked(&log, "A", 1_000).await, Running::start(&log).await];
        for round in 0..3 {
            // Another writer whose clock is ahead by another hour each time, then two that do not share it.
            let head = log.head().await.unwrap();
            let clock = (Utc::now() + AHEAD * (round + 1)).trunc_subsecs(6);
            let received = StockEvent::Received(StockReceived { quantity: 1, reference: None });
            let row = NewRow::new(format!("stock-R{round}@main").parse().unwrap(), Version(1), &received.into());
            assert!(matches!(log.append(head, clock, &[row]).await, Appended::After(..)));
            let sends = (0..40).map(|n| writers[n % 2].send(&format!("buy-{round}-{n}"), order("A", 1)));
            for reply in join_all(sends).await {
                done(&reply);
            }
        }
        for writer in writers {
            writer.stop().await;
        }
        assert_times_never_decrease(&all(&log).await);
        assert_gapless(&log).await;
    }
}
