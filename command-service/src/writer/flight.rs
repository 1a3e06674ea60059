//! The keys of the commands that wait or are being decided, so that a second one with the same key is told so at once.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use lru::DefaultHasher;
use uuid::Uuid;

use super::key::Key;
use super::request::Reply;

/// The keys in flight; cheap to clone.
#[derive(Debug, Clone, Default)]
pub(super) struct Flights(Arc<Mutex<HashMap<Uuid, i64, DefaultHasher>>>);

/// A key's place among those in flight, until dropped.
#[derive(Debug)]
pub(super) struct Ticket {
    id: Uuid,
    flights: Flights,
}

impl Flights {
    /// Takes the key off, unless a command with it is on its way: then the reply for this one.
    pub(super) fn take_off(&self, key: Key) -> Result<Ticket, Reply> {
        match self.lock().entry(key.id) {
            Entry::Occupied(other) if *other.get() == key.fingerprint => Err(Reply::InFlight),
            Entry::Occupied(_) => Err(Reply::KeyReused),
            Entry::Vacant(place) => {
                place.insert(key.fingerprint);
                Ok(Ticket { id: key.id, flights: self.clone() })
            }
        }
    }

    /// Whether a command with this key is on its way.
    pub(super) fn has(&self, id: Uuid) -> bool {
        self.lock().contains_key(&id)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Uuid, i64, DefaultHasher>> {
        // Nobody panics while holding it, and every state of the map is a good one.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.flights.lock().remove(&self.id);
    }
}
