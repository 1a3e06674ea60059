//! The command `repair`: shows what is ahead of the log, and repairs it.

use std::collections::BTreeSet;
use std::sync::Arc;

use anyhow::ensure;
use platform::output::print_line;
use read_model::Projection;

use super::output::shown;
use crate::operate::{self, Done, Operation, operate};
use crate::rebuild::progress::Progress;
use crate::{rebuild, repair};

/// Repairs a projection, or all projections, that contain events which the log does not contain.
pub(super) async fn repair(name: Option<&str>, dry_run: bool, options: rebuild::Options) -> anyhow::Result<()> {
    let only = name.map(operate::find).transpose()?;
    let found = repair::find(&options.database_url, only).await?;
    if found.is_empty() {
        let nothing = name.map_or("nothing".to_owned(), |name| format!("no generation of {name}"));
        print_line(format_args!("{nothing} is ahead of the log"));
        return Ok(());
    }
    found.iter().for_each(|row| print_line(format_args!("{row}")));
    let names: BTreeSet<&str> = found.iter().map(|row| row.projection.as_str()).collect();
    let (known, unknown): (Vec<&str>, Vec<&str>) = names.into_iter().partition(|name| Projection::find(name).is_some());
    for name in known {
        if dry_run {
            print_line(format_args!(
                "would remove these generations of {name}, and rebuild {name} if one of them is live"
            ));
            continue;
        }
        let progress = Arc::new(Progress::default());
        let repairing = operate(name, Operation::Repair(options.clone(), Arc::clone(&progress)));
        if let Done::Repaired(repaired) = shown(name, &progress, repairing).await? {
            let removed: Vec<String> = repaired.removed.iter().map(ToString::to_string).collect();
            print_line(format_args!("{} is live; removed: {}", repaired.live, removed.join(", ")));
        }
    }
    ensure!(unknown.is_empty(), "this build cannot repair {}: run the command of a newer build", unknown.join(", "));
    Ok(())
}
