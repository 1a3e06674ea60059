//! What callers can ask for, and the rules that decide it: commands, the states they are decided on, rejections.
//!
//! Pure: no clock, no randomness, no I/O. The command service gives what a decision needs from outside.

pub mod command;
pub mod new_id;
pub mod rejection;
pub mod rules;
pub mod state;
pub mod value;
pub mod world;
