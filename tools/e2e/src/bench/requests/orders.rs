//! `POST /v1/orders`, one order a request.

use std::net::SocketAddr;
use std::sync::Arc;

use super::keys::{Key, Keys, NO_KEY};
use super::{Requests, SKUS, post, sku};

/// What the orders of a run are of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Basket {
    /// Lines of an order; the first asks for one piece, the second for two.
    pub lines: u64,
    /// Products that the lines are spread over.
    pub products: u64,
}

impl Basket {
    /// Two lines, spread over all products: three events.
    pub const TWO_LINES: Basket = Basket { lines: 2, products: SKUS };
    /// One line, spread over all products: two events.
    pub const ONE_LINE: Basket = Basket { lines: 1, products: SKUS };
    /// One line of the one product that everybody wants.
    pub const HOT: Basket = Basket { lines: 1, products: 1 };

    /// Numbers of the products of an order: they differ, and two orders in a row do not share them.
    pub fn skus(self, order: u64) -> impl Iterator<Item = u64> + Clone {
        (0..self.lines).map(move |line| (order.wrapping_mul(7) + 3 * line) % self.products)
    }

    /// The body of an order, and where the names of its products stand in it.
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

/// Where an order's key and products stand in a request.
#[derive(Debug, Clone)]
pub(super) struct Places {
    pub(super) key: usize,
    pub(super) skus: Vec<usize>,
}

impl Places {
    /// Puts a key and the products of order `number` there.
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

/// Orders, each under a key of its own.
#[derive(Debug, Clone)]
pub struct Orders {
    request: Vec<u8>,
    places: Places,
    basket: Basket,
    keys: Arc<Keys>,
    last: Key,
}

impl Orders {
    /// Orders of two lines for the service at `addr`.
    pub fn new(addr: SocketAddr) -> Orders {
        Orders::of(addr, Basket::TWO_LINES)
    }

    /// Orders for the service at `addr`.
    pub fn of(addr: SocketAddr, basket: Basket) -> Orders {
        let (body, skus) = basket.body();
        let head = post(addr, "/v1/orders", &format!("idempotency-key: {NO_KEY}\r\n"), body.len());
        let places = Places {
            key: head.find(NO_KEY).unwrap_or_default(),
            skus: skus.iter().map(|at| head.len() + at).collect(),
        };
        let request = (head + &body).into_bytes();
        Orders { request, places, basket, keys: Arc::new(Keys::new()), last: [0; 36] }
    }

    /// The key of the last request.
    pub fn last_key(&self) -> Key {
        self.last
    }

    /// Order `number` once more, under the key that it had.
    pub fn again(&mut self, key: Key, number: u64) -> &[u8] {
        self.last = key;
        self.places.fill(&mut self.request, &key, number, self.basket);
        &self.request
    }
}

impl Requests for Orders {
    fn nth(&mut self, number: u64) -> &[u8] {
        let key = self.keys.next();
        self.again(key, number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(request: &[u8]) -> String {
        String::from_utf8(request.to_vec()).unwrap()
    }

    #[test]
    fn every_order_has_another_key_and_two_products() {
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
    fn an_order_that_is_sent_again_is_the_same_request() {
        let mut orders = Orders::new(([127, 0, 0, 1], 80).into());
        let first = text(orders.nth(1));
        let key = orders.last_key();
        orders.nth(2);
        assert_eq!(text(orders.again(key, 1)), first);
    }

    #[test]
    fn everybody_wants_the_hot_product() {
        let mut orders = Orders::of(([127, 0, 0, 1], 80).into(), Basket::HOT);
        for number in 0..3 {
            assert!(text(orders.nth(number)).ends_with(r#""lines":[{"sku":"BENCH-0000","quantity":1}]}"#));
        }
    }
}
