//! The two caches of documents in front of the database: [`process`] in the memory of this process, then [`redis`]. Each cached
//! document carries the log position that it contains. [`pages`] keeps pages of lists. [`in_flight`] merges concurrent loads of one key into a single load.
//!
//! The database is authoritative. A cached document is served until its lifetime ends and is never replaced by an older
//! one; a reader who needs newer data sends a consistency token.

pub mod in_flight;
pub mod pages;
pub mod process;
pub mod redis;
