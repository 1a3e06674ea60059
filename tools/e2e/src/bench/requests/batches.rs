//! `POST /v1/commands`, a thousand orders a request.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::ensure;

use super::keys::{Keys, NO_KEY};
use super::orders::{Basket, Places};
use super::{Requests, post};
use crate::bench::wire::{self, Answer};

/// Orders of a request: as many as the endpoint takes.
pub const ORDERS_PER_REQUEST: u64 = 1_000;

/// What is shown of an answer that is not as it should be.
const SHOWN_BYTES: usize = 300;

/// Batches of orders, each order under a key of its own.
#[derive(Debug, Clone)]
pub struct Batches {
    request: Vec<u8>,
    places: Vec<Places>,
    basket: Basket,
    keys: Arc<Keys>,
}

impl Batches {
    /// Batches for the service at `addr`.
    pub fn of(addr: SocketAddr, basket: Basket) -> Batches {
        let (order, skus) = basket.body();
        let (mut body, mut places) = (String::new(), Vec::new());
        for number in 0..ORDERS_PER_REQUEST {
            body.push(if number == 0 { '[' } else { ',' });
            body.push_str(r#"{"command":"place_order","key":""#);
            let key = body.len();
            body.push_str(NO_KEY);
            body.push_str(r#"","body":"#);
            places.push(Places { key, skus: skus.iter().map(|at| body.len() + at).collect() });
            body.push_str(&order);
            body.push('}');
        }
        body.push(']');
        let head = post(addr, "/v1/commands", "", body.len());
        for Places { key, skus } in &mut places {
            *key += head.len();
            skus.iter_mut().for_each(|at| *at += head.len());
        }
        let (request, keys) = ((head + &body).into_bytes(), Arc::new(Keys::new()));
        Batches { request, places, basket, keys }
    }
}

impl Requests for Batches {
    fn nth(&mut self, number: u64) -> &[u8] {
        let orders = number * ORDERS_PER_REQUEST..;
        for (places, order) in self.places.iter().zip(orders) {
            places.fill(&mut self.request, &self.keys.next(), order, self.basket);
        }
        &self.request
    }

    /// A batch counts if every order of it was placed.
    fn answered(&mut self, answer: Answer<'_>) -> anyhow::Result<()> {
        let placed = wire::count(answer.body, "\"status\":201");
        ensure!(
            !answer.is_success() || placed == ORDERS_PER_REQUEST,
            "{placed} orders of a batch of {ORDERS_PER_REQUEST} were placed: {} {}",
            answer.status,
            String::from_utf8_lossy(&answer.body[..answer.body.len().min(SHOWN_BYTES)])
        );
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use serde_json::Value;

    use super::*;

    #[test]
    fn a_batch_is_a_list_of_orders_with_keys_of_their_own() {
        let mut batches = Batches::of(([127, 0, 0, 1], 80).into(), Basket::TWO_LINES);
        batches.nth(0);
        let request = String::from_utf8(batches.nth(1).to_vec()).unwrap();
        let (head, body) = request.split_once("\r\n\r\n").unwrap();
        assert!(head.contains(&format!("content-length: {}", body.len())), "{head}");
        let items: Vec<Value> = serde_json::from_str(body).unwrap();
        let keys: HashSet<&str> = items.iter().map(|item| item["key"].as_str().unwrap()).collect();
        assert_eq!(keys.len() as u64, ORDERS_PER_REQUEST);
        assert_eq!(items[1]["command"], "place_order");
        assert_eq!(items[1]["body"]["lines"][1]["sku"], "BENCH-0010");
    }

    #[test]
    fn a_batch_with_an_order_that_was_not_placed_ends_the_run() {
        let mut batches = Batches::of(([127, 0, 0, 1], 80).into(), Basket::ONE_LINE);
        let mut told = |body: &str| batches.answered(Answer { status: 200, body: body.as_bytes() });
        assert!(told(&r#"{"status":201},"#.repeat(1_000)).is_ok());
        assert!(told(&r#"{"status":201},"#.repeat(999)).is_err());
    }
}
