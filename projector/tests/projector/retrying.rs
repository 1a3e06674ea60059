//! A parked stream is resumed when its event can be applied, and the retry does not delay other streams.

use events::StreamId;
use projector::projections::Stock;
use projector::retry::{RetryOutcome, Selected, retry};
use projector::step::StepError;
use projector::worker::Worker;
use read_model::{Generation, Projection};
use testbed::PATIENCE;

use crate::platform::{Platform, step_until};
use crate::samples::*;

async fn retry_all(platform: &Platform) -> Vec<RetryOutcome> {
    let mut results = Vec::new();
    let database = platform.database();
    let mut report = |_: Generation, _: &str, outcome: &RetryOutcome| results.push(outcome.clone());
    let retrying = retry(&database, Selected::default(), &mut report);
    tokio::time::timeout(PATIENCE, retrying).await.expect("the retry does not end").unwrap();
    results
}

/// A stock item that is parked because of its first event, and the worker that parked it.
async fn parked() -> (Platform, StreamId, Worker<Stock>) {
    let mut platform = Platform::new().await;
    let bad = stock_stream("BAD");
    platform.publish_unreadable(&bad).await;
    let mut worker = platform.worker::<Stock>();
    platform.catch_up(&mut worker).await;
    (platform, bad, worker)
}

const UNKNOWN: &str = "event type `StockImagined` is unknown to this build";

const EPOCHS: &str = "select sum(epoch)::bigint from projection_checkpoints";

#[tokio::test]
async fn a_parked_stream_is_resumed_while_a_worker_runs() {
    let mut platform = Platform::new().await;
    let bad = stock_stream("BAD");
    platform.publish(&bad, received(1)).await;
    platform.publish_unreadable(&bad).await;
    platform.publish(&bad, received(100)).await;
    let mut worker = platform.worker::<Stock>();
    platform.catch_up(&mut worker).await;

    platform.make_readable().await;
    assert_eq!(retry_all(&platform).await, [RetryOutcome::Resumed(2)]);
    assert_eq!(platform.number("select on_hand from stock").await, 111);
    assert_eq!(platform.number("select count(*) from parked_streams").await, 0);

    // In the memory of the worker the stream is still parked; the retry ended the claim, so the worker reads the parked
    // streams again.
    platform.publish(&bad, received(1000)).await;
    step_until(&mut worker, |outcome| matches!(outcome, Err(StepError::ClaimLost))).await.unwrap_err();
    platform.catch_up(&mut worker).await;
    assert_eq!(platform.number("select on_hand from stock").await, 1111);
    assert_eq!(platform.number("select count(*) from stock_ledger").await, 4);
}

#[tokio::test]
async fn a_retry_applies_no_event_after_the_checkpoint() {
    let (mut platform, bad, mut worker) = parked().await;
    platform.publish(&bad, received(100)).await;

    platform.make_readable().await;
    assert_eq!(retry_all(&platform).await, [RetryOutcome::Resumed(1)], "the worker has not seen the second event");
    assert_eq!(platform.number("select on_hand from stock").await, 10);
    step_until(&mut worker, |outcome| matches!(outcome, Err(StepError::ClaimLost))).await.unwrap_err();
    platform.catch_up(&mut worker).await;
    assert_eq!(platform.number("select on_hand from stock").await, 110);
    assert_eq!(platform.number("select count(*) from stock_ledger").await, 2);
}

#[tokio::test]
async fn a_stream_that_still_cannot_be_applied_stays_parked() {
    let mut platform = Platform::new().await;
    let bad = stock_stream("BAD");
    platform.publish_unreadable(&bad).await;
    platform.publish(&bad, received(1)).await;
    let mut worker = platform.worker::<Stock>();
    platform.catch_up(&mut worker).await;
    assert_eq!(retry_all(&platform).await, [RetryOutcome::StillParked(UNKNOWN.into())]);
    assert_eq!(platform.number("select position from parked_streams").await, 1);
}

#[tokio::test]
async fn a_stream_that_is_not_parked_is_left_alone() {
    let (platform, bad, _worker) = parked().await;
    let good = stock_stream("GOOD");
    let retry_one = async |projection, stream| {
        let selected = Selected { projection, stream: Some(stream) };
        retry(&platform.database(), selected, &mut |_, _, _| {}).await.unwrap()
    };
    assert!(!retry_one(None, &good).await);
    assert!(!retry_one(Some(Projection::ORDERS), &bad).await, "parked in another projection");
    assert!(retry_one(Some(Projection::STOCK), &bad).await);
}

#[tokio::test]
async fn streams_that_stay_parked_take_no_partition_from_a_worker() {
    let mut platform = Platform::new().await;
    for number in 0..5 {
        platform.publish_unreadable(&stock_stream(&format!("BAD-{number}"))).await;
    }
    let mut worker = platform.worker::<Stock>();
    platform.catch_up(&mut worker).await;
    let epochs = platform.number(EPOCHS).await;
    let written_by = "select sum(xmin::text::bigint)::bigint from parked_streams";
    let before = platform.number(written_by).await;
    assert_eq!(retry_all(&platform).await, vec![RetryOutcome::StillParked(UNKNOWN.into()); 5]);
    assert_eq!(platform.number(EPOCHS).await, epochs);
    assert_eq!(platform.number(written_by).await, before, "nothing is written");
    platform.publish(&stock_stream("GOOD"), received(1)).await;
    // An error would fail the test.
    platform.catch_up(&mut worker).await;
}

#[tokio::test]
async fn resumed_streams_end_the_claims_of_their_partitions_once() {
    let mut platform = Platform::new().await;
    let names = || (0..40).map(|number| format!("BAD-{number}"));
    let ours: Vec<String> = names().filter(|name| platform.partition_of(&stock_stream(name)) != 0).collect();
    for name in &ours {
        platform.publish_unreadable(&stock_stream(name)).await;
    }
    let mut worker = platform.worker::<Stock>();
    platform.catch_up(&mut worker).await;
    let epochs = platform.number(EPOCHS).await;
    platform.make_readable().await;
    assert_eq!(retry_all(&platform).await, vec![RetryOutcome::Resumed(1); ours.len()]);
    assert_eq!(platform.number(EPOCHS).await, epochs + 2, "two of three partitions");
}

#[tokio::test]
async fn a_stream_parked_by_an_earlier_release_is_resumed() {
    let (mut platform, bad, mut worker) = parked().await;
    platform.execute("update parked_streams set partition = null").await;
    platform.make_readable().await;
    assert_eq!(retry_all(&platform).await, [RetryOutcome::Resumed(1)]);
    platform.publish(&bad, received(1)).await;
    step_until(&mut worker, |outcome| matches!(outcome, Err(StepError::ClaimLost))).await.unwrap_err();
    platform.catch_up(&mut worker).await;
    assert_eq!(platform.number("select on_hand from stock").await, 11);
}

#[tokio::test]
async fn a_retry_of_a_stream_that_receives_an_event_with_every_write_ends() {
    let (mut platform, _, _worker) = parked().await;
    platform.make_readable().await;
    platform
        .execute(
            "create function receives_more() returns trigger language plpgsql security definer as $$ begin
                 insert into events (position, incarnation, stream_id, version, event_type, schema_version, payload, recorded_at)
                 select max(position) + 1, 1, 'stock-BAD@main', max(version) + 1, 'StockReceived', 1, '{\"quantity\":1}', now()
                 from events where stream_id = 'stock-BAD@main';
                 return null;
             end $$;
             create trigger receives_more after insert or update on stock for each row execute function receives_more()",
        )
        .await;
    assert_eq!(retry_all(&platform).await, [RetryOutcome::Resumed(1)]);
    assert_eq!(platform.number("select on_hand from stock").await, 10);
}

#[tokio::test]
async fn a_long_stream_is_applied_in_several_pages() {
    let mut platform = Platform::new().await;
    let bad = stock_stream("BAD");
    platform.publish_unreadable(&bad).await;
    for _ in 0..1_200 {
        platform.publish(&bad, received(1)).await;
    }
    let mut worker = platform.worker::<Stock>();
    platform.catch_up(&mut worker).await;
    platform.make_readable().await;
    assert_eq!(retry_all(&platform).await, [RetryOutcome::Resumed(1_201)]);
    assert_eq!(platform.text("select on_hand || ' ' || version from stock").await, "1210 1201");
}

#[tokio::test]
async fn a_stream_that_the_database_refuses_delays_no_other_stream() {
    let mut platform = Platform::new().await;
    for name in ["FIRST", "LAST"] {
        platform.publish_unreadable(&stock_stream(name)).await;
    }
    let mut worker = platform.worker::<Stock>();
    platform.catch_up(&mut worker).await;
    platform.make_readable().await;
    platform.execute("alter table stock add constraint not_first check (sku <> 'FIRST')").await;
    let mut results = retry_all(&platform).await;
    results.sort_by_key(|retried| matches!(retried, RetryOutcome::Resumed(_)));
    let [RetryOutcome::StillParked(reason), RetryOutcome::Resumed(1)] = results.as_slice() else {
        panic!("{results:?}")
    };
    assert!(reason.starts_with("PostgreSQL refused the data: "), "{reason}");
    assert_eq!(platform.text("select stream_id || ' ' || position from parked_streams").await, "stock-FIRST@main 1");
    assert_eq!(platform.text("select reason from parked_streams").await, *reason);
}

#[tokio::test]
async fn events_before_an_event_that_the_database_refuses_are_applied() {
    let mut platform = Platform::new().await;
    let bad = stock_stream("BAD");
    platform.publish_unreadable(&bad).await;
    for quantity in [1, 1, 1, 100, 1] {
        platform.publish(&bad, received(quantity)).await;
    }
    let mut worker = platform.worker::<Stock>();
    platform.catch_up(&mut worker).await;
    platform.make_readable().await;
    platform.execute("alter table stock add constraint not_many check (on_hand < 100)").await;
    let results = retry_all(&platform).await;
    assert!(matches!(results.as_slice(), [RetryOutcome::StillParked(_)]), "{results:?}");
    assert_eq!(platform.number("select on_hand from stock").await, 13);
    assert_eq!(platform.number("select position from parked_streams").await, 5);
}

#[tokio::test]
async fn one_process_at_a_time_retries_parked_streams() {
    let mut platform = Platform::new().await;
    platform.execute("select pg_advisory_lock(hashtext('parked retry'), hashtext(''))").await;
    let busy = retry(&platform.database(), Selected::default(), &mut |_, _, _| {}).await.unwrap_err();
    assert_eq!(busy.to_string(), "another process is retrying parked streams; wait until it has finished");
}

#[tokio::test]
async fn events_that_arrive_during_the_retry_are_applied_before_the_stream_is_resumed() {
    let (mut platform, _, _worker) = parked().await;
    platform.make_readable().await;
    // Two more events arrive with the first page, and the worker skips them.
    platform
        .execute(
            "create function receives_more() returns trigger language plpgsql security definer as $$ begin
                 insert into events (position, incarnation, stream_id, version, event_type, schema_version, payload, recorded_at)
                 select 1 + n, 1, 'stock-BAD@main', 1 + n, 'StockReceived', 1, '{\"quantity\":1}', now()
                 from generate_series(1, 2) n;
                 update projection_checkpoints set position = 3 where position = 1;
                 return null;
             end $$;
             create trigger receives_more after insert on stock for each row execute function receives_more()",
        )
        .await;
    assert_eq!(retry_all(&platform).await, [RetryOutcome::Resumed(3)]);
    assert_eq!(platform.text("select on_hand || ' ' || version from stock").await, "12 3");
    assert_eq!(platform.number("select count(*) from parked_streams").await, 0);
}
