//! The requests of the benches, written once and patched in place: a key of its own and other products for every order.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// Products that orders are spread over, so that no single stock stream is the measure.
pub const SKUS: u64 = 1_000;

/// Makes request number `n` of a run; every connection has a clone.
pub trait Requests: Clone + Send + 'static {
    /// The request's bytes, valid until the next call.
    fn nth(&mut self, number: u64) -> &[u8];
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

/// `POST /v1/orders` with two lines.
#[derive(Debug, Clone)]
pub struct Orders {
    request: Vec<u8>,
    key_at: usize,
    skus_at: [usize; 2],
    keys: Arc<Keys>,
}

const KEY: &str = "00000000-0000-7000-8000-000000000000";
const FIRST: &str = "BENCH-000f";
const SECOND: &str = "BENCH-000s";

/// The name of a product of the benches.
pub fn sku(number: u64) -> String {
    format!("BENCH-{:04}", number % SKUS)
}

impl Orders {
    /// Orders for the service at `addr`.
    pub fn new(addr: SocketAddr) -> Orders {
        let body = format!(
            r#"{{"currency":"GBP","lines":[{{"sku":"{FIRST}","quantity":1}},{{"sku":"{SECOND}","quantity":2}}]}}"#
        );
        let request = format!(
            "POST /v1/orders HTTP/1.1\r\nhost: {addr}\r\ncontent-type: application/json\r\n\
             idempotency-key: {KEY}\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        let find = |part: &str| request.find(part).unwrap_or_default();
        let (key_at, skus_at) = (find(KEY), [find(FIRST), find(SECOND)]);
        Orders { request: request.into_bytes(), key_at, skus_at, keys: Arc::new(Keys::new()) }
    }

    fn put_sku(&mut self, at: usize, number: u64) {
        let digits = &mut self.request[at + "BENCH-".len()..][..4];
        let mut rest = number % SKUS;
        for digit in digits.iter_mut().rev() {
            *digit = b'0' + (rest % 10) as u8;
            rest /= 10;
        }
    }
}

impl Requests for Orders {
    fn nth(&mut self, number: u64) -> &[u8] {
        let key = self.keys.next();
        self.request[self.key_at..][..KEY.len()].copy_from_slice(&key);
        // Two products that differ, and that two orders in a row do not share.
        self.put_sku(self.skus_at[0], number.wrapping_mul(7));
        self.put_sku(self.skus_at[1], number.wrapping_mul(7) + 3);
        &self.request
    }
}

/// Texts of the form of UUIDs of version 7 that rise and never repeat, for less than a hash costs.
#[derive(Debug)]
struct Keys {
    epoch_ms: u64,
    count: AtomicU64,
}

impl Keys {
    fn new() -> Keys {
        let epoch_ms = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64);
        Keys { epoch_ms, count: AtomicU64::new(0) }
    }

    /// The instant at which the run began, then a counter over the 74 bits that are free.
    fn next(&self) -> [u8; 36] {
        let count = self.count.fetch_add(1, Ordering::Relaxed);
        let (high, low) = ((count >> 48) & 0xfff, count & 0xffff_ffff_ffff);
        let bits =
            u128::from(self.epoch_ms) << 80 | 0x7000 << 64 | u128::from(high) << 64 | 0x8000 << 48 | u128::from(low);
        text(bits)
    }
}

fn text(bits: u128) -> [u8; 36] {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = [b'-'; 36];
    let mut shift = 128;
    for (index, place) in text.iter_mut().enumerate() {
        if !matches!(index, 8 | 13 | 18 | 23) {
            shift -= 4;
            *place = DIGITS[((bits >> shift) & 0xf) as usize];
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_uuids_of_version_7_that_rise() {
        let keys = Keys::new();
        let mut last = uuid::Uuid::nil();
        for _ in 0..1_000 {
            let key = uuid::Uuid::try_parse(std::str::from_utf8(&keys.next()).unwrap()).unwrap();
            assert_eq!(key.get_version_num(), 7);
            assert!(key > last);
            last = key;
        }
    }

    #[test]
    fn every_order_has_another_key_and_two_products() {
        let mut orders = Orders::new(([127, 0, 0, 1], 80).into());
        let first = String::from_utf8(orders.nth(1).to_vec()).unwrap();
        let second = String::from_utf8(orders.nth(2).to_vec()).unwrap();
        assert_eq!(first.len(), second.len());
        assert!(first.ends_with(
            r#"{"currency":"GBP","lines":[{"sku":"BENCH-0007","quantity":1},{"sku":"BENCH-0010","quantity":2}]}"#
        ));
        let key = |text: &str| text.split("idempotency-key: ").nth(1).unwrap()[..36].to_owned();
        assert_ne!(key(&first), key(&second));
    }
}
