//! The domain: commands, the rules that decide commands, the states that commands are decided on, and rejections.
//! Organised by aggregate: [`order`], [`product`], [`stock`], [`stock_hold`], [`customer`]. One command is one file,
//! with its body, its decision and its tests; the file of an aggregate lists its commands.
//!
//! [`command`] groups all commands, [`decide`] decides a command with the states that a [`reader`] finds in the
//! [`world`], and [`value`] contains the types of validated values. Pure: no clock, no randomness, no I/O; the command
//! service passes in what a decision needs from outside ([`decision::Context`]).

pub mod channel;
pub mod command;
pub mod customer;
pub mod decide;
pub mod decision;
pub mod new_id;
pub mod order;
pub mod product;
pub mod reader;
pub mod rejection;
pub mod state;
pub mod stock;
pub mod stock_hold;
pub mod value;
pub mod world;

#[cfg(test)]
mod tests;
