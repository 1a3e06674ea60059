//! The state shared by all request handlers.

use std::sync::Arc;
use std::time::Duration;

use events::email::EmailIndex;

use crate::http::catalogue_caching::CatalogueCaching;
use crate::http::cursor::CursorKey;
use crate::http::event_stream::Streams;
use crate::reads::Reads;

/// The state shared by all request handlers. Cheap to clone.
pub type App = Arc<AppState>;

/// The content of [`App`].
pub struct AppState {
    /// The read layer.
    pub reads: Reads,
    /// Signs cursors.
    pub cursor_key: CursorKey,
    /// Longest wait of a request for its consistency token.
    pub wait_max: Duration,
    /// Hashes e-mail addresses as the command service does; `None` if the key is not set, so that customers cannot be searched for.
    pub emails: Option<EmailIndex>,
    /// How long shared caches may store the product catalogue.
    pub catalogue_caching: CatalogueCaching,
    /// The open streams of Server-Sent Events.
    pub streams: Streams,
}
