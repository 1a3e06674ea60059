//! The cache of documents in Redis: keys, times to live, values with their log position, and the script that writes
//! values.
//!
//! The projector writes changed documents, the query-service writes documents that it did not find in the cache. Both
//! write only with [`SET_UNLESS_NEWER`], so that a slow writer never replaces a newer value.

use std::time::Duration;

use events::{Location, LogPosition, OrderId, Sku};

/// Time to live of an order.
pub const ORDER_TTL: Duration = Duration::from_secs(30);
/// Time to live of a product.
pub const PRODUCT_TTL: Duration = Duration::from_secs(5 * 60);
/// Time to live of a stock item.
pub const STOCK_TTL: Duration = Duration::from_secs(10);

/// Times to live are reduced by up to a fifth, so that values written together do not expire together.
const JITTER: f64 = 0.2;

/// Sets `KEYS[1]` to `ARGV[1]` for `ARGV[2]` milliseconds, unless the key has a newer value; returns 1 if the value was
/// set, else 0. The script uses one key per call, so that it also runs on a Redis cluster. A value of another form is
/// replaced.
pub const SET_UNLESS_NEWER: &str = "\
local held = redis.call('GETRANGE', KEYS[1], 0, 22)
if string.match(held, '^%d+$') and #held == 23 and held > string.sub(ARGV[1], 1, 23) then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
";

/// A time to live between four fifths of `ttl` and `ttl`; `random` is uniformly distributed over `u32`.
pub fn jittered(ttl: Duration, random: u32) -> Duration {
    ttl.mul_f64(1.0 - JITTER * f64::from(random) / f64::from(u32::MAX))
}

/// The keys of one generation of a projection, in a Redis server that several platforms may share. Each generation has its
/// own keys, because its documents may have other members.
#[derive(Debug, Clone)]
pub struct Keys {
    prefix: String,
    generation: i32,
}

impl Keys {
    /// Keys of a generation that start with `prefix`, the prefix of the platform, which may be empty.
    pub fn new(prefix: impl Into<String>, generation: i32) -> Keys {
        Keys { prefix: prefix.into(), generation }
    }

    /// Key of an [`crate::OrderDocument`].
    pub fn order(&self, id: OrderId) -> String {
        format!("{}order.{}:{id}", self.prefix, self.generation)
    }

    /// Key of a [`crate::ProductDocument`].
    pub fn product(&self, sku: &Sku) -> String {
        format!("{}product.{}:{sku}", self.prefix, self.generation)
    }

    /// Key of a [`crate::StockDocument`].
    pub fn stock(&self, sku: &Sku, location: &Location) -> String {
        format!("{}stock.{}:{sku}@{location}", self.prefix, self.generation)
    }
}

/// A value in Redis: the log position of the last event that the document contains, followed by the JSON of the
/// document.
pub fn encode(log_position: LogPosition, json: &str) -> String {
    format!("{log_position}{json}")
}

/// Log position and JSON of a value in Redis; `None` for a value of another form.
pub fn decode(value: &[u8]) -> Option<(LogPosition, &str)> {
    let (at, json) = std::str::from_utf8(value).ok()?.split_at_checked(LogPosition::TEXT_BYTES)?;
    Some((at.parse().ok()?, json))
}

#[cfg(test)]
mod tests {
    use events::{Incarnation, Position};
    use proptest::prelude::*;

    use super::*;

    fn log_positions() -> impl Strategy<Value = LogPosition> {
        (1..=4095i32, 0..=i64::MAX).prop_map(|(incarnation, position)| LogPosition {
            incarnation: Incarnation(incarnation),
            position: Position(position),
        })
    }

    proptest! {
        #[test]
        fn an_encoded_value_is_decoded(at in log_positions(), json in ".*") {
            let value = encode(at, &json);
            prop_assert_eq!(decode(value.as_bytes()), Some((at, json.as_str())));
        }

        #[test]
        fn decode_accepts_any_bytes(value in prop::collection::vec(any::<u8>(), 0..40)) {
            let _ = decode(&value);
        }

        #[test]
        fn a_jittered_time_to_live_is_never_longer(random in any::<u32>()) {
            let ttl = jittered(ORDER_TTL, random);
            prop_assert!(ttl <= ORDER_TTL && ttl >= ORDER_TTL.mul_f64(0.79));
        }
    }

    #[test]
    fn keys_contain_the_prefix_and_the_generation() {
        let keys = Keys::new("t1:", 3);
        let sku = "A-1".parse().unwrap();
        assert_eq!(keys.product(&sku), "t1:product.3:A-1");
        assert_eq!(keys.stock(&sku, &Location::main()), "t1:stock.3:A-1@main");
    }
}
