//! The outcome of the retry of a stream.

/// The outcome of the retry of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RetryOutcome {
    /// The stream is not parked any more; this number of events was applied.
    Resumed(usize),
    /// The stream is still parked, for this reason.
    StillParked(String),
    /// The stream was not parked.
    NotParked,
}
