//! Orders of which every acknowledgement is kept, to be looked up in the log afterwards.

use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context;
use uuid::Uuid;

use super::{Orders, Requests};
use crate::ack::Ack;
use crate::bench::wire::{self, Answer};

/// Orders, and what their answers promised.
#[derive(Debug, Clone)]
pub struct Kept {
    orders: Orders,
    acks: Arc<Mutex<Vec<Ack>>>,
}

impl Kept {
    /// Nothing was promised yet.
    pub fn new(orders: Orders) -> Kept {
        Kept { orders, acks: Arc::default() }
    }

    /// What was promised to all connections since this was asked last.
    pub fn take_acks(&self) -> Vec<Ack> {
        std::mem::take(&mut self.acks.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Requests for Kept {
    fn nth(&mut self, number: u64) -> &[u8] {
        self.orders.nth(number)
    }

    fn answered(&mut self, answer: Answer<'_>) -> anyhow::Result<()> {
        if !answer.is_success() {
            return Ok(());
        }
        let ack = ack(&self.orders, answer.body);
        let ack =
            ack.with_context(|| format!("not an answer to an order: {}", String::from_utf8_lossy(answer.body)))?;
        self.acks.lock().unwrap_or_else(PoisonError::into_inner).push(ack);
        Ok(())
    }
}

fn ack(orders: &Orders, body: &[u8]) -> Option<Ack> {
    Some(Ack {
        key: Uuid::try_parse_ascii(&orders.last_key()).ok()?,
        stream: format!("order-{}", wire::text(body, "id")?),
        code: Some(wire::text(body, "code")?.to_owned()),
        version: wire::number(body, "version")?.try_into().ok()?,
        position: wire::number(body, "position")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_promised_is_kept_under_its_key() {
        let mut kept = Kept::new(Orders::new(([127, 0, 0, 1], 80).into()));
        kept.nth(0);
        let body = br#"{"id":"a-b","code":"SON000001","version":1,"position":42}"#;
        kept.answered(Answer { status: 201, body }).unwrap();
        kept.answered(Answer { status: 503, body: b"{}" }).unwrap();
        assert!(kept.answered(Answer { status: 201, body: b"{}" }).is_err());
        let acks = kept.take_acks();
        assert_eq!((acks.len(), acks[0].stream.as_str(), acks[0].position), (1, "order-a-b", 42));
        assert_eq!(acks[0].key.to_string().as_bytes(), kept.orders.last_key());
    }
}
