//! The server as clients meet it: over real sockets, raw bytes in and out, so that nothing helps a bad client behave.

mod admin;
mod client;
mod drain;
mod limits;
mod problems;
mod requests;
