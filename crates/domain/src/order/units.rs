//! The units of order lines that a command names, and how many units are left for a purpose.

use std::collections::BTreeMap;

use events::order::progress::{LineProgress, Progress};
use events::order::{LineNo, LineQuantity};

use crate::rejection::{ExceededLine, Purpose, Rejection};
use crate::value::lines::Units;

/// The named units, each line once. Rejects more units than are left of a line for this purpose.
pub(crate) fn named(units: &[Units], progress: &Progress, purpose: Purpose) -> Result<Vec<LineQuantity>, Rejection> {
    within(units, progress, purpose, |line| left(line, purpose))
}

/// The named units, each line once. Rejects more units than `left` returns for a line.
pub(crate) fn within(
    units: &[Units],
    progress: &Progress,
    purpose: Purpose,
    left: impl Fn(&LineProgress) -> u32,
) -> Result<Vec<LineQuantity>, Rejection> {
    let mut named: BTreeMap<LineNo, u32> = BTreeMap::new();
    for units in units {
        *named.entry(units.line).or_default() += units.quantity.get();
    }
    let unknown: Vec<LineNo> = named.keys().copied().filter(|line| progress.line(*line).is_none()).collect();
    if !unknown.is_empty() {
        return Err(Rejection::UnknownLines { lines: unknown, last: progress.lines.len() as LineNo });
    }
    let exceeded: Vec<ExceededLine> = named
        .iter()
        .filter_map(|(line, requested)| {
            let available = left(progress.line(*line)?);
            (*requested > available).then_some(ExceededLine { line: *line, requested: *requested, available })
        })
        .collect();
    if !exceeded.is_empty() {
        return Err(Rejection::QuantityExceeded { purpose, lines: exceeded });
    }
    Ok(named.into_iter().map(|(line, quantity)| LineQuantity { line, quantity }).collect())
}

/// The units of all lines of which any are left.
pub(crate) fn all(progress: &Progress, left: impl Fn(&LineProgress) -> u32) -> Vec<LineQuantity> {
    let units = progress.lines.iter().map(|line| LineQuantity { line: line.line, quantity: left(line) });
    units.filter(|units| units.quantity > 0).collect()
}

/// Units that are left of a line for this purpose.
fn left(line: &LineProgress, purpose: Purpose) -> u32 {
    match purpose {
        Purpose::Fulfilment => line.unfulfilled(),
        // A packed unit can be cancelled after its fulfilment is cancelled: the parcel may contain other units.
        Purpose::Cancellation => line.unfulfilled(),
        Purpose::Return => line.returnable(),
        // The units of one return; a line can be in several returns.
        Purpose::Receipt => line.return_requested,
    }
}

/// Units that are neither cancelled nor shipped.
pub(crate) fn unshipped(line: &LineProgress) -> u32 {
    line.wanted() - line.shipped
}
