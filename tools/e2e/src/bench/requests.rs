//! The requests of the benches, written once and patched in place: [`orders`] one at a time, [`batches`] a thousand at a
//! time, each order with one of the [`keys`] and with products of its own; [`kept`] remembers what was acknowledged.

pub mod batches;
pub mod kept;
pub mod keys;
pub mod orders;

use std::net::SocketAddr;
use std::sync::Arc;

pub use orders::{Basket, Orders};

use super::wire::Answer;

/// Products that orders are spread over, so that no single stock stream is the measure.
pub const SKUS: u64 = 1_000;

/// The name of a product of the benches.
pub fn sku(number: u64) -> String {
    format!("BENCH-{:04}", number % SKUS)
}

/// Makes request number `n` of a run; every connection has a clone.
pub trait Requests: Clone + Send + 'static {
    /// The request's bytes, valid until the next call.
    fn nth(&mut self, number: u64) -> &[u8];

    /// Told of the answer to the request that was made last; an error ends the run.
    fn answered(&mut self, _: Answer<'_>) -> anyhow::Result<()> {
        Ok(())
    }
}

/// The same requests again and again.
#[derive(Debug, Clone)]
pub struct Fixed(Arc<[Vec<u8>]>);

impl Fixed {
    /// `GET` of these paths, in turn.
    pub fn gets(addr: SocketAddr, paths: &[String]) -> Fixed {
        Fixed(paths.iter().map(|path| get(addr, path, &[])).collect())
    }
}

impl Requests for Fixed {
    fn nth(&mut self, number: u64) -> &[u8] {
        &self.0[(number % self.0.len() as u64) as usize]
    }
}

/// A `GET` with headers of its own.
pub fn get(addr: SocketAddr, path: &str, headers: &[(&str, &str)]) -> Vec<u8> {
    let mut request = format!("GET {path} HTTP/1.1\r\nhost: {addr}\r\n");
    headers.iter().for_each(|(name, value)| request.push_str(&format!("{name}: {value}\r\n")));
    request.push_str("\r\n");
    request.into_bytes()
}

/// The head of a `POST` with a JSON body of so many bytes, up to the blank line.
fn post(addr: SocketAddr, path: &str, headers: &str, body_bytes: usize) -> String {
    format!(
        "POST {path} HTTP/1.1\r\nhost: {addr}\r\ncontent-type: application/json\r\n{headers}\
         content-length: {body_bytes}\r\n\r\n"
    )
}
