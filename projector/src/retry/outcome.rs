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

impl std::fmt::Display for RetryOutcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            RetryOutcome::Resumed(events) => write!(f, "resumed, {events} events applied"),
            RetryOutcome::StillParked(reason) => write!(f, "still parked: {reason}"),
            RetryOutcome::NotParked => f.write_str("not parked"),
        }
    }
}
