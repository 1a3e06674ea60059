//! `POST /v1/orders` with one order per request.

use std::net::SocketAddr;
use std::sync::Arc;

use super::http::post_head;
use super::keys::{Key, Keys, NO_KEY};
use super::products::{SKUS, sku};
use super::source::RequestSource;

/// The contents of the orders of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Basket {
    /// Lines per order; the first line has one unit, the second has two.
    pub lines: u64,
    /// Number of products that the lines are spread over.
    pub products: u64,
}

impl Basket {
    /// Two lines, spread over all products: three events.
    pub const TWO_LINES: Basket = Basket { lines: 2, products: SKUS };
    /// One line, spread over all products: two events.
    pub const ONE_LINE: Basket = Basket { lines: 1, products: SKUS };
    /// One line, always of the same product.
    pub const HOT: Basket = Basket { lines: 1, products: 1 };

    /// Numbers of the products of an order: distinct, and not shared with the next order.
    pub fn skus(self, order: u64) -> impl Iterator<Item = u64> + Clone {
        (0..self.lines).map(move |line| (order.wrapping_mul(7) + 3 * line) % self.products)
    }

    /// The body of an order, and the offsets of the SKUs in the body.
    pub(super) fn body(self) -> (String, Vec<usize>) {
        let (mut body, mut skus) = (r#"{"currency":"GBP","lines":["#.to_owned(), Vec::new());
        for quantity in 1..=self.lines {
            body.push_str(if quantity > 1 { r#",{"sku":""# } else { r#"{"sku":""# });
            skus.push(body.len());
            body.push_str(&format!(r#"{}","quantity":{quantity}}}"#, sku(0)));
        }
        body.push_str("]}");
        (body, skus)
    }
}

/// Offsets of the key and of the SKUs of an order in a request.
#[derive(Debug, Clone)]
pub(super) struct Offsets {
    pub(super) key: usize,
    pub(super) skus: Vec<usize>,
}

impl Offsets {
    /// Writes a key and the SKUs of order `number` into the request.
    pub(super) fn fill(&self, request: &mut [u8], key: &Key, number: u64, basket: Basket) {
        request[self.key..][..NO_KEY.len()].copy_from_slice(key);
        for (at, sku) in self.skus.iter().zip(basket.skus(number)) {
            put_number(&mut request[at + "BENCH-".len()..][..4], sku);
        }
    }
}

fn put_number(digits: &mut [u8], mut number: u64) {
    for digit in digits.iter_mut().rev() {
        *digit = b'0' + (number % 10) as u8;
        number /= 10;
    }
}

/// Orders, each with its own idempotency key.
#[derive(Debug, Clone)]
pub struct Orders {
    request: Vec<u8>,
    offsets: Offsets,
    basket: Basket,
    keys: Arc<Keys>,
    last: Key,
}

impl Orders {
    /// Orders of two lines.
    pub fn new(addr: SocketAddr) -> Orders {
        Orders::of(addr, Basket::TWO_LINES)
    }

    pub fn of(addr: SocketAddr, basket: Basket) -> Orders {
        let (body, skus) = basket.body();
        let head = post_head(addr, "/v1/orders", &format!("idempotency-key: {NO_KEY}\r\n"), body.len());
        let offsets = Offsets {
            key: head.find(NO_KEY).unwrap_or_default(),
            skus: skus.iter().map(|at| head.len() + at).collect(),
        };
        let request = (head + &body).into_bytes();
        Orders { request, offsets, basket, keys: Arc::new(Keys::new()), last: [0; 36] }
    }

    /// Key of the last request.
    pub fn last_key(&self) -> Key {
        self.last
    }

    /// Order `number` again, with the key of its first request.
    pub fn repeat(&mut self, key: Key, number: u64) -> &[u8] {
        self.last = key;
        self.offsets.fill(&mut self.request, &key, number, self.basket);
        &self.request
    }
}

impl RequestSource for Orders {
    fn nth(&mut self, number: u64) -> &[u8] {
        let key = self.keys.next();
        self.repeat(key, number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(request: &[u8]) -> String {
        String::from_utf8(request.to_vec()).unwrap()
    }

    #[test]
    fn every_order_has_its_own_key_and_two_products() {
        let mut orders = Orders::new(([127, 0, 0, 1], 80).into());
        let (first, second) = (text(orders.nth(1)), text(orders.nth(2)));
        assert_eq!(first.len(), second.len());
        assert!(first.ends_with(
            r#"{"currency":"GBP","lines":[{"sku":"BENCH-0007","quantity":1},{"sku":"BENCH-0010","quantity":2}]}"#
        ));
        let key = |text: &str| text.split("idempotency-key: ").nth(1).unwrap()[..36].to_owned();
        assert_ne!(key(&first), key(&second));
    }

    #[test]
    fn a_repeated_order_is_the_same_request() {
        let mut orders = Orders::new(([127, 0, 0, 1], 80).into());
        let first = text(orders.nth(1));
        let key = orders.last_key();
        orders.nth(2);
        assert_eq!(text(orders.repeat(key, 1)), first);
    }

    #[test]
    fn all_hot_orders_have_the_same_product() {
        let mut orders = Orders::of(([127, 0, 0, 1], 80).into(), Basket::HOT);
        for number in 0..3 {
            assert!(text(orders.nth(number)).ends_with(r#""lines":[{"sku":"BENCH-0000","quantity":1}]}"#));
        }
    }
}
