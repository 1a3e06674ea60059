//! Loading streams from snapshots, and reading streams backwards.

use command_service::log::backwards::VersionRange;
use command_service::log::snapshot::{Snapshot, StreamItem};
use events::{Incarnation, Position, Version};

use super::support::{append, load, logs, row, rows, stock_item};

#[tokio::test]
async fn a_stream_is_loaded_in_order_and_other_streams_are_not() {
    for log in logs().await {
        append(&log, &[row("A", 1), row("B", 1), row("A", 2), row("C", 1), row("A", 3)]).await;
        let items = load(&log, &[stock_item("A"), stock_item("B"), stock_item("never")], 1).await;
        let loaded: Vec<_> = items
            .iter()
            .map(|item| match item {
                StreamItem::Event(event) => (event.stream.clone(), event.version.0, event.position.0),
                StreamItem::Snapshot(snapshot) => panic!("no snapshot was saved: {snapshot:?}"),
            })
            .collect();
        let expected =
            [(stock_item("A"), 1, 1), (stock_item("A"), 2, 3), (stock_item("A"), 3, 5), (stock_item("B"), 1, 2)];
        assert_eq!(loaded, expected);
    }
}

fn snapshot(sku: &str, version: i32, position: i64) -> Snapshot {
    Snapshot {
        stream: stock_item(sku),
        version: Version(version),
        position: Position(position),
        incarnation: Incarnation(1),
        shape: 1,
        state: format!("{{\"at\":{version}}}"),
    }
}

fn versions(items: &[StreamItem]) -> Vec<(&'static str, i32)> {
    let version = |item: &StreamItem| match item {
        StreamItem::Snapshot(snapshot) => ("snapshot", snapshot.version.0),
        StreamItem::Event(event) => ("event", event.version.0),
    };
    items.iter().map(version).collect()
}

#[tokio::test]
async fn a_stream_is_loaded_from_its_last_snapshot_on() {
    for log in logs().await {
        append(&log, &rows("A", 1, 5)).await;
        append(&log, &rows("B", 1, 2)).await;
        log.save_snapshots(&[snapshot("A", 3, 3), snapshot("B", 2, 7)]).await.unwrap();
        let loaded = load(&log, &[stock_item("A")], 1).await;
        assert_eq!(loaded[0], StreamItem::Snapshot(snapshot("A", 3, 3)));
        assert_eq!(versions(&loaded), [("snapshot", 3), ("event", 4), ("event", 5)]);
        assert_eq!(
            versions(&load(&log, &[stock_item("B")], 1).await),
            [("snapshot", 2)],
            "no event follows the snapshot"
        );
        // An older snapshot does not replace a newer one; a newer one does.
        log.save_snapshots(&[snapshot("A", 2, 2)]).await.unwrap();
        assert_eq!(versions(&load(&log, &[stock_item("A")], 1).await)[0], ("snapshot", 3));
        log.save_snapshots(&[snapshot("A", 5, 5)]).await.unwrap();
        assert_eq!(versions(&load(&log, &[stock_item("A")], 1).await), [("snapshot", 5)]);
    }
}

#[tokio::test]
async fn a_snapshot_of_another_shape_is_ignored_and_replaced() {
    for log in logs().await {
        append(&log, &rows("A", 1, 3)).await;
        log.save_snapshots(&[snapshot("A", 3, 3)]).await.unwrap();
        assert_eq!(versions(&load(&log, &[stock_item("A")], 2).await), [("event", 1), ("event", 2), ("event", 3)]);
        log.save_snapshots(&[Snapshot { shape: 2, ..snapshot("A", 2, 2) }]).await.unwrap();
        assert_eq!(versions(&load(&log, &[stock_item("A")], 2).await), [("snapshot", 2), ("event", 3)]);
    }
}

#[tokio::test]
async fn a_snapshot_of_events_that_the_log_does_not_hold_is_ignored_and_replaced() {
    let of_lost_tails = [
        snapshot("A", 9, 9),
        Snapshot { incarnation: Incarnation(0), ..snapshot("A", 2, 2) },
        snapshot("A", 3, 2),
        snapshot("A", 1, 4),
    ];
    for lost in of_lost_tails {
        for log in logs().await {
            append(&log, &rows("A", 1, 3)).await;
            append(&log, &[row("B", 1)]).await;
            log.save_snapshots(std::slice::from_ref(&lost)).await.unwrap();
            let loaded = load(&log, &[stock_item("A")], 1).await;
            assert_eq!(versions(&loaded), [("event", 1), ("event", 2), ("event", 3)], "{lost:?}");
            append(&log, &rows("A", 4, 5)).await;
            log.save_snapshots(&[snapshot("A", 5, 6)]).await.unwrap();
            assert_eq!(versions(&load(&log, &[stock_item("A")], 1).await), [("snapshot", 5)], "{lost:?}");
        }
    }
}

#[tokio::test]
async fn a_stream_is_read_backwards_by_ranges_of_versions() {
    for log in logs().await {
        append(&log, &rows("A", 1, 3)).await;
        append(&log, &rows("B", 1, 2)).await;
        append(&log, &rows("A", 4, 5)).await;
        let back = async |before: i32, versions: i32, types: &[&str]| {
            let range = VersionRange { before: Version(before), versions, types };
            let events = log.read_backwards(&stock_item("A"), range).await.unwrap();
            events.iter().map(|event| event.version.0).collect::<Vec<_>>()
        };
        assert_eq!(back(6, 3, &["StockReceived"]).await, [5, 4, 3]);
        assert_eq!(back(3, 100, &["StockShipped", "StockReceived"]).await, [2, 1]);
        assert!(back(6, 3, &["StockShipped"]).await.is_empty());
        assert!(back(1, 3, &["StockReceived"]).await.is_empty());
    }
}
