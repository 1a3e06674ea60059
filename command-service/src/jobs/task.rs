//! The task of bulk imports in the job queue, as [`super::store`] adds it and [`super::queue`] executes it.

/// Name of the task in the library.
pub(super) const NAME: &str = "import";

/// Limit of attempts before a job fails, with delays of 1, 2, 4 and 8 seconds between them.
pub(super) const ATTEMPTS_MAX: i32 = 5;
