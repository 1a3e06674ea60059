//! Options of a request: an expected version, the state after the command, or a dry run.

use command_service::writer::{Reply, Request, Want};
use domain::command::Command;
use domain::rejection::Rejection;
use domain::state::State;
use events::{Event, Version};
use futures::future::join_all;

use super::support::{Running, all, assert_gapless, done, logs, order, product, receipt, request, tally};

fn dry(command: Command) -> Request {
    Request { want: Want::DryRun, ..request("dry", command) }
}

fn expecting(key: &str, version: i32, command: Command) -> Request {
    Request { expected: Some(Version(version)), ..request(key, command) }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_describes_the_effect_and_leaves_no_trace() {
    for log in logs().await {
        let running = Running::stocked(&log, "A", 1).await;
        let reply = running.mailbox.submit(dry(order("A", 1))).await.unwrap();
        let Reply::Would { answer, events } = reply else { panic!("{reply:?}") };
        assert_eq!((answer.code.unwrap().as_str(), answer.version), ("SON000001", Version(1)));
        assert!(matches!(events[..], [_, _]) && matches!(events[0].event, Event::Order(_)), "{events:?}");
        assert_eq!(all(&log).await.len(), 2);
        // The key is unused, the number is not assigned, and the unit is still available.
        let sold = running.send("dry", order("A", 1)).await;
        assert_eq!(done(&sold).code.as_ref().unwrap().as_str(), "SON000001");
        // A dry run is rejected like the command, and a command that would change nothing has no events.
        let refused = running.mailbox.submit(dry(order("A", 1))).await.unwrap();
        assert!(matches!(refused, Reply::Rejected(Rejection::InsufficientStock(_))), "{refused:?}");
        let nothing = running.mailbox.submit(dry(product("A"))).await.unwrap();
        assert!(matches!(&nothing, Reply::Would { events, .. } if events.is_empty()), "{nothing:?}");
        running.stop().await;
        assert_gapless(&log).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_does_not_affect_other_commands() {
    for log in logs().await {
        let running = Running::stocked(&log, "A", 20).await;
        let sends = (0..60).map(|n| {
            let request = match n % 3 {
                0 => request(&format!("buy-{n}"), order("A", 1)),
                _ => dry(order("A", 20 - 19 * (n % 2))),
            };
            running.mailbox.submit(request)
        });
        let replies: Vec<Reply> = join_all(sends.collect::<Vec<_>>()).await.into_iter().map(Result::unwrap).collect();
        assert_eq!(tally(&replies)["done"], 20);
        running.stop().await;
        assert_gapless(&log).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_that_expects_another_version_learns_the_current_one() {
    for log in logs().await {
        let running = Running::stocked(&log, "A", 1).await;
        let submit = async |request| running.mailbox.submit(request).await.unwrap();
        done(&submit(expecting("right", 1, receipt("A", 1))).await);
        let stale = Rejection::StaleVersion { expected: Version(1), found: Version(2) };
        assert_eq!(submit(expecting("wrong", 1, receipt("A", 2))).await, Reply::Rejected(stale));
        // A repeat gets the first answer, whatever version it expects.
        let again = submit(expecting("right", 1, receipt("A", 1))).await;
        assert!(matches!(again, Reply::Done { replayed: true, .. }), "{again:?}");
        // A missing product is reported as such, whatever version is expected.
        let unknown = submit(expecting("unknown", 3, receipt("B", 1))).await;
        assert!(matches!(unknown, Reply::Rejected(Rejection::UnknownProduct(_))), "{unknown:?}");
        let new = Rejection::StaleVersion { expected: Version(3), found: Version::NONE };
        assert_eq!(submit(expecting("new", 3, product("B"))).await, Reply::Rejected(new));
        running.stop().await;
        assert_eq!(all(&log).await.len(), 3);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_commands_that_expect_the_same_version_one_succeeds() {
    for log in logs().await {
        let running = Running::stocked(&log, "A", 1).await;
        let sends = (0..40).map(|n| expecting(&format!("more-{n}"), 1, receipt("A", 1)));
        let sends = sends.map(|request| running.mailbox.submit(request));
        let replies: Vec<Reply> = join_all(sends).await.into_iter().map(Result::unwrap).collect();
        assert_eq!(tally(&replies), [("done", 1), ("stale-version", 39)].into());
        running.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_returned_state_is_that_after_the_command_not_after_the_next_one() {
    for log in logs().await {
        let running = Running::stocked(&log, "A", 10).await;
        let sends =
            (1..=20).map(|n| Request { want: Want::Representation, ..request(&format!("more-{n}"), receipt("A", 1)) });
        let replies =
            running.mailbox.submit_many(sends.collect(), command_service::writer::Together::Each).await.unwrap();
        for (reply, on_hand) in replies.iter().zip(11..) {
            let Reply::Done { state: Some(state), .. } = reply else { panic!("{reply:?}") };
            assert!(matches!(**state, State::Stock(level) if level.on_hand == on_hand), "{state:?}");
        }
        running.stop().await;
    }
}
