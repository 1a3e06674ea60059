//! The platform's part of Redis: which keys there are, and what stands under them.

use anyhow::Context;
use redis::AsyncCommands;
use redis::aio::MultiplexedConnection;

use crate::audit::subject::Redis;

/// Keys asked for, or deleted, at once.
pub const CHUNK: usize = 500;

/// A connection, and where the platform's keys begin.
pub struct Caches {
    connection: MultiplexedConnection,
    prefix: String,
}

impl Caches {
    /// Connects.
    pub async fn open(redis: &Redis) -> anyhow::Result<Caches> {
        let client = redis::Client::open(redis.url.as_str()).context("reading the address of Redis")?;
        let connection = client.get_multiplexed_async_connection().await.context("connecting to Redis")?;
        Ok(Caches { connection, prefix: redis.prefix.clone() })
    }

    /// Every key of this kind, such as `order:`, as it stands in Redis.
    pub async fn keys(&mut self, kind: &str) -> anyhow::Result<Vec<String>> {
        let pattern = format!("{}*", escaped(&self.key(kind)));
        let mut keys = Vec::new();
        let mut found = self.connection.scan_match::<_, String>(pattern).await.context("listing keys")?;
        while let Some(key) = found.next_item().await {
            keys.push(key.context("listing keys")?);
        }
        // A scan may name a key twice.
        keys.sort_unstable();
        keys.dedup();
        Ok(keys)
    }

    /// The key of this name, as it stands in Redis.
    pub fn key(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }

    /// The values of these keys, at most [`CHUNK`]; `None` where there is none any more.
    pub async fn values(&mut self, keys: &[String]) -> anyhow::Result<Vec<Option<Vec<u8>>>> {
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        self.connection.mget(keys).await.context("reading values of Redis")
    }

    /// Deletes every key of the platform; gives how many those were.
    pub async fn flush(&mut self) -> anyhow::Result<usize> {
        let keys = self.keys("").await?;
        for keys in keys.chunks(CHUNK) {
            let _: () = self.connection.del(keys).await.context("deleting keys")?;
        }
        Ok(keys.len())
    }
}

/// Redis reads `*?[]^\` in a pattern as more than themselves.
fn escaped(text: &str) -> String {
    text.chars().flat_map(|c| "*?[]^\\".contains(c).then_some('\\').into_iter().chain([c])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_mean_their_prefix_alone() {
        assert_eq!(escaped("a*[b]:"), "a\\*\\[b\\]:");
    }
}
