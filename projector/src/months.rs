//! Months of generations, for operators: [`list`] shows their tables, [`detach`] takes a month out of reads, [`archive`]
//! writes a detached month to files and can drop its tables, and [`restore`] brings a month back.
//!
//! Invariant: a read model is never silently wrong. A month that is detached is attached again when an event needs it
//! ([`ensure_month`](crate::frame::schema::TableSchema::ensure_month)). A month that is archived is recorded in table `archived_months` in the transaction that
//! drops its tables; an event that needs it parks its stream, with a reason that names the command that restores the
//! month. This holds for sums as well, because nothing is added to a month that is not attached. A rebuild creates all
//! months again, because the log has every event.
//!
//! [`generation`] opens the tables of a generation, [`absent`] reads which months the tables do not show, [`manifest`] describes an archived month, [`row_file`] and
//! [`columns`] have the format of the files, [`files`] the folder.

use std::path::PathBuf;
use std::pin::Pin;

use anyhow::Context;

use crate::frame::ReadModel;
use crate::frame::month::Month;
use crate::operate::find;
use crate::projections::{WithReadModel, with_read_model};

pub mod absent;
mod archive;
mod columns;
mod detach;
mod done;
mod files;
mod generation;
mod list;
pub mod manifest;
mod restore;
mod row_file;

pub use archive::AfterArchive;
pub use done::Done;
use generation::GenerationMonths;
pub use generation::Target;
pub use list::{HEADING, MonthState, MonthStatus, RowCount, list};

/// A command on a month.
#[derive(Debug, Clone)]
pub enum Operation {
    /// Take the month out of reads.
    Detach(Month),
    /// Write a detached month to files in a folder.
    Archive(Month, PathBuf, AfterArchive),
    /// Attach a detached month, or restore an archived one from files in a folder.
    Restore(Month, Option<PathBuf>),
}

/// Runs an operation on a month of a projection.
pub async fn operate(name: &str, target: Target, operation: Operation) -> anyhow::Result<Done> {
    let running = with_read_model(find(name)?, (target, operation));
    running.with_context(|| format!("this build has no fold of {name}"))?.await
}

impl WithReadModel for (Target, Operation) {
    type Output = Pin<Box<dyn Future<Output = anyhow::Result<Done>> + Send>>;

    fn call<M: ReadModel>(self) -> Self::Output {
        let (target, operation) = self;
        Box::pin(async move {
            let months = GenerationMonths::open::<M>(&target).await?;
            match operation {
                Operation::Detach(month) => detach::detach(months, month).await,
                Operation::Archive(month, folder, then) => archive::archive(months, month, folder, then).await,
                Operation::Restore(month, folder) => restore::restore(months, month, folder).await,
            }
        })
    }
}
