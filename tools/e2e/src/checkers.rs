//! The checkers of the invariants, one file per invariant. Checkers only read, and they can run while the platform runs. A finding
//! names the stream, the position or the key, so that an operator can investigate. `tests/checkers` verifies that every checker
//! detects violations. [`crate::audit`] runs the checkers.

pub mod all_projections;
pub mod cache;
pub mod erasure;
pub mod fold_equal;
pub mod gapless;
pub mod indefinite_resolves;
pub mod key_order;
pub mod liveness;
pub mod monotonic_read;
pub mod no_double_apply;
pub mod no_lost_ack;
pub mod no_skip;
pub mod numbers;
pub mod one_effect;
pub mod stock;
