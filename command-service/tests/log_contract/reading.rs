//! The head, the identity and the events of a log.

use command_service::log::scan::{EventFilter, PayloadText};
use command_service::log::{self, Log};
use events::{Incarnation, LogPosition, Position};
use testbed::Bed;

use super::support::{append, logs, placed, row};

#[tokio::test]
async fn an_empty_log_ends_at_position_0() {
    for log in logs().await {
        assert_eq!(log.head().await.unwrap(), LogPosition { incarnation: Incarnation(1), position: Position::ZERO });
        assert_eq!(log.seen().await.unwrap(), Position::ZERO);
        assert!(log.read_after(Position::ZERO, 10).await.unwrap().is_empty());
        let since = log.read_page(Position::ZERO, 10).await.unwrap();
        assert_eq!((since.head.position, since.events.len()), (Position::ZERO, 0));
    }
}

#[tokio::test]
async fn the_identity_of_a_log_cannot_be_changed() {
    let (some, others) = (logs().await, logs().await);
    for (log, other) in some.iter().zip(&others) {
        assert_ne!(log.id().await.unwrap(), other.id().await.unwrap());
        let before = log.id().await.unwrap();
        append(log, &[row("A", 1)]).await;
        assert_eq!(log.clone().id().await.unwrap(), before);
    }
    let bed = Bed::new().await.unwrap();
    let pool = log::connect(bed.owner_url().unwrap().parse().unwrap(), 1);
    for change in
        ["update log_identity set id = gen_random_uuid()", "delete from log_identity", "truncate log_identity"]
    {
        let refused = sqlx::query(change).execute(&pool).await.unwrap_err();
        assert!(refused.to_string().contains("append-only"), "{change}: {refused}");
    }
    let log = Log::new(log::connect(bed.writer_url().unwrap().parse().unwrap(), 1));
    let id = log.id().await.unwrap();
    // `deploy/up` runs the migrations at every start.
    migrations::MIGRATOR.run(&pool.separate_pool(1)).await.unwrap();
    assert_eq!(log.id().await.unwrap(), id);
}

#[tokio::test]
async fn a_scan_returns_the_events_that_match_its_types_and_texts() {
    const TYPES: &[&str] = &["StockReceived", "OrderPlaced"];
    for log in logs().await {
        append(&log, &[row("A", 1), placed("SON", 1), row("A", 2)]).await;
        let scan = async |payloads: &'static [(&'static str, PayloadText)], until: i64| {
            let filter = EventFilter { types: TYPES, payloads };
            let events = log.scan(filter, Position(0), Position(until)).await.unwrap();
            events.iter().map(|event| event.position.0).collect::<Vec<_>>()
        };
        assert_eq!(scan(&[], 3).await, [1, 2, 3]);
        assert_eq!(scan(&[], 2).await, [1, 2]);
        use PayloadText::{ContainsAny, Lacks};
        assert_eq!(scan(&[("OrderPlaced", ContainsAny(&["\"payment_due\":"]))], 3).await, [1, 3]);
        let either = &[("OrderPlaced", ContainsAny(&["\"payment_due\":", "\"currency\":\"GBP\""]))];
        assert_eq!(scan(either, 3).await, [1, 2, 3]);
        assert_eq!(scan(&[("OrderPlaced", Lacks("\"payment_due\":"))], 3).await, [1, 2, 3]);
        let both = &[("OrderPlaced", Lacks("\"currency\":\"GBP\"")), ("StockReceived", Lacks("\"quantity\":7"))];
        assert_eq!(scan(both, 3).await, [1, 3]);
    }
}
