//! What stands in Redis: keys, lifetimes, values that carry how new they are, and the one script that writes them.
//!
//! The projector writes values through, the query-service fills in what it missed; both only with [`SET_UNLESS_NEWER`],
//! so that a slow writer never puts an old value over a new one.

use std::time::Duration;

use events::{Location, LogPosition, OrderId, Sku};

/// Longest that an order stays without being written again.
pub const ORDER_TTL: Duration = Duration::from_secs(30);
/// Longest that a product stays.
pub const PRODUCT_TTL: Duration = Duration::from_secs(5 * 60);
/// Longest that a stock item stays.
pub const STOCK_TTL: Duration = Duration::from_secs(10);

/// Lifetimes are shortened by up to a fifth, so that what was written together does not end together.
const JITTER: f64 = 0.2;

/// Sets `KEYS[1]` to `ARGV[1]` for `ARGV[2]` milliseconds, unless a newer value stands there; 1 if it was set, 0 if
/// not. One key per call, so that it also runs on a cluster. What is no value of ours is overwritten.
pub const SET_UNLESS_NEWER: &str = "\
local held = redis.call('GETRANGE', KEYS[1], 0, 22)
if string.match(held, '^%d+$') and #held == 23 and held > string.sub(ARGV[1], 1, 23) then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
";

/// A lifetime of at most `ttl` and at least four fifths of it; `random` is evenly drawn from all of `u32`.
pub fn jittered(ttl: Duration, random: u32) -> Duration {
    ttl.mul_f64(1.0 - JITTER * f64::from(random) / f64::from(u32::MAX))
}

/// The keys of one platform in a Redis that others may use too.
#[derive(Debug, Clone)]
pub struct Keys {
    prefix: String,
}

impl Keys {
    /// Keys that begin with `prefix`, which may be empty.
    pub fn new(prefix: impl Into<String>) -> Keys {
        Keys { prefix: prefix.into() }
    }

    /// Of an [`crate::OrderDocument`].
    pub fn order(&self, id: OrderId) -> String {
        format!("{}order:{id}", self.prefix)
    }

    /// Of a [`crate::ProductDocument`].
    pub fn product(&self, sku: &Sku) -> String {
        format!("{}product:{sku}", self.prefix)
    }

    /// Of a [`crate::StockDocument`].
    pub fn stock(&self, sku: &Sku, location: &Location) -> String {
        format!("{}stock:{sku}@{location}", self.prefix)
    }
}

/// A value as it is stored in Redis: the position of the last event that it contains, then the JSON of the document.
pub fn encode(at: LogPosition, json: &str) -> String {
    format!("{at}{json}")
}

/// The position and the JSON of a value in Redis; `None` for a value of another form.
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
        fn a_value_is_read_back(at in log_positions(), json in ".*") {
            let value = encode(at, &json);
            prop_assert_eq!(decode(value.as_bytes()), Some((at, json.as_str())));
        }

        #[test]
        fn no_text_breaks_the_reader(value in prop::collection::vec(any::<u8>(), 0..40)) {
            let _ = decode(&value);
        }

        #[test]
        fn a_jittered_lifetime_is_never_longer(random in any::<u32>()) {
            let ttl = jittered(ORDER_TTL, random);
            prop_assert!(ttl <= ORDER_TTL && ttl >= ORDER_TTL.mul_f64(0.79));
        }
    }

    #[test]
    fn keys_begin_with_the_prefix() {
        let keys = Keys::new("t1:");
        let sku = "A-1".parse().unwrap();
        assert_eq!(keys.product(&sku), "t1:product:A-1");
        assert_eq!(keys.stock(&sku, &Location::main()), "t1:stock:A-1@main");
    }
}
