//! Faults that are no kill of a process.

use crate::audit::Redis;
use crate::caches::Caches;

/// Empties the platform's part of Redis, as if Redis had been restarted; gives how many keys that were. What others keep
/// in the same Redis stays.
pub async fn flush_caches(redis: &Redis) -> anyhow::Result<usize> {
    Caches::open(redis).await?.flush().await
}
