//! How the streams of a generation are written.

use crate::frame::WriteStatement;
use crate::store::months::Months;

/// How the streams of a generation are written.
pub(super) struct Writing<M> {
    pub(super) statement: WriteStatement<M>,
    pub(super) months: Months,
}
