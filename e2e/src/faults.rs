//! Faults that are no kill of a process.

use anyhow::Context;
use redis::AsyncCommands;

use crate::audit::Redis;

/// Keys deleted at once.
const CHUNK: usize = 500;

/// Empties the platform's part of Redis, as if Redis had been restarted; gives how many keys that were. What others keep
/// in the same Redis stays.
pub async fn flush_caches(redis: &Redis) -> anyhow::Result<usize> {
    let client = redis::Client::open(redis.url.as_str()).context("reading the address of Redis")?;
    let mut connection = client.get_multiplexed_async_connection().await.context("connecting to Redis")?;
    let keys = crate::checkers::cache::keys(&mut connection, &redis.prefix).await?;
    for keys in keys.chunks(CHUNK) {
        let _: () = connection.del(keys).await.context("deleting keys")?;
    }
    Ok(keys.len())
}
