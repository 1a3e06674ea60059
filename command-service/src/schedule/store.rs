//! The schedule in PostgreSQL: the tables `schedule`, `waiting_orders` and `schedule_checkpoint`. Owner module of sqlx, together with the
//! modules below it.
//!
//! Entries are inserted and deleted by events only: [`apply`] writes the changes of a range of events and moves the checkpoint in one
//! statement, which does nothing if another instance has moved the checkpoint. Instances [claim](due) due entries for a limited time, so
//! that they share the work, and record the outcomes.
//!
//! The commits do not wait for the disk, so that they do not delay the commits of the writer. Changes that a crash loses are applied and
//! submitted again, which is allowed.

mod apply;
pub mod backorders;
pub mod due;
mod error;

use chrono::{DateTime, Utc};
use events::{Incarnation, LogPosition, Position};

use super::rules;
use crate::database::{Database, during, within};

pub use error::Error;

/// The schedule tables. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Store {
    database: Database,
}

/// The checkpoint of the schedule, compared with the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Checkpoint {
    /// Position of the head of the log.
    pub head: Position,
    /// Events up to this log position have been applied to the schedule.
    pub applied: LogPosition,
    /// Whether the log contains the event at `applied`. A log that has lost events may not. Comparing incarnations suffices: the
    /// checkpoint is written after the events and to the same database, so a failure that loses the events also loses the checkpoint.
    pub is_in_log: bool,
    /// [Edition](rules::EDITION) of the scheduling rules by which the schedule was built.
    pub edition: i32,
}

/// A subquery with one value is one lookup in an index. For `exists`, PostgreSQL may choose to read the whole log once, because
/// without statistics it expects thousands of rows in the tables that have one row.
const CHECKPOINT: &str = "
    select head.position, checkpoint.edition, checkpoint.incarnation, checkpoint.position,
        checkpoint.position = 0 or coalesce(checkpoint.incarnation =
            (select e.incarnation from events e where e.position = checkpoint.position), false)
    from log_head head, schedule_checkpoint checkpoint";

impl Checkpoint {
    /// Number of events that have not been applied.
    pub fn lag(&self) -> i64 {
        self.head.0 - self.applied.position.0
    }
}

impl Store {
    /// The schedule tables in this database.
    pub fn new(database: Database) -> Store {
        Store { database }
    }

    /// Reads the checkpoint of the schedule.
    pub async fn checkpoint(&self) -> Result<Checkpoint, Error> {
        let (head, edition, incarnation, position, is_in_log) =
            sqlx::query_as::<_, (i64, i32, i32, i64, bool)>(CHECKPOINT)
                .fetch_one(&self.database)
                .await
                .map_err(during("reading the schedule checkpoint"))?;
        let applied = LogPosition { incarnation: Incarnation(incarnation), position: Position(position) };
        Ok(Checkpoint { head: Position(head), applied, is_in_log, edition })
    }

    /// Reads the clock of the database.
    pub async fn clock(&self) -> Result<DateTime<Utc>, Error> {
        let now = sqlx::query_scalar("select clock_timestamp()")
            .fetch_one(&self.database)
            .await
            .map_err(during("reading the clock of the database"))?;
        Ok(now)
    }

    /// Empties the tables, so that running instances rebuild them from the log. Commands that are in flight are not affected.
    pub async fn clear(&self) -> Result<(), Error> {
        // The checkpoint is updated first, because `apply` acquires its locks in the same order.
        const RESET: &str = "update schedule_checkpoint set position = 0, incarnation = 1, edition = $1";
        const TRUNCATE: &str = "truncate schedule, waiting_orders";
        let mut transaction = self.database.begin(TRUNCATE).await.map_err(during("emptying the schedule"))?;
        let resetting = sqlx::query(RESET).bind(rules::EDITION).execute(&mut *transaction);
        within(self.database.timeout(), resetting).await.map_err(during("resetting the schedule checkpoint"))?;
        transaction.commit().await.map_err(during("emptying the schedule"))?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use sqlx::AssertSqlSafe;
    use testbed::Bed;

    use super::*;
    use crate::log;

    #[tokio::test]
    async fn the_checkpoint_is_compared_with_the_log_without_reading_the_log() {
        let bed = Bed::new().await.unwrap();
        let database = log::connect(bed.writer_url().unwrap().parse().unwrap(), 1);
        let explain = AssertSqlSafe(format!("explain {CHECKPOINT}"));
        let plan: Vec<String> = sqlx::query_scalar(explain).fetch_all(&database).await.unwrap();
        let plan = plan.join("\n");
        assert!(plan.contains("Index Scan using events_pkey") && !plan.contains("Seq Scan on events"), "{plan}");
    }
}
