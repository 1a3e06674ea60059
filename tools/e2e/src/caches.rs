//! Reads and deletes the keys of the platform in Redis.

use anyhow::Context;
use redis::AsyncCommands;
use redis::aio::MultiplexedConnection;

use crate::audit::subject::Redis;

/// Keys that are read or deleted with one command.
pub const CHUNK: usize = 500;

/// A connection to Redis, and the prefix of the platform's keys.
pub struct Caches {
    connection: MultiplexedConnection,
    prefix: String,
}

impl Caches {
    /// Connects to Redis.
    pub async fn open(redis: &Redis) -> anyhow::Result<Caches> {
        let client = redis::Client::open(redis.url.as_str()).context("reading the address of Redis")?;
        let connection = client.get_multiplexed_async_connection().await.context("connecting to Redis")?;
        Ok(Caches { connection, prefix: redis.prefix.clone() })
    }

    /// All keys of a kind, such as `order:`, with the prefix of the platform.
    pub async fn keys(&mut self, kind: &str) -> anyhow::Result<Vec<String>> {
        let pattern = format!("{}*", escaped(&self.key(kind)));
        let mut keys = Vec::new();
        let mut found = self.connection.scan_match::<_, String>(pattern).await.context("listing keys")?;
        while let Some(key) = found.next_item().await {
            keys.push(key.context("listing keys")?);
        }
        // `SCAN` may return a key more than once.
        keys.sort_unstable();
        keys.dedup();
        Ok(keys)
    }

    /// A key with the prefix of the platform.
    pub fn key(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }

    /// The values of at most [`CHUNK`] keys; `None` for a key that does not exist any more.
    pub async fn values(&mut self, keys: &[String]) -> anyhow::Result<Vec<Option<Vec<u8>>>> {
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        self.connection.mget(keys).await.context("reading values of Redis")
    }

    /// Deletes all keys of the platform and returns their number. Other keys in the same Redis are kept.
    pub async fn flush(&mut self) -> anyhow::Result<usize> {
        let keys = self.keys("").await?;
        for keys in keys.chunks(CHUNK) {
            let _: () = self.connection.del(keys).await.context("deleting keys")?;
        }
        Ok(keys.len())
    }
}

/// Escapes the characters `*?[]^\`, which have a special meaning in a pattern of Redis.
fn escaped(text: &str) -> String {
    text.chars().flat_map(|c| "*?[]^\\".contains(c).then_some('\\').into_iter().chain([c])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn special_characters_of_patterns_are_escaped() {
        assert_eq!(escaped("a*[b]:"), "a\\*\\[b\\]:");
    }
}
