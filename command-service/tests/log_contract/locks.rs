//! The lock of the head and the write lock.

use chrono::Utc;
use command_service::log::batch::Appended;
use events::Position;

use super::support::{append, logs, row, rows, stock_item};

#[tokio::test]
async fn the_holder_of_the_head_lock_reads_and_appends_before_all_others() {
    for log in logs().await {
        append(&log, &rows("A", 1, 3)).await;
        let lock = log.lock_head(Position(1), 10).await.unwrap();
        assert_eq!((lock.page.head.position, lock.page.events.len()), (Position(3), 2));
        let head = lock.page.head;
        let other = tokio::spawn({
            let log = log.clone();
            async move { log.append(head, Utc::now(), &[row("B", 1)]).await }
        });
        assert!(matches!(lock.append(head, Utc::now(), &[row("C", 1)]).await, Appended::After(Position(3), _)));
        assert!(matches!(other.await.unwrap(), Appended::Lost));
        let events = log.read_after(Position(3), 10).await.unwrap();
        assert_eq!(events.iter().map(|event| event.stream.clone()).collect::<Vec<_>>(), [stock_item("C")]);
    }
}

#[tokio::test]
async fn a_writer_that_waited_for_the_head_lock_sees_the_events_appended_meanwhile() {
    for log in logs().await {
        let lock = log.lock_head(Position::ZERO, 10).await.unwrap();
        let head = lock.page.head;
        let mut next = Box::pin(log.lock_head(Position::ZERO, 10));
        assert!(futures::poll!(&mut next).is_pending());
        assert!(matches!(lock.append(head, Utc::now(), &rows("A", 1, 2)).await, Appended::After(..)));
        let next = next.await.unwrap();
        assert_eq!((next.page.head.position, next.page.events.len()), (Position(2), 2));
        next.release().await;
        // Dropped or released, the head is free again.
        drop(log.lock_head(Position::ZERO, 10).await.unwrap());
        append(&log, &[row("B", 1)]).await;
    }
}

#[tokio::test]
async fn the_write_lock_is_advisory_and_has_one_holder_at_a_time() {
    for log in logs().await {
        let lock = log.acquire_write_lock().await.unwrap();
        let mut next = Box::pin(log.acquire_write_lock());
        assert!(futures::poll!(&mut next).is_pending());
        // A writer that does not acquire the lock can append.
        append(&log, &[row("A", 1)]).await;
        assert!(futures::poll!(&mut next).is_pending());
        lock.release().await;
        // Dropped or released, the lock is granted to the next writer.
        drop(next.await.unwrap());
        log.acquire_write_lock().await.unwrap().release().await;
    }
}
