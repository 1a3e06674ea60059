//! The error of a request body that exceeds the limit of its route.

use crate::problem::{Problem, shell};

/// A body exceeds the limit of its route.
#[derive(Debug, thiserror::Error)]
#[error("the body is larger than {max_bytes} bytes")]
pub(crate) struct TooLarge {
    pub(super) max_bytes: u64,
}

impl From<TooLarge> for Problem {
    fn from(too_large: TooLarge) -> Problem {
        shell::body_too_large(too_large.max_bytes)
    }
}
