//! Integers that every reader of JSON holds exactly. JavaScript, and whatever reads numbers as IEEE 754 doubles, loses the last
//! digits of larger ones (RFC 8259, section 6), so no event and no answer has any: amounts and their sums are bounded by
//! [`Minor`](crate::Minor)'s arithmetic, counts of units by the quantities that move them, and positions are counted one by one.

/// The largest of them, 2^53 - 1; the smallest is its negative.
pub const MAX_EXACT: i64 = (1 << 53) - 1;
