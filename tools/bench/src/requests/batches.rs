//! `POST /v1/commands` with a thousand orders per request.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::ensure;

use super::http::post_head;
use super::keys::{Keys, NO_KEY};
use super::orders::{Basket, Offsets};
use super::source::RequestSource;
use crate::connection::{self, Answer};

/// Orders per request: the most that the endpoint accepts.
pub const ORDERS_PER_REQUEST: u64 = 1_000;

/// Bytes of an unexpected answer that are part of the error.
const SHOWN_BYTES: usize = 300;

/// Batches of orders, each with its own idempotency key.
#[derive(Debug, Clone)]
pub struct Batches {
    request: Vec<u8>,
    offsets: Vec<Offsets>,
    basket: Basket,
    keys: Arc<Keys>,
}

impl Batches {
    pub fn of(addr: SocketAddr, basket: Basket) -> Batches {
        let (order, skus) = basket.body();
        let (mut body, mut offsets) = (String::new(), Vec::new());
        for number in 0..ORDERS_PER_REQUEST {
            body.push(if number == 0 { '[' } else { ',' });
            body.push_str(r#"{"command":"place_order","key":""#);
            let key = body.len();
            body.push_str(NO_KEY);
            body.push_str(r#"","body":"#);
            offsets.push(Offsets { key, skus: skus.iter().map(|at| body.len() + at).collect() });
            body.push_str(&order);
            body.push('}');
        }
        body.push(']');
        let head = post_head(addr, "/v1/commands", "", body.len());
        for Offsets { key, skus } in &mut offsets {
            *key += head.len();
            skus.iter_mut().for_each(|at| *at += head.len());
        }
        let (request, keys) = ((head + &body).into_bytes(), Arc::new(Keys::new()));
        Batches { request, offsets, basket, keys }
    }
}

impl RequestSource for Batches {
    fn nth(&mut self, number: u64) -> &[u8] {
        let orders = number * ORDERS_PER_REQUEST..;
        for (offsets, order) in self.offsets.iter().zip(orders) {
            offsets.fill(&mut self.request, &self.keys.next(), order, self.basket);
        }
        &self.request
    }

    /// Fails unless every order of the batch was placed.
    fn answered(&mut self, answer: Answer<'_>) -> anyhow::Result<()> {
        let placed = connection::count(answer.body, "\"status\":201");
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
    fn every_order_of_a_batch_has_its_own_key() {
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
    fn a_batch_with_an_order_that_was_not_placed_is_an_error() {
        let mut batches = Batches::of(([127, 0, 0, 1], 80).into(), Basket::ONE_LINE);
        let mut answered = |body: &str| batches.answered(Answer { status: 200, body: body.as_bytes() });
        assert!(answered(&r#"{"status":201},"#.repeat(1_000)).is_ok());
        assert!(answered(&r#"{"status":201},"#.repeat(999)).is_err());
    }
}
