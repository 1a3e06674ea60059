//! The server over real sockets with raw bytes, so that no client library corrects invalid requests.

mod admin;
mod client;
mod coding;
mod drain;
mod head;
mod limits;
mod problems;
mod requests;
