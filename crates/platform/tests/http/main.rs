//! The server as clients meet it: over real sockets, raw bytes in and out, so that nothing helps a bad client behave.

mod admin;
mod client;
mod coding;
mod drain;
mod head;
mod limits;
mod problems;
mod requests;
