//! Which pieces of which lines a command is about.

use std::collections::BTreeMap;

use events::order::progress::{LineProgress, Progress};
use events::order::{LineNo, LineQuantity};

use crate::command::lines::Pieces;
use crate::rejection::{ExceededLine, Purpose, Rejection};

/// The pieces named, each line once, none beyond what is left of it for this purpose.
pub(super) fn named(pieces: &[Pieces], progress: &Progress, purpose: Purpose) -> Result<Vec<LineQuantity>, Rejection> {
    within(pieces, progress, purpose, |line| left(line, purpose))
}

/// The pieces named, each line once, none beyond `left` of it.
pub(super) fn within(
    pieces: &[Pieces],
    progress: &Progress,
    purpose: Purpose,
    left: impl Fn(&LineProgress) -> u32,
) -> Result<Vec<LineQuantity>, Rejection> {
    let mut named: BTreeMap<LineNo, u32> = BTreeMap::new();
    for piece in pieces {
        *named.entry(piece.line).or_default() += piece.quantity.get();
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

/// The pieces of all lines of which any are left.
pub(super) fn all(progress: &Progress, left: impl Fn(&LineProgress) -> u32) -> Vec<LineQuantity> {
    let pieces = progress.lines.iter().map(|line| LineQuantity { line: line.line, quantity: left(line) });
    pieces.filter(|piece| piece.quantity > 0).collect()
}

/// Pieces that are left of a line for this purpose.
fn left(line: &LineProgress, purpose: Purpose) -> u32 {
    match purpose {
        Purpose::Fulfilment => line.unfulfilled(),
        // A packed piece is taken out of its fulfilment first: a parcel may hold other pieces too.
        Purpose::Cancellation => line.unfulfilled(),
        Purpose::Return => line.returnable(),
        // Of one return; a line can be in several.
        Purpose::Receipt => line.return_requested,
    }
}

/// Pieces that are wanted and have not left.
pub(super) fn unshipped(line: &LineProgress) -> u32 {
    line.wanted() - line.shipped
}
