//! Operators skip events that cannot be applied: each is recorded with who and why, its stream continues, and verifications
//! expect exactly what is then in the tables.

use events::{Position, StreamId};
use projector::operate::{Operation, operate};
use projector::operator_error::OperatorError;
use projector::projections::{OrderTimeline, Orders, Stock};
use projector::retry::RetryOutcome;
use projector::skip::{Skip, SkipOutcome, skip};
use projector::step::StepError;
use projector::worker::Worker;
use read_model::Projection;

use crate::operations::{apply_all, rebuild, verify, with_history};
use crate::platform::{Platform, now, step_until};
use crate::samples::*;

const REASON: &str = "duplicate of position 1";

/// Skips the event at which a stream is parked.
async fn skip_at(
    platform: &Platform,
    stream: &StreamId,
    projection: Option<Projection>,
    position: Option<i64>,
) -> Result<Vec<SkipOutcome>, OperatorError> {
    let mut outcomes = Vec::new();
    let request = Skip { stream, projection, position: position.map(Position), by: "mara", reason: REASON };
    skip(&platform.database(), request, &mut |_, outcome| outcomes.push(outcome.clone())).await?;
    Ok(outcomes)
}

async fn skip_event(platform: &Platform, stream: &StreamId) -> Result<Vec<SkipOutcome>, OperatorError> {
    skip_at(platform, stream, None, None).await
}

fn skipped(position: i64, then: RetryOutcome) -> Vec<SkipOutcome> {
    vec![SkipOutcome::Skipped(Position(position), then)]
}

/// A stock item with 1 unit that is parked because of its second event, before 100 more units, and its worker.
async fn parked() -> (Platform, StreamId, Worker<Stock>) {
    let mut platform = Platform::new().await;
    let bad = stock_stream("BAD");
    platform.publish(&bad, received(1)).await;
    platform.publish_unreadable(&bad).await;
    platform.publish(&bad, received(100)).await;
    let mut worker = platform.worker::<Stock>();
    platform.catch_up(&mut worker).await;
    (platform, bad, worker)
}

const SKIPPED: &str = "select count(*) from skipped_events";
const PARKED: &str = "select count(*) from parked_streams";

#[tokio::test]
async fn a_skipped_event_is_recorded_with_who_and_why_and_its_stream_continues() {
    let (mut platform, bad, mut worker) = parked().await;
    assert_eq!(skip_event(&platform, &bad).await.unwrap(), skipped(2, RetryOutcome::Resumed(1)));
    let record = "select projection || ' ' || generation || ' ' || stream_id || ' ' || incarnation || ' ' || position
                      || ' ' || failure || ' ' || skipped_by || ': ' || reason from skipped_events where skipped_at <= now()";
    assert_eq!(
        platform.text(record).await,
        "stock 1 stock-BAD@main 1 2 event type `StockImagined` is unknown to this build mara: duplicate of position 1"
    );
    assert_eq!(platform.number(PARKED).await, 0);
    assert_eq!(platform.text("select on_hand || ' ' || version from stock").await, "101 3");
    assert_eq!(platform.number("select count(*) from stock_ledger").await, 2, "no movement of the skipped event");

    platform.publish(&bad, received(1000)).await;
    step_until(&mut worker, |outcome| matches!(outcome, Err(StepError::ClaimLost))).await.unwrap_err();
    platform.catch_up(&mut worker).await;
    assert_eq!(platform.text("select on_hand || ' ' || version from stock").await, "1101 4");
}

#[tokio::test]
async fn the_last_event_of_a_stream_is_skipped_as_well_as_the_first() {
    let mut platform = Platform::new().await;
    let (first, last) = (stock_stream("FIRST"), stock_stream("LAST"));
    platform.publish_unreadable(&first).await;
    platform.publish(&first, received(10)).await;
    platform.publish(&last, received(1)).await;
    platform.publish_unreadable(&last).await;
    let mut worker = platform.worker::<Stock>();
    platform.catch_up(&mut worker).await;
    assert_eq!(skip_event(&platform, &first).await.unwrap(), skipped(1, RetryOutcome::Resumed(1)));
    assert_eq!(skip_event(&platform, &last).await.unwrap(), skipped(4, RetryOutcome::Resumed(0)));
    let rows = "select string_agg(sku || ' ' || on_hand || ' ' || version, ', ' order by sku) from stock";
    assert_eq!(platform.text(rows).await, "FIRST 10 2, LAST 1 2");
    assert_eq!(verify(&platform, Projection::STOCK, None).await.events_skipped, 2);
}

#[tokio::test]
async fn a_worker_that_starts_later_loads_states_without_the_skipped_event() {
    let mut platform = Platform::new().await;
    let (id, stream) = order_at(now(), 1);
    platform.publish(&stream, placed(id, 1)).await;
    let unreadable = platform.append_raw(now(), &stream, "OrderImagined", "{}").await;
    platform.send(&unreadable).await;
    let mut worker = platform.worker::<OrderTimeline>();
    platform.catch_up(&mut worker).await;
    worker.close().await;
    assert_eq!(skip_event(&platform, &stream).await.unwrap(), skipped(2, RetryOutcome::Resumed(0)));
    platform.publish(&stream, captured(1500)).await;
    // The state of the order is the fold of its events in the log.
    let mut later = platform.worker::<OrderTimeline>();
    platform.catch_up(&mut later).await;
    assert_eq!(platform.number(PARKED).await, 0);
    assert_eq!(platform.numbers("select version from order_timeline order by version").await, [1, 3]);
    assert!(verify(&platform, Projection::ORDER_TIMELINE, None).await.is_equal());
}

#[tokio::test]
async fn a_verification_leaves_out_exactly_the_skipped_events() {
    let (mut platform, bad, _worker) = parked().await;
    skip_event(&platform, &bad).await.unwrap();
    let report = verify(&platform, Projection::STOCK, None).await;
    assert_eq!((report.differences_total, report.events_skipped), (0, 1));
    // A record of an event of another incarnation means another event.
    platform.execute("update skipped_events set incarnation = 2").await;
    let report = verify(&platform, Projection::STOCK, None).await;
    assert_eq!((report.differences_total, report.events_skipped), (2, 0), "the row, and the movement after the event");
    platform.execute("update skipped_events set incarnation = 1").await;
    platform.execute("update stock set on_hand = 7").await;
    assert_eq!(verify(&platform, Projection::STOCK, None).await.differences_total, 1);
}

#[tokio::test]
async fn every_projection_continues_after_a_skipped_event() {
    let mut platform = with_history().await;
    let (id, order) = order_at(now(), 50);
    let (stock, product) = (stock_stream("MUG"), product_stream("MUG-1"));
    platform.publish(&order, placed(id, 50)).await;
    for stream in [&order, &stock, &product] {
        let unreadable = platform.append_raw(now(), stream, "Imagined", "{}").await;
        platform.send(&unreadable).await;
    }
    platform.publish(&order, assigned()).await;
    platform.publish(&order, fulfilment_created()).await;
    platform.publish(&stock, reserved(id, 2)).await;
    platform.publish(&product, price_changed(7)).await;
    apply_all(&platform).await;
    for (stream, projections) in [(&order, 6), (&stock, 3), (&product, 1)] {
        let outcomes = skip_event(&platform, stream).await.unwrap();
        assert_eq!(outcomes.len(), projections, "{outcomes:?}");
        assert!(
            outcomes.iter().all(|it| matches!(it, SkipOutcome::Skipped(_, RetryOutcome::Resumed(1 | 2)))),
            "{outcomes:?}"
        );
    }
    platform.publish(&order, shipped()).await;
    platform.publish(&stock, released(id, 2)).await;
    apply_all(&platform).await;
    assert_eq!(platform.number(PARKED).await, 0);
    let mut skipped = 0;
    for projection in Projection::ALL {
        let report = verify(&platform, projection, None).await;
        assert!(report.is_equal(), "{}: {:#?}", projection.name(), report.differences);
        skipped += report.events_skipped;
    }
    assert_eq!(skipped, 10);
}

#[tokio::test]
async fn a_rebuild_skips_nothing() {
    let (mut platform, bad, _worker) = parked().await;
    platform.record_all_partitions().await;
    skip_event(&platform, &bad).await.unwrap();
    platform.make_readable().await;
    rebuild(&platform, Projection::STOCK).await.unwrap();
    assert_eq!(platform.number("select on_hand from stock_2.stock").await, 111);
    assert_eq!(verify(&platform, Projection::STOCK, Some(2)).await.events_skipped, 0);
    assert_eq!(verify(&platform, Projection::STOCK, Some(1)).await.events_skipped, 1);
}

#[tokio::test]
async fn a_stream_is_parked_again_at_an_event_that_needs_the_skipped_one() {
    let mut platform = Platform::new().await;
    let (_, stream) = order_at(now(), 1);
    let unreadable = platform.append_raw(now(), &stream, "OrderImagined", "{}").await;
    platform.send(&unreadable).await;
    platform.publish(&stream, captured(1500)).await;
    let mut worker = platform.worker::<Orders>();
    platform.catch_up(&mut worker).await;
    let reason = "version 2 does not follow version 0".to_owned();
    assert_eq!(skip_event(&platform, &stream).await.unwrap(), skipped(1, RetryOutcome::StillParked(reason.clone())));
    assert_eq!(platform.text("select position || ' ' || reason from parked_streams").await, format!("2 {reason}"));
    assert_eq!(skip_event(&platform, &stream).await.unwrap(), skipped(2, RetryOutcome::Resumed(0)));
    assert_eq!(verify(&platform, Projection::ORDERS, None).await.events_skipped, 2);
}

#[tokio::test]
async fn an_event_that_can_be_applied_is_applied_and_not_skipped() {
    let (mut platform, bad, _worker) = parked().await;
    platform.make_readable().await;
    assert_eq!(skip_event(&platform, &bad).await.unwrap(), [SkipOutcome::NotNeeded(RetryOutcome::Resumed(2))]);
    assert_eq!(platform.number(SKIPPED).await, 0);
    assert_eq!(platform.number("select on_hand from stock").await, 111);
}

#[tokio::test]
async fn a_repeated_command_skips_no_other_event() {
    let mut platform = Platform::new().await;
    let bad = stock_stream("BAD");
    platform.publish_unreadable(&bad).await;
    platform.publish_unreadable(&bad).await;
    let mut worker = platform.worker::<Stock>();
    platform.catch_up(&mut worker).await;
    let unknown = RetryOutcome::StillParked("event type `StockImagined` is unknown to this build".to_owned());
    let first = skip_at(&platform, &bad, None, Some(1)).await.unwrap();
    assert_eq!(first, skipped(1, unknown.clone()));
    let again = skip_at(&platform, &bad, None, Some(1)).await.unwrap();
    assert_eq!(again, [SkipOutcome::AlreadySkipped(Position(1), unknown)]);
    let elsewhere = skip_at(&platform, &bad, None, Some(9)).await.unwrap_err();
    assert!(matches!(elsewhere, OperatorError::Conflict(_)), "{elsewhere:?}");
    assert!(
        elsewhere
            .to_string()
            .starts_with("stock-BAD@main is parked at position 2 in stock generation 1, not at position 9")
    );
    assert_eq!(platform.number(SKIPPED).await, 1);
    skip_at(&platform, &bad, None, Some(2)).await.unwrap();
    let done = skip_at(&platform, &bad, None, Some(2)).await.unwrap();
    assert_eq!(done, [SkipOutcome::AlreadySkipped(Position(2), RetryOutcome::NotParked)]);
}

#[tokio::test]
async fn an_event_is_skipped_in_one_projection_if_the_operator_says_so() {
    let mut platform = Platform::new().await;
    let (id, stream) = order_at(now(), 1);
    platform.publish(&stream, placed(id, 1)).await;
    let unreadable = platform.append_raw(now(), &stream, "OrderImagined", "{}").await;
    platform.send(&unreadable).await;
    apply_all(&platform).await;
    assert_eq!(platform.number(PARKED).await, 6);
    skip_at(&platform, &stream, Some(Projection::ORDERS), None).await.unwrap();
    assert_eq!(platform.text("select string_agg(projection, ' ') from skipped_events").await, "orders");
    assert_eq!(platform.number(PARKED).await, 5);
    skip_event(&platform, &stream).await.unwrap();
    assert_eq!((platform.number(SKIPPED).await, platform.number(PARKED).await), (6, 0));
}

#[tokio::test]
async fn a_stored_document_that_cannot_be_read_is_not_cured_by_skipping() {
    let mut platform = Platform::new().await;
    let (id, stream) = order_at(now(), 1);
    platform.publish(&stream, placed(id, 1)).await;
    apply_all(&platform).await;
    platform.execute("update orders set document = '{}'").await;
    platform.publish(&stream, captured(1500)).await;
    let mut worker = platform.worker::<Orders>();
    platform.catch_up(&mut worker).await;
    let refused = skip_event(&platform, &stream).await.unwrap_err();
    assert!(matches!(refused, OperatorError::Conflict(_)), "{refused:?}");
    assert!(refused.to_string().contains("the stored document cannot be read"), "{refused}");
    assert_eq!((platform.number(SKIPPED).await, platform.number(PARKED).await), (0, 1));
}

#[tokio::test]
async fn what_cannot_be_skipped_is_a_clear_error() {
    let (mut platform, bad, _worker) = parked().await;
    let not_parked = skip_event(&platform, &stock_stream("GOOD")).await.unwrap_err();
    assert!(matches!(not_parked, OperatorError::NotFound(_)), "{not_parked:?}");
    let elsewhere = skip_at(&platform, &bad, Some(Projection::ORDERS), None).await.unwrap_err();
    assert!(elsewhere.to_string().starts_with("stock-BAD@main is not parked in a generation of orders"), "{elsewhere}");
    for (by, reason) in [("", "why"), ("mara", " "), ("mara", "two\nlines"), (&*"m".repeat(501), "why")] {
        let request = Skip { stream: &bad, projection: None, position: None, by, reason };
        let invalid = skip(&platform.database(), request, &mut |_, _| {}).await.unwrap_err();
        assert!(matches!(invalid, OperatorError::Invalid(_)), "{invalid:?}");
    }
    platform.execute("select pg_advisory_lock(hashtext('parked retry'), hashtext(''))").await;
    assert!(matches!(skip_event(&platform, &bad).await.unwrap_err(), OperatorError::Busy(_)));
    assert_eq!(platform.number(SKIPPED).await, 0);
}

#[tokio::test]
async fn a_record_outlives_its_generation_without_an_effect_on_the_next_one() {
    let (mut platform, bad, _worker) = parked().await;
    platform.record_all_partitions().await;
    rebuild(&platform, Projection::STOCK).await.unwrap();
    skip_event(&platform, &bad).await.unwrap();
    assert_eq!(platform.number(SKIPPED).await, 2);
    operate("stock", Operation::Retire(platform.database(), 2)).await.unwrap();
    assert_eq!(platform.number("select count(*) from skipped_events where retired_at is not null").await, 1);
    rebuild(&platform, Projection::STOCK).await.unwrap();
    assert_eq!(platform.number("select count(*) from parked_streams where generation = 2").await, 1);
    let report = verify(&platform, Projection::STOCK, Some(2)).await;
    assert_eq!((report.differences_total, report.events_skipped), (0, 0));
}
