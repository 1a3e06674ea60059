//! The schema of the database as reversible migrations; `README.md` has the rules for a new migration. [`MIGRATOR`] is
//! run by the program `migrate` and by the tests.
//!
//! Owner modules: sqlx in `lib.rs` and `bin/migrate.rs`.

/// All migrations, in order, compiled into the program.
pub static MIGRATOR: sqlx::migrate::Migrator = sqlx::migrate!("./steps");
