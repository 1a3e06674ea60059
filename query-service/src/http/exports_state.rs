//! What the routes of exports need, if exports are on.

use crate::exports::jobs::Jobs;
use crate::exports::schedules::Schedules;
use crate::http::signed_link::LinkKey;

/// The exports of the store, and the key of their links.
pub struct Exports {
    /// Exports.
    pub jobs: Jobs,
    /// Recurring exports.
    pub schedules: Schedules,
    /// Signs the links to files.
    pub links: LinkKey,
}
