//! Orders whose acknowledgements are kept, to be checked against the log afterwards.

use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context;
use uuid::Uuid;

use super::orders::Orders;
use super::source::RequestSource;
use crate::connection::{self, Answer};
use e2e::client_history::Ack;

/// Orders, and the acknowledgements of all connections.
#[derive(Debug, Clone)]
pub struct AcknowledgedOrders {
    orders: Orders,
    acks: Arc<Mutex<Vec<Ack>>>,
}

impl AcknowledgedOrders {
    pub fn new(orders: Orders) -> AcknowledgedOrders {
        AcknowledgedOrders { orders, acks: Arc::default() }
    }

    /// The acknowledgements since the last call.
    pub fn take_acks(&self) -> Vec<Ack> {
        std::mem::take(&mut self.acks.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl RequestSource for AcknowledgedOrders {
    fn nth(&mut self, number: u64) -> &[u8] {
        self.orders.nth(number)
    }

    fn answered(&mut self, answer: Answer<'_>) -> anyhow::Result<()> {
        if !answer.is_success() {
            return Ok(());
        }
        let ack = ack(&self.orders, answer.body);
        let ack =
            ack.with_context(|| format!("unexpected answer to an order: {}", String::from_utf8_lossy(answer.body)))?;
        self.acks.lock().unwrap_or_else(PoisonError::into_inner).push(ack);
        Ok(())
    }
}

fn ack(orders: &Orders, body: &[u8]) -> Option<Ack> {
    Some(Ack {
        key: Uuid::try_parse_ascii(&orders.last_key()).ok()?,
        stream: format!("order-{}", connection::text(body, "id")?),
        code: Some(connection::text(body, "code")?.to_owned()),
        version: connection::number(body, "version")?.try_into().ok()?,
        position: connection::number(body, "position")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_acknowledgement_is_kept_with_its_key() {
        let mut orders = AcknowledgedOrders::new(Orders::new(([127, 0, 0, 1], 80).into()));
        orders.nth(0);
        let body = br#"{"id":"a-b","code":"SON000001","version":1,"position":42}"#;
        orders.answered(Answer { status: 201, body }).unwrap();
        orders.answered(Answer { status: 503, body: b"{}" }).unwrap();
        assert!(orders.answered(Answer { status: 201, body: b"{}" }).is_err());
        let acks = orders.take_acks();
        assert_eq!((acks.len(), acks[0].stream.as_str(), acks[0].position), (1, "order-a-b", 42));
        assert_eq!(acks[0].key.to_string().as_bytes(), orders.orders.last_key());
    }
}
