//! HTTP/1.1 requests as bytes, and the repeated `GET` of given paths.

use std::net::SocketAddr;
use std::sync::Arc;

use super::source::RequestSource;

/// The same `GET` requests, over and over again.
#[derive(Debug, Clone)]
pub struct Gets(Arc<[Vec<u8>]>);

impl Gets {
    /// `GET` of these paths, one after the other.
    pub fn of(addr: SocketAddr, paths: &[String]) -> Gets {
        Gets(paths.iter().map(|path| get(addr, path, &[])).collect())
    }
}

impl RequestSource for Gets {
    fn nth(&mut self, number: u64) -> &[u8] {
        &self.0[(number % self.0.len() as u64) as usize]
    }
}

/// A `GET` with additional headers.
pub fn get(addr: SocketAddr, path: &str, headers: &[(&str, &str)]) -> Vec<u8> {
    let mut request = format!("GET {path} HTTP/1.1\r\nhost: {addr}\r\n");
    headers.iter().for_each(|(name, value)| request.push_str(&format!("{name}: {value}\r\n")));
    request.push_str("\r\n");
    request.into_bytes()
}

/// The head of a `POST` with a JSON body of this length, up to and including the blank line.
pub(super) fn post_head(addr: SocketAddr, path: &str, headers: &str, body_bytes: usize) -> String {
    format!(
        "POST {path} HTTP/1.1\r\nhost: {addr}\r\ncontent-type: application/json\r\n{headers}\
         content-length: {body_bytes}\r\n\r\n"
    )
}
