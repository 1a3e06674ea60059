//! Derives ids and idempotency keys from the content of the file: the same file results in the same ids, so repeating or
//! resuming an import has no second effect.

use chrono::{DateTime, Utc};
use events::{CustomerId, OrderId};
use sha2::{Digest, Sha256};
use uuid::{Builder, Uuid};

/// Time in the ids of all customers, because the file has no time for a customer: 2010-01-01, before the first order.
const CUSTOMERS_SINCE_S: i64 = 1_262_304_000;

/// The id of an order; it contains the time of the order.
pub(crate) fn order(external_ref: &str, placed_at: DateTime<Utc>) -> OrderId {
    OrderId::new(placed_at, head(digest(external_ref)))
}

/// The id of a customer.
pub(crate) fn customer(name: &str) -> CustomerId {
    let since = DateTime::from_timestamp(CUSTOMERS_SINCE_S, 0).unwrap_or_default();
    CustomerId::new(since, head(digest(&format!("customer/{name}"))))
}

/// The idempotency key of one step: a UUID version 8 (RFC 9562, 5.8).
pub(crate) fn key(step: &str) -> Uuid {
    Builder::from_custom_bytes(head(digest(step))).into_uuid()
}

fn digest(name: &str) -> [u8; 32] {
    Sha256::digest(format!("online-retail/{name}")).into()
}

fn head<const N: usize>(digest: [u8; 32]) -> [u8; N] {
    std::array::from_fn(|index| digest[index])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_id_of_an_order_is_derived_from_its_reference_and_time() {
        let at = DateTime::from_timestamp(1_291_191_960, 0).unwrap();
        let id = order("536365", at);
        assert_eq!(id.to_string(), order("536365", at).to_string());
        assert_ne!(id, order("536365#2", at));
        assert_eq!(id.instant(), at);
    }

    #[test]
    fn keys_and_customer_ids_differ_by_name() {
        assert_eq!(key("536365/payment"), key("536365/payment"));
        assert_ne!(key("536365/payment"), key("536365/shipment"));
        assert_ne!(customer("17850"), customer("17851"));
        assert_eq!(customer("17850").uuid().get_version_num(), 7);
    }
}
