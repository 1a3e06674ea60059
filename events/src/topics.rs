//! Kafka topics of the categories, and the partition of a stream.

use crate::stream::Category;

/// Topic of a category, such as `orders.v1`, with the prefix of the deployment (empty, or ending with a dot).
pub fn topic(prefix: &str, category: Category) -> String {
    let name = match category {
        Category::Order => "orders.v1",
        Category::Stock => "stock.v1",
        Category::Product => "products.v1",
        Category::Customer => "customers.v1",
        Category::StockHold => "holds.v1",
    };
    format!("{prefix}{name}")
}

/// Category of a topic; `None` for any other topic.
pub fn category_of(prefix: &str, topic: &str) -> Option<Category> {
    Category::ALL.into_iter().find(|category| self::topic(prefix, *category) == topic)
}

/// Partition of a key among `partitions`, as computed by Kafka's Java client (murmur2, sign bit cleared).
pub fn partition_of(key: &str, partitions: i32) -> i32 {
    ((murmur2(key.as_bytes()) & 0x7fff_ffff) as i32) % partitions
}

/// MurmurHash2, 32 bit, with the seed of Kafka's `Utils.murmur2`.
fn murmur2(data: &[u8]) -> u32 {
    const M: u32 = 0x5bd1_e995;
    let mut h = 0x9747_b28c ^ data.len() as u32;
    let mut chunks = data.chunks_exact(4);
    for chunk in &mut chunks {
        let mut k = u32::from_le_bytes([chunk[0], chunk[1], chunk[2], chunk[3]]).wrapping_mul(M);
        k ^= k >> 24;
        h = h.wrapping_mul(M) ^ k.wrapping_mul(M);
    }
    let tail = chunks.remainder();
    for (index, byte) in tail.iter().enumerate() {
        h ^= u32::from(*byte) << (8 * index);
    }
    if !tail.is_empty() {
        h = h.wrapping_mul(M);
    }
    h ^= h >> 13;
    h = h.wrapping_mul(M);
    h ^ (h >> 15)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Values from Kafka's `UtilsTest.testMurmur2`.
    #[test]
    fn murmur2_equals_kafkas_implementation() {
        let cases: [(&str, i32); 6] = [
            ("21", -973_932_308),
            ("foobar", -790_332_482),
            ("a-little-bit-long-string", -985_981_536),
            ("a-little-bit-longer-string", -1_486_304_829),
            ("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58_897_971),
            ("abc", 479_470_107),
        ];
        for (key, hash) in cases {
            assert_eq!(murmur2(key.as_bytes()) as i32, hash, "{key}");
        }
    }

    #[test]
    fn a_topic_has_the_category_that_it_was_built_from() {
        for category in Category::ALL {
            assert_eq!(category_of("t1.", &topic("t1.", category)), Some(category));
        }
        assert_eq!(category_of("t1.", "orders.v1"), None);
    }
}
