//! Streams of the log: readers receive every selected event once, in the order of the log, until they disconnect.
//!
//! One [`follower`] reads the log for all streams, while there are streams, and encodes each event once. It publishes batches in a
//! bounded [`ring`], which all streams [`shared`] read. A [`subscription`] is one stream: it takes batches from the ring, and a
//! stream that is behind the ring reads what it lacks from the database, page by page. So a stream costs memory and no
//! statements while it keeps up, and thousands of streams cost the primary as many statements as one.
//!
//! An id of an event is its position, followed by the incarnation of the log after the first one ([`id`]). With it, a reader who
//! resumes after a failover learns that events it has were lost.
//!
//! Erased personal data is left out as in pages of events. An erasure is an event itself: when the follower reads one, every
//! older batch is discarded, whether it is in the ring or in a stream, and read again without the erased data. While the
//! follower cannot read the log, no batch is sent either.

mod batch;
mod follower;
pub mod id;
mod ring;
mod shared;
pub mod subscription;

use std::sync::Arc;
use std::time::Instant;

use platform::shutdown::Shutdown;

use crate::reads::error::Error;
use crate::reads::events::Events;
use crate::reads::events::log_range::Selection;
use crate::reads::latest::Latest;
use shared::Shared;
use subscription::{Cursor, Subscription};

/// Streams of the log. Cheap to clone.
#[derive(Clone)]
pub struct EventStreams {
    events: Events,
    latest: Latest,
    shared: Arc<Shared>,
}

impl EventStreams {
    /// Follows the log in the background, while there are streams, until the service stops.
    pub fn start(events: Events, latest: Latest, stop: &Shutdown) -> EventStreams {
        let shared = Arc::new(Shared::new());
        let (following, stop) = (follower::follow(events.clone(), Arc::clone(&shared)), stop.clone());
        tokio::spawn(async move { stop.unless_requested(following).await });
        EventStreams { events, latest, shared }
    }

    /// A stream of the events after the end of the log, as it is now.
    pub async fn from_end(&self, selection: Selection) -> Result<Subscription, Error> {
        let asked_at = Instant::now();
        let registration = Shared::register(&self.shared);
        let end = self.shared.end_of_log(asked_at).await?;
        Ok(Subscription::new(self.events.clone(), self.latest.clone(), registration, selection, Cursor::at(end)))
    }

    /// A stream of the events after a position. An error if the log does not contain that position, or not any more.
    pub async fn after(&self, selection: Selection, cursor: Cursor) -> Result<Subscription, Error> {
        let asked_at = Instant::now();
        let registration = Shared::register(&self.shared);
        if self.shared.is_failing() {
            self.shared.end_of_log(asked_at).await?;
        }
        let mut subscription =
            Subscription::new(self.events.clone(), self.latest.clone(), registration, selection, cursor);
        subscription.check_begin().await?;
        Ok(subscription)
    }
}
