//! What stands in Redis: keys, lifetimes, values that carry how new they are, and the one script that writes them.
//!
//! The projector writes values through, the query-service fills in what it missed; both only with [`SET_UNLESS_NEWER`],
//! so that a slow writer never puts an old value over a new one.

use std::time::Duration;

use events::{Incarnation, Location, OrderId, Position, Sku};

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

/// How new a value is: the life of the log and the position of its last event. Later is larger, also as text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Stamp {
    /// Life of the log.
    pub incarnation: Incarnation,
    /// Place in the log.
    pub position: Position,
}

impl Stamp {
    /// Bytes of its text: 4 digits of incarnation (at most 4095), 19 of position (as many as the largest has).
    pub const BYTES: usize = 23;

    /// Older than everything.
    pub const ZERO: Stamp = Stamp { incarnation: Incarnation(0), position: Position::ZERO };

    /// A value as it stands in Redis: this stamp, then the JSON.
    pub fn encode(self, json: &str) -> String {
        format!("{self}{json}")
    }

    /// Takes a value of Redis apart; `None` where it is not one of ours.
    pub fn decode(value: &[u8]) -> Option<(Stamp, &str)> {
        let (stamp, json) = std::str::from_utf8(value).ok()?.split_at_checked(Stamp::BYTES)?;
        let (incarnation, position) = stamp.split_at_checked(4)?;
        if !stamp.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        let stamp =
            Stamp { incarnation: Incarnation(incarnation.parse().ok()?), position: Position(position.parse().ok()?) };
        Some((stamp, json))
    }
}

impl std::fmt::Display for Stamp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:04}{:019}", self.incarnation.0, self.position.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn stamps() -> impl Strategy<Value = Stamp> {
        let position = prop_oneof![0..1000i64, 0..=i64::MAX];
        (1..=4095i32, position)
            .prop_map(|(life, position)| Stamp { incarnation: Incarnation(life), position: Position(position) })
    }

    proptest! {
        #[test]
        fn stamps_sort_as_text_as_they_do_by_life_and_position(a in stamps(), b in stamps()) {
            prop_assert_eq!(a.cmp(&b), a.to_string().cmp(&b.to_string()));
            prop_assert_eq!(a.to_string().len(), Stamp::BYTES);
        }

        #[test]
        fn a_value_is_read_back(stamp in stamps(), json in ".*") {
            let value = stamp.encode(&json);
            prop_assert_eq!(Stamp::decode(value.as_bytes()), Some((stamp, json.as_str())));
        }

        #[test]
        fn no_text_breaks_the_reader(value in prop::collection::vec(any::<u8>(), 0..40)) {
            let _ = Stamp::decode(&value);
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
