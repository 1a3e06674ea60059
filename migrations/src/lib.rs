//! The schema of the database, as reversible steps; `README.md` beside this crate has the rules for a new one.
//!
//! The sqlx door of this crate: [`MIGRATOR`], which the `migrate` program and the tests run.

/// Every step, in order, compiled in.
pub static MIGRATOR: sqlx::migrate::Migrator = sqlx::migrate!("./steps");
