//! The invariants of the platform. Each one has a checker in [`crate::checkers`].

/// An invariant of the platform (DESIGN.md, 9).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Invariant {
    /// The lag returns to zero. Checked first, because the other checks find more on a platform without load.
    Liveness,
    /// Positions and versions have no gaps.
    Gapless,
    /// Every acknowledged command is in the log.
    NoLostAck,
    /// A command takes effect once.
    OneEffect,
    /// A command whose response was lost has exactly one outcome, which can be read by its idempotency key.
    IndefiniteResolves,
    /// Order codes are gapless and unique.
    Numbers,
    /// Stock is never negative and adds up.
    Stock,
    /// Kafka contains every event that the relay has published according to its checkpoint.
    NoSkip,
    /// Kafka contains every stream in order, in one partition.
    KeyOrder,
    /// The rows of orders, stock and products equal the documents that the fold of the log results in.
    FoldEqual,
    /// The tables of every projection equal the fold of the log in every row and column, as `projector verify` compares them.
    AllProjections,
    /// Every stock event was applied exactly once.
    NoDoubleApply,
    /// A read is at least as new as its consistency token and as earlier reads of the same session.
    MonotonicRead,
    /// Caches equal the database.
    Cache,
    /// Erased personal data is not returned any more.
    Erasure,
}

impl Invariant {
    /// Every invariant, in the order in which they are checked.
    pub const ALL: [Invariant; 15] = [
        Invariant::Liveness,
        Invariant::Gapless,
        Invariant::NoLostAck,
        Invariant::OneEffect,
        Invariant::IndefiniteResolves,
        Invariant::Numbers,
        Invariant::Stock,
        Invariant::NoSkip,
        Invariant::KeyOrder,
        Invariant::FoldEqual,
        Invariant::AllProjections,
        Invariant::NoDoubleApply,
        Invariant::MonotonicRead,
        Invariant::Cache,
        Invariant::Erasure,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Invariant::Liveness => "liveness",
            Invariant::Gapless => "gapless",
            Invariant::NoLostAck => "no-lost-ack",
            Invariant::OneEffect => "one-effect",
            Invariant::IndefiniteResolves => "indefinite-resolves",
            Invariant::Numbers => "numbers",
            Invariant::Stock => "stock",
            Invariant::NoSkip => "no-skip",
            Invariant::KeyOrder => "key-order",
            Invariant::FoldEqual => "fold-equal",
            Invariant::AllProjections => "all-projections",
            Invariant::NoDoubleApply => "no-double-apply",
            Invariant::MonotonicRead => "monotonic-read",
            Invariant::Cache => "cache",
            Invariant::Erasure => "erasure",
        }
    }

    pub fn from_name(name: &str) -> Option<Invariant> {
        Invariant::ALL.into_iter().find(|invariant| invariant.as_str() == name)
    }
}
