//! Messages that do not come from the log of the platform: those of another platform, and those of an early release
//! without the identity of the log.

use events::{LogId, Position, Recorded};
use projector::projections::Stock;
use projector::step::Outcome;
use uuid::Uuid;

use crate::platform::{Platform, step_until};
use crate::samples::*;

/// `ce_source` of releases before logs had an identity.
const UNIDENTIFIED: &str = "/order-platform/log";

fn other_log() -> String {
    LogId(Uuid::now_v7()).to_string()
}

/// The event with a payload that differs from the log.
fn tampered(event: &Recorded) -> Recorded {
    Recorded { payload: r#"{"quantity":1000000}"#.to_owned(), ..event.clone() }
}

#[tokio::test]
async fn a_message_of_another_log_is_never_applied() {
    let mut platform = Platform::new().await;
    let first = platform.publish(&stock_stream("MUG"), received(1)).await;
    let next = platform.append(&stock_stream("MUG"), received(10)).await;
    let far = Recorded { position: Position(900), ..tampered(&next) };
    // A message that would be next, a message that would show a gap, and a message of a later incarnation.
    platform.send_from(&other_log(), &tampered(&next), first.position).await;
    platform.send_from(&other_log(), &far, Position(800)).await;
    let later_incarnation = Recorded { incarnation: events::Incarnation(2), ..tampered(&next) };
    platform.send_from(&other_log(), &later_incarnation, Position::ZERO).await;
    platform.send(&next).await;
    let mut worker = platform.worker::<Stock>();
    platform.catch_up(&mut worker).await;
    assert_eq!(platform.number("select on_hand from stock").await, 11);
    assert_eq!(platform.number("select count(*) from stock_ledger").await, 2);
    assert!(platform.health.is_ready());
}

#[tokio::test]
async fn messages_that_do_not_name_their_log_are_replaced_from_the_log() {
    let mut platform = Platform::new().await;
    let mut previous = Position::ZERO;
    for _ in 0..3 {
        let event = platform.append(&stock_stream("MUG"), received(1)).await;
        platform.send_from(UNIDENTIFIED, &tampered(&event), previous).await;
        platform.lose(&event).await;
        previous = event.position;
    }
    let mut worker = platform.worker::<Stock>();
    let read = step_until(&mut worker, |outcome| matches!(outcome, Ok(Outcome::ReadFromLog(1..)))).await.unwrap();
    assert!(matches!(read, Outcome::ReadFromLog(_)));
    platform.catch_up(&mut worker).await;
    assert_eq!(platform.number("select on_hand from stock").await, 3);
    // After the upgrade the relay continues after these messages.
    platform.publish(&stock_stream("MUG"), received(100)).await;
    platform.catch_up(&mut worker).await;
    assert_eq!(platform.number("select on_hand from stock").await, 103);
}

#[tokio::test]
async fn a_message_without_a_log_whose_event_does_not_exist_stops_nothing() {
    let mut platform = Platform::new().await;
    let event = platform.publish(&stock_stream("MUG"), received(1)).await;
    let stranger = Recorded { position: Position(900), ..tampered(&event) };
    platform.send_from(UNIDENTIFIED, &stranger, Position(800)).await;
    platform.publish(&stock_stream("MUG"), received(10)).await;
    let mut worker = platform.worker::<Stock>();
    platform.catch_up(&mut worker).await;
    assert_eq!(platform.number("select on_hand from stock").await, 11);
    assert!(platform.health.is_ready());
}
