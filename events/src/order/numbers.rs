//! Numbers by which the parts of an order are addressed.

/// Number of a line in its order, starting at 1.
pub type LineNo = u32;

/// Number of a payment, fulfilment or return in its order, starting at 1.
pub type PartNo = u32;
