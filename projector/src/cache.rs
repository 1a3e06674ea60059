//! Writes changed documents to Redis after they are committed, with the script of `read_model::cache`.
//!
//! Workers hand values to a [`Cache`], which never waits; the [`Writer`] in its own task writes them, so that Redis can
//! neither slow down nor fail a projection. Values that cannot be written are kept in [`waiting`] up to a limit; a
//! dropped value expires in Redis with its time to live. Every write may be repeated.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use platform::config::Secret;
use platform::health::Component;
use platform::metric_names::PROJECTOR_CACHE_FAILURES_TOTAL;
use read_model::Generation;
use read_model::cache::Keys;
use redis::RedisResult;
use tokio::sync::mpsc;

mod entry;
mod refusal;
mod waiting;
mod writer;

pub use entry::Entry;
pub use writer::Writer;

/// Maximum number of batches between workers and the writer; further batches are dropped.
const QUEUE_BATCHES: usize = 64;

/// Size in bytes at which the queue between workers and the writer accepts no further batch.
const QUEUE_BYTES_MAX: usize = 32 * 1024 * 1024;

/// Accepts changed documents from workers. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Cache {
    prefix: Arc<str>,
    queue: mpsc::Sender<Vec<Entry>>,
    /// Size of the queue in bytes.
    queued_bytes: Arc<AtomicUsize>,
}

impl Cache {
    /// A cache and its writer. [`Writer::run`] ends when all clones of the cache are dropped.
    pub fn new(url: &Secret, prefix: &str, health: Component) -> RedisResult<(Cache, Writer)> {
        let (queue, inbox) = mpsc::channel(QUEUE_BATCHES);
        let queued_bytes = Arc::new(AtomicUsize::new(0));
        let writer = Writer::new(redis::Client::open(url.expose())?, inbox, Arc::clone(&queued_bytes), health);
        Ok((Cache { prefix: prefix.into(), queue, queued_bytes }, writer))
    }

    /// The keys of a generation.
    pub fn keys(&self, generation: Generation) -> Keys {
        Keys::new(&*self.prefix, generation.number)
    }

    /// Queues values for the writer; never waits. Values are dropped if the queue is full.
    pub fn write(&self, entries: Vec<Entry>) {
        if entries.is_empty() {
            return;
        }
        let (dropped, bytes) = (entries.len() as u64, entry::bytes_of(&entries));
        let has_room = self.queued_bytes.fetch_add(bytes, Ordering::Relaxed) < QUEUE_BYTES_MAX;
        if !has_room || self.queue.try_send(entries).is_err() {
            self.queued_bytes.fetch_sub(bytes, Ordering::Relaxed);
            metrics::counter!(PROJECTOR_CACHE_FAILURES_TOTAL).increment(dropped);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn the_queue_is_bounded_in_bytes() {
        let component = platform::health::Health::new().optional("redis");
        let (cache, mut writer) = Cache::new(&Secret::new("redis://127.0.0.1:1/"), "", component).unwrap();
        for key in 0..5 {
            let value = "x".repeat(QUEUE_BYTES_MAX / 2);
            cache.write(vec![Entry { key: key.to_string(), value, ttl: Duration::from_secs(1) }]);
        }
        assert_eq!(writer.queued_batches(), 2);
        writer.take_queued().await;
        assert_eq!(cache.queued_bytes.load(Ordering::Relaxed), 0);
    }
}
