//! The commands of operators, and a log to run them on.

use std::sync::Arc;

use projector::log_projector::LogProjector;
use projector::operate::{Done, Operation, operate};
use projector::operator_error::OperatorError;
use projector::promote::Check;
use projector::rebuild::progress::Progress;
use projector::rebuild::selection::Selection;
use projector::repair::Repaired;
use projector::verify::Report;
use projector::{rebuild, verify};
use read_model::{Generation, Projection};

use crate::platform::{PARTITIONS, Platform, now};
use crate::samples::*;

/// Few events per segment, so that a small log has several segments.
pub(crate) const SEGMENT_EVENTS: i64 = 5;

pub(crate) fn rebuild_options(platform: &Platform) -> rebuild::Options {
    let (database_url, source_url) = (platform.database(), platform.database());
    let (selection, segment_events) = (Selection::All, SEGMENT_EVENTS);
    rebuild::Options { database_url, source_url, selection, readers: 2, segment_events, throttle: None }
}

pub(crate) fn verify_options(platform: &Platform) -> verify::Options {
    let (database_url, source_url) = (platform.database(), platform.database());
    verify::Options { database_url, source_url, readers: 2, segment_events: SEGMENT_EVENTS }
}

pub(crate) async fn rebuild(platform: &Platform, projection: Projection) -> Result<Done, OperatorError> {
    rebuild_with(projection, rebuild_options(platform)).await
}

pub(crate) async fn rebuild_with(projection: Projection, options: rebuild::Options) -> Result<Done, OperatorError> {
    operate(projection.name(), Operation::Rebuild(options, Arc::new(Progress::default()))).await
}

pub(crate) async fn verify(platform: &Platform, projection: Projection, number: Option<i32>) -> Report {
    let verify = Operation::Verify(number, verify_options(platform), Arc::new(Progress::default()));
    match operate(projection.name(), verify).await.unwrap() {
        Done::Verified(report) => *report,
        other => panic!("{other:?}"),
    }
}

pub(crate) async fn promote(platform: &Platform, projection: Projection) -> Result<Done, OperatorError> {
    operate(projection.name(), Operation::Promote(platform.database(), Check::All)).await
}

pub(crate) async fn rollback(platform: &Platform, projection: Projection) -> Result<Done, OperatorError> {
    operate(projection.name(), Operation::Rollback(platform.database())).await
}

pub(crate) async fn retire(platform: &Platform, projection: Projection, number: i32) -> Result<Done, OperatorError> {
    operate(projection.name(), Operation::Retire(platform.database(), number)).await
}

pub(crate) async fn repair(platform: &Platform, projection: Projection) -> Result<Repaired, OperatorError> {
    let repair = Operation::Repair(rebuild_options(platform), Arc::new(Progress::default()));
    match operate(projection.name(), repair).await? {
        Done::Repaired(repaired) => Ok(repaired),
        other => panic!("{other:?}"),
    }
}

/// Runs a rebuild until its first step is done, and kills it.
pub(crate) async fn kill_after_first_step(projection: Projection, options: rebuild::Options) {
    let progress = Arc::new(Progress::default());
    let throttled = rebuild::Options { readers: 1, throttle: Some(1), ..options };
    let rebuild = Operation::Rebuild(throttled, Arc::clone(&progress));
    let running = tokio::spawn(async move { operate(projection.name(), rebuild).await });
    let first_step = async {
        while progress.now().segments_done == 0 && !running.is_finished() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(testbed::PATIENCE, first_step).await.unwrap();
    running.abort();
    assert!(running.await.unwrap_err().is_cancelled());
}

/// Continues a rebuild that was killed. The server notices the end of the killed rebuild a moment later.
pub(crate) async fn continue_rebuild(
    projection: Projection,
    options: rebuild::Options,
) -> Result<Generation, OperatorError> {
    let options = rebuild::Options { throttle: Some(0), ..options };
    let rebuilding = async {
        loop {
            match rebuild_with(projection, options.clone()).await {
                Err(error) if error.to_string().contains("another process is rebuilding") => {
                    tokio::task::yield_now().await;
                }
                Ok(Done::Rebuilt(generation)) => return Ok(generation),
                Ok(other) => panic!("{other:?}"),
                Err(error) => return Err(error),
            }
        }
    };
    tokio::time::timeout(testbed::PATIENCE, rebuilding).await.unwrap()
}

/// A log with events of all categories, applied to the first generations: twelve orders of one stock item.
pub(crate) async fn with_history() -> Platform {
    let mut platform = Platform::new().await;
    platform.record_all_partitions().await;
    for number in 0..12 {
        let (id, stream) = order_at(now(), number);
        platform
            .publish(&product_stream(&format!("MUG-{number}")), created(&format!("MUG-{number}"), "Mug", 450))
            .await;
        platform.publish(&stock_stream("MUG"), received(5)).await;
        platform.publish(&stream, placed(id, u64::from(number))).await;
        platform.publish(&stock_stream("MUG"), reserved(id, 2)).await;
        platform.publish(&stream, captured(1500)).await;
        if number % 2 == 0 {
            platform.publish(&stream, assigned()).await;
            platform.publish(&stream, fulfilment_created()).await;
            platform.publish(&stream, shipped()).await;
        }
    }
    apply_all(&platform).await;
    platform
}

/// Applies all events of the log to all followed generations.
pub(crate) async fn apply_all(platform: &Platform) {
    let projector = LogProjector::open(&platform.database(), PARTITIONS).await.unwrap();
    projector.apply_all(platform.head()).await.unwrap();
}
