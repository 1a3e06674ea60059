//! The rules as a specification: given events, when a command comes, then events, nothing, or a rejection.
//!
//! Commands are written as the JSON that callers send. [`scenario`] is the table's form, [`past`] the events of a small
//! shop; [`invariants`] lets random [`commands`] loose on it.

mod amendment;
mod annotation;
mod backorders;
mod cancellation;
mod channel;
mod commands;
mod customer;
mod due;
mod erasure;
mod fulfilment;
mod hold;
mod invariants;
mod loading;
mod past;
mod payment;
mod place;
mod product;
mod returns;
mod scenario;
mod shortage;
mod size;
mod stock;
mod stock_hold;
mod stock_policy;
