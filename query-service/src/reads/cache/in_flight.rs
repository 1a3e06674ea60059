//! Merges concurrent loads of one key into a single load (single flight): every reader receives the same result.
//!
//! A load runs in a task of its own, so it ends and its result is cached even if all readers disconnect.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::FutureExt;
use futures::future::{BoxFuture, Shared};

use crate::reads::database::failure::Failure;
use crate::reads::error::Error;

type Load<V> = Shared<BoxFuture<'static, Result<V, Error>>>;

/// The loads in flight, by key.
pub struct InFlight<K, V>(Arc<Mutex<HashMap<K, Load<V>>>>);

impl<K, V> Clone for InFlight<K, V> {
    fn clone(&self) -> Self {
        InFlight(Arc::clone(&self.0))
    }
}

impl<K, V> Default for InFlight<K, V> {
    fn default() -> Self {
        InFlight(Arc::default())
    }
}

impl<K, V> InFlight<K, V>
where
    K: Hash + Eq + Clone + Send + 'static,
    V: Clone + Send + Sync + 'static,
{
    /// The result of the load in flight for `key`, or of a new `load`.
    pub async fn join<L>(&self, key: &K, load: impl FnOnce() -> L) -> Result<V, Error>
    where
        L: Future<Output = Result<V, Error>> + Send + 'static,
    {
        let joined = {
            let mut loads = self.loads();
            match loads.get(key) {
                Some(joined) => joined.clone(),
                None => {
                    let started = self.start(key.clone(), load());
                    loads.insert(key.clone(), started.clone());
                    started
                }
            }
        };
        joined.await
    }

    /// Called while `loads` is locked, so that the load cannot end before it is inserted.
    fn start(&self, key: K, load: impl Future<Output = Result<V, Error>> + Send + 'static) -> Load<V> {
        let removal = RemoveOnDrop { in_flight: self.clone(), key };
        let running = tokio::spawn(async move {
            let _removal = removal;
            load.await
        });
        running.map(|ended| ended.unwrap_or_else(|panicked| Err(Failure::Panicked(panicked).into()))).boxed().shared()
    }

    fn loads(&self) -> MutexGuard<'_, HashMap<K, Load<V>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Removes a load when it ends, even if it panics.
struct RemoveOnDrop<K: Hash + Eq, V> {
    in_flight: InFlight<K, V>,
    key: K,
}

impl<K: Hash + Eq, V> Drop for RemoveOnDrop<K, V> {
    fn drop(&mut self) {
        self.in_flight.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.key);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::sync::Notify;

    use super::*;

    #[tokio::test]
    async fn concurrent_readers_share_one_load() {
        let (in_flight, loads, go) =
            (InFlight::<u8, usize>::default(), Arc::new(AtomicUsize::new(0)), Arc::new(Notify::new()));
        let read = || {
            let (in_flight, loads, go) = (in_flight.clone(), Arc::clone(&loads), Arc::clone(&go));
            async move {
                let load = || async move {
                    go.notified().await;
                    Ok(loads.fetch_add(1, Ordering::Relaxed))
                };
                in_flight.join(&1, load).await.expect("the load succeeds")
            }
        };
        let (first, second, ()) = tokio::join!(read(), read(), async { go.notify_one() });
        assert_eq!((first, second), (0, 0));
        go.notify_one();
        assert_eq!(read().await, 1);
    }

    #[tokio::test]
    async fn a_load_continues_after_all_readers_left() {
        let (in_flight, go, done) = (InFlight::<u8, ()>::default(), Arc::new(Notify::new()), Arc::new(Notify::new()));
        let (load_go, load_done) = (Arc::clone(&go), Arc::clone(&done));
        let load = || async move {
            load_go.notified().await;
            load_done.notify_one();
            Ok(())
        };
        let left = in_flight.join(&1, load).now_or_never();
        assert!(left.is_none());
        go.notify_one();
        done.notified().await;
    }

    #[tokio::test]
    async fn a_load_that_panics_fails_once_and_the_next_load_succeeds() {
        let in_flight = InFlight::<u8, ()>::default();
        let error = in_flight.join(&1, || async { panic!("on purpose") }).await.expect_err("it panicked");
        assert!(matches!(&error, Error::Database(failure) if matches!(**failure, Failure::Panicked(_))), "{error:?}");
        assert!(in_flight.join(&1, || async { Ok(()) }).await.is_ok());
    }
}
