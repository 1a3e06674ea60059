//! What is generated.

/// What is generated.
#[derive(Debug, Clone, Copy)]
pub struct LogSize {
    /// Seed of all decisions of the shop.
    pub seed: u64,
    /// Number of events; there are four to an order.
    pub events: u64,
}

/// A generated log in a database of its own.
#[derive(Debug, Clone)]
pub struct LargeLog {
    /// Its size and seed.
    pub size: LogSize,
    /// Whether it is kept and used again.
    pub is_kept: bool,
}
