//! The state shared by all request handlers.

use std::sync::Arc;
use std::time::Duration;

use events::email::EmailIndex;
use platform::problem::Problem;

use crate::http::catalogue_caching::CatalogueCaching;
use crate::http::cursor::CursorKey;
use crate::http::event_stream::Streams;
use crate::http::exports_state::Exports;
use crate::http::problem_types::EXPORTS_OFF;
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
    /// Exports; `None` if they are off.
    pub exports: Option<Exports>,
}

impl AppState {
    /// The exports; a problem if the service has no store for them.
    pub(super) fn exports(&self) -> Result<&Exports, Problem> {
        self.exports.as_ref().ok_or_else(|| {
            EXPORTS_OFF.problem(
                "This service has no store for exports: its setting EXPORTS_DIR is not set. Page through the list, or request the \
                 report as CSV.",
            )
        })
    }
}
