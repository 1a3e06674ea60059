//! What is generated.

/// What is generated.
#[derive(Debug, Clone, Copy)]
pub struct LogSize {
    /// Seed of all decisions of the shop.
    pub seed: u64,
    /// Number of events; there are four to an order.
    pub events: u64,
}
