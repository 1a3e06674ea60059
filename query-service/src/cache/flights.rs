//! One load at a time for one key: whoever asks while it is on its way gets the same answer.
//!
//! A load runs in a task of its own, so it is finished and kept even when everybody who waited went away.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::FutureExt;
use futures::future::{BoxFuture, Shared};
use platform::problem::Problem;

use crate::problems;

type Flight<V> = Shared<BoxFuture<'static, Result<V, Problem>>>;

/// The loads that are on their way.
pub struct Flights<K, V>(Arc<Mutex<HashMap<K, Flight<V>>>>);

impl<K, V> Clone for Flights<K, V> {
    fn clone(&self) -> Self {
        Flights(Arc::clone(&self.0))
    }
}

impl<K, V> Default for Flights<K, V> {
    fn default() -> Self {
        Flights(Arc::default())
    }
}

impl<K, V> Flights<K, V>
where
    K: Hash + Eq + Clone + Send + 'static,
    V: Clone + Send + Sync + 'static,
{
    /// The result of the load that is on its way for `key`, or else of `load`.
    pub async fn join<L>(&self, key: &K, load: impl FnOnce() -> L) -> Result<V, Problem>
    where
        L: Future<Output = Result<V, Problem>> + Send + 'static,
    {
        let flight = {
            let mut running = self.running();
            match running.get(key) {
                Some(flight) => flight.clone(),
                None => {
                    let flight = self.begin(key.clone(), load());
                    running.insert(key.clone(), flight.clone());
                    flight
                }
            }
        };
        flight.await
    }

    /// Call it under the lock, so that the load cannot end before it is noted.
    fn begin(&self, key: K, load: impl Future<Output = Result<V, Problem>> + Send + 'static) -> Flight<V> {
        let landing = Landing { flights: self.clone(), key };
        let running = tokio::spawn(async move {
            let _landing = landing;
            load.await
        });
        running.map(|ended| ended.unwrap_or_else(|died| Err(problems::internal(&died)))).boxed().shared()
    }

    fn running(&self) -> MutexGuard<'_, HashMap<K, Flight<V>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Takes a load off the list when it ends, also when it panics.
struct Landing<K: Hash + Eq, V> {
    flights: Flights<K, V>,
    key: K,
}

impl<K: Hash + Eq, V> Drop for Landing<K, V> {
    fn drop(&mut self) {
        self.flights.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.key);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::sync::Notify;

    use super::*;

    #[tokio::test]
    async fn all_who_ask_meanwhile_share_one_load() {
        let (flights, loads, go) =
            (Flights::<u8, usize>::default(), Arc::new(AtomicUsize::new(0)), Arc::new(Notify::new()));
        let ask = || {
            let (flights, loads, go) = (flights.clone(), Arc::clone(&loads), Arc::clone(&go));
            async move {
                let load = || async move {
                    go.notified().await;
                    Ok(loads.fetch_add(1, Ordering::Relaxed))
                };
                flights.join(&1, load).await.expect("the load succeeds")
            }
        };
        let (first, second, ()) = tokio::join!(ask(), ask(), async { go.notify_one() });
        assert_eq!((first, second), (0, 0));
        go.notify_one();
        assert_eq!(ask().await, 1);
    }

    #[tokio::test]
    async fn a_load_goes_on_when_nobody_waits_any_more() {
        let (flights, go, done) = (Flights::<u8, ()>::default(), Arc::new(Notify::new()), Arc::new(Notify::new()));
        let (mine, my_done) = (Arc::clone(&go), Arc::clone(&done));
        let load = || async move {
            mine.notified().await;
            my_done.notify_one();
            Ok(())
        };
        let left = flights.join(&1, load).now_or_never();
        assert!(left.is_none());
        go.notify_one();
        done.notified().await;
    }

    #[tokio::test]
    async fn a_load_that_panics_is_a_problem_once_and_not_for_ever() {
        let flights = Flights::<u8, ()>::default();
        let problem = flights.join(&1, || async { panic!("on purpose") }).await.expect_err("it panicked");
        assert_eq!(problem.status(), 500);
        assert!(flights.join(&1, || async { Ok(()) }).await.is_ok());
    }
}
