//! How many connections each kind of query may use at once, so that none of them takes all.
//!
//! The limits overlap: where only lists are asked for, they get most of the connections, and never the last ones.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::Failure;

/// A kind of query.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// One document by its key.
    Document,
    /// A page of a list.
    List,
    /// A read of somebody who waits for a consistency token, whatever is read.
    Waiting,
}

/// The places of every class.
pub(super) struct Classes {
    documents: Arc<Semaphore>,
    lists: Arc<Semaphore>,
    waiting: Arc<Semaphore>,
    acquire_timeout: Duration,
}

impl Classes {
    /// Shares of so many connections; who finds no place within the time is told so.
    pub(super) fn new(connections: u32, acquire_timeout: Duration) -> Classes {
        let connections = connections as usize;
        // Those who wait have time, so a quarter is enough for them; an eighth is left to whoever comes next.
        let (waiting, left) = ((connections / 4).max(1), (connections / 8).max(1));
        let others = connections.saturating_sub(waiting + left).max(1);
        let places = |count| Arc::new(Semaphore::new(count));
        Classes { documents: places(others), lists: places(others), waiting: places(waiting), acquire_timeout }
    }

    /// A place, held until it is dropped.
    pub(super) async fn enter(&self, class: Class) -> Result<OwnedSemaphorePermit, Failure> {
        let entering = Arc::clone(self.of(class)).acquire_owned();
        match tokio::time::timeout(self.acquire_timeout, entering).await {
            Ok(Ok(place)) => Ok(place),
            Ok(Err(_)) | Err(_) => Err(Failure::Busy),
        }
    }

    /// Whether there is a place at this moment.
    pub(super) fn has_room(&self, class: Class) -> bool {
        self.of(class).available_permits() > 0
    }

    fn of(&self, class: Class) -> &Arc<Semaphore> {
        match class {
            Class::Document => &self.documents,
            Class::List => &self.lists,
            Class::Waiting => &self.waiting,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(connections: u32) -> [usize; 3] {
        let classes = Classes::new(connections, Duration::ZERO);
        [Class::Document, Class::List, Class::Waiting].map(|class| classes.of(class).available_permits())
    }

    #[test]
    fn two_classes_together_leave_a_connection_for_documents_and_for_lists() {
        assert_eq!(places(16), [10, 10, 4]);
        for connections in 3..100 {
            let [documents, lists, waiting] = places(connections);
            assert!(documents.max(lists) + waiting < connections as usize, "{connections}");
        }
        assert_eq!(places(1), [1, 1, 1], "one connection cannot be shared out");
    }

    #[tokio::test]
    async fn a_class_that_is_full_is_busy_and_the_others_are_not() {
        let classes = Classes::new(3, Duration::from_millis(1));
        let place = classes.enter(Class::List).await.expect("it is the first");
        assert!(matches!(classes.enter(Class::List).await, Err(Failure::Busy)) && !classes.has_room(Class::List));
        assert!(classes.enter(Class::Document).await.is_ok() && classes.has_room(Class::Waiting));
        drop(place);
        assert!(classes.enter(Class::List).await.is_ok());
    }
}
