//! Bulk imports against real servers: every row takes effect once or is in the rejection report, whatever happens to the workers.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod intake;
mod kinds;
mod lost;
mod overload;
mod property;
mod rows;
mod site;
mod working;
