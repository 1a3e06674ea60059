//! Groups of commands: independent, or all or nothing.

use std::collections::BTreeSet;
use std::num::NonZeroUsize;
use std::pin::pin;

use command_service::writer::{Limits, Reply, Request, Shed, Together, Want};
use domain::command::Command;
use domain::new_id::NewId;
use domain::order::OrderCommand;
use domain::rejection::Rejection;
use futures::FutureExt;
use futures::future::join_all;
use platform::shutdown::Shutdown;
use serde_json::json;
use testbed::PATIENCE;

use super::support::{
    Running, all, assert_gapless, done, logs, order, order_with, product, receipt, request, stock, tally, writer,
};

fn orders(name: &str, count: usize) -> Vec<Request> {
    (0..count).map(|n| request(&format!("{name}-{n}"), order("A", 1))).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn independent_commands_get_their_replies_in_order() {
    for log in logs().await {
        let running = Running::stocked(&log, "A", 3).await;
        let replies = running.mailbox.submit_many(orders("buy", 5), Together::Each).await.unwrap();
        assert_eq!(tally(&replies[..3]), [("done", 3)].into());
        assert_eq!(tally(&replies[3..]), [("insufficient-stock", 2)].into());
        let numbers: Vec<_> = replies[..3].iter().map(|reply| done(reply).code.clone().unwrap().to_string()).collect();
        assert_eq!(numbers, ["SON000001", "SON000002", "SON000003"]);
        assert!(running.mailbox.submit_many(Vec::new(), Together::Each).await.unwrap().is_empty());
        running.stop().await;
        assert_gapless(&log).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_all_or_nothing_group_leaves_no_trace_when_one_command_is_rejected() {
    for log in logs().await {
        let running = Running::stocked(&log, "A", 3).await;
        let mut group = orders("buy", 5);
        group.insert(1, request("more", receipt("A", 1)));
        // Three units and a receipt of one: the fifth order is the first that finds none.
        let replies = running.mailbox.submit_many(group.clone(), Together::AllOrNothing).await.unwrap();
        let Reply::Rejected(Rejection::InsufficientStock(_)) = &replies[5] else { panic!("{replies:?}") };
        assert_eq!(tally(&replies), [("insufficient-stock", 1), ("skipped", 5)].into());
        assert_eq!(all(&log).await.len(), 2);

        group.pop();
        let replies = running.mailbox.submit_many(group.clone(), Together::AllOrNothing).await.unwrap();
        assert_eq!(tally(&replies), [("done", 5)].into());
        assert_eq!(stock(&log, "A").await, (4, 4));
        // A repeat of the group gets the first answers.
        let again = running.mailbox.submit_many(group, Together::AllOrNothing).await.unwrap();
        assert_eq!(tally(&again), [("replayed", 5)].into());
        running.stop().await;
        assert_gapless(&log).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_loads_streams_that_only_the_effects_of_its_own_commands_require() {
    for log in logs().await {
        let running = Running::stocked(&log, "A", 1).await;
        done(&running.send("create-B", product("B")).await);
        done(&running.send("receive-B", receipt("B", 1)).await);
        running.stop().await;
        // Nothing is in memory. The amendment requires product B only once the order of the same group exists.
        let restarted = Running::start(&log).await;
        let id = NewId::now().order();
        let place = json!({"id": id, "currency": "GBP", "lines": [{"sku": "A", "quantity": 1}]});
        let amendment = serde_json::from_value(json!({"add": [{"sku": "B", "quantity": 1}]})).unwrap();
        let amend = Command::Order(id, OrderCommand::AmendOrder { body: amendment });
        let group = vec![request("place", order_with(place)), request("amend", amend)];
        let replies = restarted.mailbox.submit_many(group, Together::AllOrNothing);
        let replies = tokio::time::timeout(PATIENCE, replies).await.unwrap().unwrap();
        assert_eq!(tally(&replies), [("done", 2)].into());
        assert_eq!((stock(&log, "A").await, stock(&log, "B").await), ((1, 1), (1, 1)));
        restarted.stop().await;
        assert_gapless(&log).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_repeated_after_a_restart_gets_its_first_answers() {
    for log in logs().await {
        let running = Running::stocked(&log, "A", 5).await;
        let first = running.mailbox.submit_many(orders("buy", 5), Together::AllOrNothing).await.unwrap();
        running.stop().await;
        let restarted = Running::start(&log).await;
        // No stock is left, and the repeats still get their first answers.
        let again = restarted.mailbox.submit_many(orders("buy", 5), Together::AllOrNothing).await.unwrap();
        assert_eq!(tally(&again), [("replayed", 5)].into());
        assert!(first.iter().zip(&again).all(|(first, again)| done(first) == done(again)));
        let refused = restarted.mailbox.submit_many(orders("other", 5), Together::AllOrNothing).await.unwrap();
        assert_eq!(tally(&refused), [("insufficient-stock", 1), ("skipped", 4)].into());
        restarted.stop().await;
        assert_gapless(&log).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn in_a_group_that_fails_a_command_that_took_effect_earlier_keeps_its_answer() {
    for log in logs().await {
        let running = Running::stocked(&log, "A", 3).await;
        let first = running.mailbox.submit_many(orders("buy", 2), Together::Each).await.unwrap();
        running.stop().await;
        let restarted = Running::start(&log).await;
        let mut group = orders("buy", 3);
        group.insert(1, request("too-many", order("A", 5)));
        let replies = restarted.mailbox.submit_many(group, Together::AllOrNothing).await.unwrap();
        assert_eq!(tally(&replies), [("insufficient-stock", 1), ("replayed", 2), ("skipped", 1)].into());
        assert_eq!((done(&replies[0]), done(&replies[2])), (done(&first[0]), done(&first[1])));
        restarted.stop().await;
        assert_eq!(stock(&log, "A").await, (3, 2));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_claim_of_a_group_that_failed_can_be_taken() {
    for log in logs().await {
        let running = Running::stocked(&log, "A", 2).await;
        let named = |key: &str| {
            let body = json!({"currency": "GBP", "external_ref": "M-1", "lines": [{"sku": "A", "quantity": 1}]});
            request(key, order_with(body))
        };
        let failing = vec![named("one"), request("two", order("A", 5))];
        let mailbox = &running.mailbox;
        let (failed, named) =
            tokio::join!(mailbox.submit_many(failing, Together::AllOrNothing), mailbox.submit(named("three")));
        assert_eq!(tally(&failed.unwrap()), [("insufficient-stock", 1), ("skipped", 1)].into());
        done(&named.unwrap());
        running.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_is_one_commit_even_if_batches_are_smaller() {
    for log in logs().await {
        Running::stocked(&log, "A", 1_000).await.stop().await;
        let running = Running::start_with(&log, Limits { batch: 2, ..Limits::default() }).await;
        let names: Vec<String> = (0..8).map(|group| format!("group-{group}")).collect();
        let groups = names.iter().map(|name| running.mailbox.submit_many(orders(name, 7), Together::AllOrNothing));
        let alone = join_all((0..50).map(|n| running.mailbox.submit(request(&format!("alone-{n}"), order("A", 1)))));
        let (groups, alone) = tokio::join!(join_all(groups), alone);
        assert!(alone.iter().all(|reply| matches!(reply, Ok(Reply::Done { .. }))));
        for replies in groups {
            let replies = replies.unwrap();
            let positions: Vec<i64> = replies.iter().map(|reply| done(reply).position.0).collect();
            let span: Vec<i64> = (0..7).map(|n| positions[0] + 2 * n).collect();
            assert_eq!(positions, span, "no other events are between the events of a group");
            let events = log.read_after(events::Position(positions[0] - 2), 14).await.unwrap();
            // The events of a batch have one recording time.
            assert_eq!(events.iter().map(|event| event.recorded_at).collect::<BTreeSet<_>>().len(), 1);
        }
        running.stop().await;
        assert_gapless(&log).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_that_repeats_another_command_of_its_group_gets_the_same_answer() {
    for together in [Together::Each, Together::AllOrNothing] {
        for log in logs().await {
            let running = Running::stocked(&log, "A", 10).await;
            let twice = || [orders("buy", 2), orders("buy", 1)].concat();
            let replies = running.mailbox.submit_many(twice(), together).await.unwrap();
            assert_eq!(tally(&replies), [("done", 2), ("replayed", 1)].into());
            assert_eq!(done(&replies[0]), done(&replies[2]));
            assert_eq!(stock(&log, "A").await, (10, 2));
            // No key is left in flight: a repeat of the group gets the same answers.
            let again = running.mailbox.submit_many(twice(), together).await.unwrap();
            assert_eq!(tally(&again), [("replayed", 3)].into());
            running.stop().await;
            let restarted = Running::start(&log).await;
            let again = restarted.mailbox.submit_many(twice(), together).await.unwrap();
            assert_eq!(tally(&again), [("replayed", 3)].into());
            assert_eq!(done(&replies[2]), done(&again[2]));
            restarted.stop().await;
            assert_gapless(&log).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rejected_command_does_not_use_its_key() {
    for log in logs().await {
        let running = Running::stocked(&log, "A", 1).await;
        // Rejected, more stock, the same command again, another command with the key.
        let refused = || request("buy", order("A", 2));
        let group =
            vec![refused(), refused(), request("more", receipt("A", 1)), refused(), request("buy", order("A", 1))];
        let replies = running.mailbox.submit_many(group, Together::Each).await.unwrap();
        assert!(replies[..2].iter().all(|reply| matches!(reply, Reply::Rejected(_))), "{replies:?}");
        done(&replies[3]);
        assert_eq!(replies[4], Reply::KeyReused);
        running.stop().await;
        assert_eq!(stock(&log, "A").await, (2, 2));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn in_a_group_that_fails_a_repeat_is_undone_with_what_it_repeats() {
    for log in logs().await {
        let running = Running::stocked(&log, "A", 3).await;
        let mut group = [orders("buy", 1), orders("buy", 1)].concat();
        group.push(request("more", order("A", 5)));
        let replies = running.mailbox.submit_many(group.clone(), Together::AllOrNothing).await.unwrap();
        assert_eq!(tally(&replies), [("insufficient-stock", 1), ("skipped", 2)].into());
        group.pop();
        let dry: Vec<Request> =
            group.iter().cloned().map(|request| Request { want: Want::DryRun, ..request }).collect();
        let tried = running.mailbox.submit_many(dry, Together::AllOrNothing).await.unwrap();
        assert!(matches!(&tried[..], [_, Reply::Would { events, .. }] if events.is_empty()), "{tried:?}");
        let other = vec![group[0].clone(), request("buy-0", order("A", 2))];
        let replies = running.mailbox.submit_many(other, Together::AllOrNothing).await.unwrap();
        assert_eq!(replies, [Reply::Skipped, Reply::KeyReused]);
        let replies = running.mailbox.submit_many(group, Together::AllOrNothing).await.unwrap();
        assert_eq!(tally(&replies), [("done", 1), ("replayed", 1)].into());
        running.stop().await;
        assert_eq!(stock(&log, "A").await, (3, 1));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_with_a_dry_run_is_a_dry_run() {
    for log in logs().await {
        let running = Running::stocked(&log, "A", 3).await;
        let dry = |count| {
            let mut group = orders("buy", count);
            group.iter_mut().for_each(|request| request.want = Want::DryRun);
            group
        };
        // Each command sees the effects that those before it would have.
        let replies = running.mailbox.submit_many(dry(3), Together::AllOrNothing).await.unwrap();
        assert_eq!(tally(&replies), [("would", 3)].into());
        let replies = running.mailbox.submit_many(dry(4), Together::AllOrNothing).await.unwrap();
        assert_eq!(tally(&replies), [("insufficient-stock", 1), ("skipped", 3)].into());
        // Independent dry runs do not see each other.
        let replies = running.mailbox.submit_many(dry(4), Together::Each).await.unwrap();
        assert_eq!(tally(&replies), [("would", 4)].into());
        assert_eq!(all(&log).await.len(), 2);
        running.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_of_a_group_uses_no_key_of_its_batch() {
    for log in logs().await {
        Running::stocked(&log, "A", 1).await.stop().await;
        let (writer, mailbox) = writer(&log, Limits::default()).await.unwrap();
        // The product exists, so creating it again changes nothing.
        let dry = ["unchanged", "changed"].map(|key| {
            let command = if key == "unchanged" { product("A") } else { receipt("A", 1) };
            Request { want: Want::DryRun, ..request(key, command) }
        });
        let mut tried = pin!(mailbox.submit_many(dry.to_vec(), Together::AllOrNothing));
        assert!(tried.as_mut().now_or_never().is_none(), "it waits for its replies");
        let same_keys = vec![request("unchanged", receipt("A", 10)), request("changed", receipt("A", 100))];
        let mut received = pin!(mailbox.submit_many(same_keys, Together::Each));
        assert!(received.as_mut().now_or_never().is_none(), "it waits in the same batch");

        let stop = Shutdown::new();
        let running = tokio::spawn(writer.run(stop.clone()));
        assert_eq!(tally(&tried.await.unwrap()), [("would", 2)].into());
        assert_eq!(tally(&received.await.unwrap()), [("done", 2)].into());
        stop.request();
        running.await.unwrap();
        assert_eq!(stock(&log, "A").await, (111, 0));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_of_a_thousand_commands_fits_into_a_mailbox_for_a_thousand() {
    for log in logs().await {
        Running::stocked(&log, "A", 5_000).await.stop().await;
        let streams = NonZeroUsize::MIN;
        let default = Limits::default();
        let room = domain::world::Room { streams, ..default.room };
        let running = Running::start_with(&log, Limits { mailbox: 1_000, room, ..default }).await;
        let refused = running.mailbox.submit_many(orders("too-many", 1_001), Together::Each).await;
        assert_eq!(refused, Err(command_service::writer::Shed::Full));
        let replies = running.mailbox.submit_many(orders("buy", 1_000), Together::AllOrNothing).await.unwrap();
        assert_eq!(tally(&replies), [("done", 1_000)].into());
        running.stop().await;
        assert_gapless(&log).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_that_waits_for_room_gets_it_before_callers_that_do_not_wait() {
    for log in logs().await {
        Running::stocked(&log, "A", 5_000).await.stop().await;
        let (writer, mailbox) = writer(&log, Limits { mailbox: 3, ..Limits::default() }).await.unwrap();
        let within = |name, count, patience| mailbox.submit_many_within(orders(name, count), Together::Each, patience);
        let mut first = pin!(mailbox.submit_many(orders("first", 2), Together::Each));
        assert!(first.as_mut().now_or_never().is_none(), "it waits for its replies");

        let mut group = pin!(within("group", 3, PATIENCE));
        assert!(group.as_mut().now_or_never().is_none(), "it waits for room");
        let hasty = mailbox.submit(request("hasty", order("A", 1))).await;
        assert_eq!(hasty, Err(Shed::Full), "one is free, and kept for the group");
        assert_eq!(within("never", 4, PATIENCE).await, Err(Shed::Full), "there will never be room for it");

        let stop = Shutdown::new();
        let running = tokio::spawn(writer.run(stop.clone()));
        assert_eq!(tally(&first.await.unwrap()), [("done", 2)].into());
        assert_eq!(tally(&group.await.unwrap()), [("done", 3)].into());
        assert!(matches!(mailbox.submit(request("hasty", order("A", 1))).await, Ok(Reply::Done { .. })));
        stop.request();
        running.await.unwrap();
        assert_eq!(within("late", 1, PATIENCE).await, Err(Shed::Closed));
        assert_gapless(&log).await;
    }
}
