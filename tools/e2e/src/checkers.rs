//! The invariants of DESIGN.md, 9, one file each. Every check only reads, works while the platform runs, and says what it
//! found in words that an operator can follow up. `tests/checkers` shows of each that it can fail.

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
