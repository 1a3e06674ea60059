//! Logs that have lost their last events: what contains the lost events is detected, and repaired without touching anything
//! else.

use events::{Incarnation, LogPosition, Position};
use projector::projections::{Orders, Stock};
use projector::step::StepError;
use projector::store::incarnations;
use projector::{repair as repairing, status};
use read_model::{Generation, Projection};

use crate::operations::*;
use crate::platform::{Platform, now, step_until};
use crate::samples::*;

const OF_ORDERS: [Projection; 6] = [
    Projection::ORDERS,
    Projection::ORDER_TIMELINE,
    Projection::FULFILMENTS,
    Projection::ORDER_RETURNS,
    Projection::SALES,
    Projection::ORDER_STATISTICS,
];

/// What is ahead of the log, as text.
async fn found(platform: &Platform) -> Vec<String> {
    let found = repairing::find(&platform.database(), None).await.unwrap();
    found.iter().map(ToString::to_string).collect()
}

/// Numbers and states of all generations of projections that do not contain orders.
async fn others(platform: &mut Platform) -> Vec<String> {
    let names = OF_ORDERS.map(|projection| format!("'{}'", projection.name())).join(", ");
    let generations = format!(
        "select projection || ' ' || generation || ' ' || state || ' ' || created_at from projection_generations
         where projection not in ({names}) order by 1"
    );
    let mut others = platform.texts(&generations).await;
    for table in ["stock", "stock_ledger", "products", "product_prices"] {
        others
            .extend(platform.texts(&format!("select xmin || ' ' || ctid || ' ' || t from {table} t order by 1")).await);
    }
    others
}

/// Publishes events of an order that the log then loses. They are applied, and Kafka keeps them.
async fn lose_an_order(platform: &mut Platform) -> Position {
    let kept = platform.head();
    let (id, stream) = order_at(now(), 99);
    platform.publish(&stream, placed(id, 99)).await;
    platform.publish(&stream, captured(1500)).await;
    apply_all(platform).await;
    platform.lose_tail(kept).await;
    kept
}

#[tokio::test]
async fn a_repair_replaces_what_is_ahead_of_the_log_and_nothing_else() {
    let mut platform = with_history().await;
    rebuild(&platform, Projection::ORDERS).await.unwrap();
    verify(&platform, Projection::ORDERS, None).await;
    promote(&platform, Projection::ORDERS).await.unwrap();
    let untouched = others(&mut platform).await;
    let kept = lose_an_order(&mut platform).await;

    let beyond = &found(&platform).await[0];
    assert!(beyond.ends_with(&format!(" is beyond position {kept}, where the log ends")), "{beyond}");
    let early = repair(&platform, Projection::ORDERS).await.unwrap_err().to_string();
    assert!(early.contains("run `command-service raise-incarnation` first"), "{early}");
    platform.raise_incarnation().await;

    let ahead = found(&platform).await;
    assert_eq!(ahead.len(), 7, "two generations of orders, and one of each other projection: {ahead:#?}");
    let lost = kept.plus(2);
    let text = |line: &String| line.starts_with(&format!("orders generation 2: checkpoint {lost} of partition "));
    assert!(ahead.iter().any(text), "{ahead:#?}");
    assert!(ahead.iter().all(|line| line.ends_with(&format!(" is beyond position {kept}, where incarnation 1 ended"))));
    let states = status::list(&platform.database()).await.unwrap();
    let noted: Vec<String> = states.iter().filter(|it| it.ahead_of_log).map(ToString::to_string).collect();
    assert_eq!(noted.len(), 7);
    assert!(noted.iter().any(|line| line.ends_with("ahead of the log: run `projector repair orders`")), "{noted:#?}");
    let refused = rollback(&platform, Projection::ORDERS).await.unwrap_err().to_string();
    assert!(refused.starts_with("orders generation 1: checkpoint ") && refused.contains("`projector repair orders`"));

    let repaired = repair(&platform, Projection::ORDERS).await.unwrap();
    let of = |number| Generation { projection: Projection::ORDERS, number };
    assert_eq!((repaired.live, repaired.removed), (of(3), vec![of(1), of(2)]));
    for projection in &OF_ORDERS[1..] {
        let repaired = repair(&platform, *projection).await.unwrap();
        assert_eq!((repaired.live.number, repaired.removed.len()), (2, 1));
    }
    assert_eq!(found(&platform).await, [""; 0]);
    for projection in OF_ORDERS {
        assert!(verify(&platform, projection, None).await.is_equal(), "{}", projection.name());
    }
    assert_eq!(platform.number("select count(*) from public.orders").await, 12);
    assert_eq!(platform.number("select sum(orders)::bigint from public.sales_days").await, 12);
    assert_eq!(others(&mut platform).await, untouched, "the other projections are as they were");
    let again = repair(&platform, Projection::ORDERS).await.unwrap();
    assert_eq!((again.live, again.removed), (of(3), vec![]), "there is nothing left to repair");
}

#[tokio::test]
async fn lost_events_that_kafka_still_has_are_not_applied_to_a_repaired_generation() {
    let mut platform = with_history().await;
    lose_an_order(&mut platform).await;
    platform.raise_incarnation().await;
    repair(&platform, Projection::ORDERS).await.unwrap();
    // The consumer group of the new generation begins with the first message of the topic that may be needed.
    let mut worker = platform.worker_of::<Orders>(2);
    for number in 100..106 {
        let (id, stream) = order_at(now(), number);
        platform.publish(&stream, placed(id, u64::from(number))).await;
        platform.publish(&stream, captured(1500)).await;
    }
    platform.catch_up_generation(&mut worker, 2).await;
    assert!(verify(&platform, Projection::ORDERS, Some(2)).await.is_equal());
    assert_eq!(platform.number("select count(*) from orders_2.orders where code = 'SON000099'").await, 0);
    assert_eq!(platform.number("select count(*) from orders_2.orders where incarnation = 2").await, 6);
    assert!(repairing::find(&platform.database(), Some(Projection::ORDERS)).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_lost_event_is_skipped_in_a_partition_without_later_events() {
    let mut platform = Platform::new().await;
    platform.publish(&stock_stream("MUG"), received(1)).await;
    let kept = platform.head();
    platform.publish(&stock_stream("MUG"), received(10)).await;
    platform.publish(&stock_stream("MUG"), received(100)).await;
    platform.lose_tail(kept).await;
    platform.raise_incarnation().await;
    let mut worker = platform.worker::<Stock>();
    let all = |outcome: &Result<_, _>| matches!(outcome, Ok(projector::step::Outcome::Applied(3)));
    step_until(&mut worker, all).await.unwrap();
    assert_eq!(platform.number("select on_hand from stock").await, 1);
    platform.publish(&stock_stream("MUG"), received(1000)).await;
    platform.catch_up(&mut worker).await;
    assert_eq!(platform.number("select on_hand from stock").await, 1001);
}

#[tokio::test]
async fn an_interrupted_repair_is_continued_wherever_it_stopped() {
    let mut platform = with_history().await;
    lose_an_order(&mut platform).await;
    platform.raise_incarnation().await;
    kill_after_first_step(Projection::ORDERS, rebuild_options(&platform)).await;
    let killed = continue_rebuild(Projection::ORDERS, rebuild_options(&platform)).await.unwrap();
    assert_eq!(killed.number, 2, "the repair stopped before the verification");
    rebuild(&platform, Projection::ORDER_TIMELINE).await.unwrap();
    verify(&platform, Projection::ORDER_TIMELINE, None).await;
    promote(&platform, Projection::ORDER_TIMELINE).await.unwrap();
    for projection in [Projection::ORDERS, Projection::ORDER_TIMELINE] {
        let repaired = repair(&platform, projection).await.unwrap();
        assert_eq!((repaired.live.number, repaired.removed.len()), (2, 1), "{}", projection.name());
        let numbers =
            format!("select generation from projection_generations where projection = '{}'", projection.name());
        assert_eq!(platform.numbers(&numbers).await, [2]);
    }
}

#[tokio::test]
async fn a_rebuild_that_read_lost_events_is_removed_and_not_continued() {
    let mut platform = with_history().await;
    let kept = platform.head();
    for _ in 0..10 {
        platform.publish(&stock_stream("MUG"), received(1)).await;
    }
    kill_after_first_step(Projection::STOCK, rebuild_options(&platform)).await;
    platform.lose_tail(kept).await;
    platform.raise_incarnation().await;
    for _ in 0..20 {
        platform.publish(&stock_stream("MUG"), received(1)).await;
    }
    let refused = continue_rebuild(Projection::STOCK, rebuild_options(&platform)).await.unwrap_err().to_string();
    let expected = format!(
        "stock generation 2: the end of its rebuild at position {} is beyond position {kept}, where incarnation 1 ended: \
         retire stock generation 2 and begin again",
        kept.plus(10)
    );
    assert_eq!(refused, expected);
    let repaired = repair(&platform, Projection::STOCK).await.unwrap();
    assert_eq!((repaired.live.number, repaired.removed.len()), (1, 1), "the live generation is right");
}

#[tokio::test]
async fn a_rebuild_that_copies_rows_of_a_wrong_generation_is_removed_with_it() {
    let mut platform = with_history().await;
    let selection = projector::rebuild::selection::Selection::Since(Position(20));
    let options = projector::rebuild::Options { selection, ..rebuild_options(&platform) };
    kill_after_first_step(Projection::ORDERS, options.clone()).await;
    lose_an_order(&mut platform).await;
    platform.raise_incarnation().await;
    let refused = continue_rebuild(Projection::ORDERS, options).await.unwrap_err().to_string();
    assert!(refused.starts_with("orders generation 1 contains events that the log does not contain"), "{refused}");
    let repaired = repair(&platform, Projection::ORDERS).await.unwrap();
    assert_eq!((repaired.live.number, repaired.removed.len()), (2, 2), "the second generation was begun again");
    assert!(verify(&platform, Projection::ORDERS, None).await.is_equal());
}

#[tokio::test]
async fn a_generation_that_is_behind_is_promoted_if_the_live_one_is_ahead_of_the_log() {
    let mut platform = with_history().await;
    rebuild(&platform, Projection::ORDERS).await.unwrap();
    verify(&platform, Projection::ORDERS, None).await;
    platform
        .execute("update projection_checkpoints set position = position + 1000000 where projection = 'orders' and generation = 1")
        .await;
    promote(&platform, Projection::ORDERS).await.unwrap();
    let refused = rollback(&platform, Projection::ORDERS).await.unwrap_err().to_string();
    assert!(refused.contains("where the log ends: run `projector repair orders`"), "{refused}");
}

#[tokio::test]
async fn a_rebuild_copies_no_rows_of_a_generation_that_is_ahead_of_the_log() {
    let mut platform = with_history().await;
    lose_an_order(&mut platform).await;
    platform.raise_incarnation().await;
    let selection = projector::rebuild::selection::Selection::Since(Position(5));
    let options = projector::rebuild::Options { selection, ..rebuild_options(&platform) };
    let refused = rebuild_with(Projection::ORDERS, options).await.unwrap_err().to_string();
    let expected = "orders generation 1 contains events that the log does not contain, so its rows cannot be copied: run \
                    `projector repair orders`";
    assert_eq!(refused, expected);
}

#[tokio::test]
async fn a_worker_whose_checkpoint_is_ahead_of_the_log_stops_and_names_the_commands() {
    let mut platform = Platform::new().await;
    platform.publish(&stock_stream("MUG"), received(1)).await;
    let kept = platform.head();
    platform.publish(&stock_stream("MUG"), received(10)).await;
    let mut worker = platform.worker::<Stock>();
    platform.catch_up(&mut worker).await;
    worker.close().await;
    platform.lose_tail(kept).await;
    let mut worker = platform.worker::<Stock>();
    let stopped = step_until(&mut worker, Result::is_err).await.unwrap_err();
    assert!(matches!(stopped, StepError::AheadOfLog { position: Position(2), .. }), "{stopped}");
    assert!(!platform.health.is_ready());
    let report = format!("{:?}", platform.health.report());
    for command in ["command-service raise-incarnation", "projector repair"] {
        assert!(report.contains(command), "{report}");
    }
}

#[tokio::test]
async fn a_worker_notices_that_the_incarnation_was_raised() {
    let mut platform = Platform::new().await;
    platform.publish(&stock_stream("MUG"), received(1)).await;
    let mut worker = platform.worker::<Stock>();
    platform.catch_up(&mut worker).await;
    worker.audit().await.unwrap();
    platform.raise_incarnation().await;
    let noticed = worker.audit().await.unwrap_err();
    assert!(matches!(noticed, StepError::IncarnationChanged), "{noticed}");
}

#[tokio::test]
async fn the_ends_of_incarnations_are_found() {
    let mut platform = Platform::new().await;
    for _ in 0..5 {
        platform.append(&stock_stream("MUG"), received(1)).await;
    }
    platform.raise_incarnation().await;
    // The second incarnation writes nothing.
    platform.raise_incarnation().await;
    platform.append(&stock_stream("MUG"), received(1)).await;
    platform.append(&stock_stream("MUG"), received(1)).await;
    platform.raise_incarnation().await;
    let ended = incarnations::find_ended(&mut platform.db).await.unwrap();
    assert_eq!(ended.current(), Incarnation(4));
    let lost = |incarnation, position| {
        ended.is_lost(LogPosition { incarnation: Incarnation(incarnation), position: Position(position) })
    };
    assert_eq!(
        [lost(1, 5), lost(1, 6), lost(2, 1), lost(3, 7), lost(3, 8), lost(4, 8)],
        [false, true, true, false, true, false]
    );
}
