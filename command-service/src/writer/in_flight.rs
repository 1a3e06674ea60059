//! The keys of the commands in flight (those that wait or are being decided), so that a second command with the same key is
//! refused at once.
//!
//! Commands of one group that have the same key share its entry: they are decided one after the other, so that the later ones
//! repeat the first one.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use lru::DefaultHasher;
use uuid::Uuid;

use super::key::Key;
use super::request::Reply;

/// The keys in flight; cheap to clone, and clones share them.
#[derive(Debug, Clone, Default)]
pub(super) struct InFlight(Arc<Mutex<HashMap<Uuid, InFlightKey, DefaultHasher>>>);

#[derive(Debug)]
struct InFlightKey {
    fingerprint: i64,
    tickets: usize,
}

/// Keeps a key in flight until every ticket for the key is dropped.
#[derive(Debug)]
pub(super) struct Ticket {
    id: Uuid,
    in_flight: InFlight,
}

impl InFlight {
    /// Adds the key, unless a command with this key is in flight: the error is then the reply to the second command.
    pub(super) fn add(&self, key: Key) -> Result<Ticket, Reply> {
        match self.lock().entry(key.id) {
            Entry::Occupied(other) if other.get().fingerprint == key.fingerprint => Err(Reply::InFlight),
            Entry::Occupied(_) => Err(Reply::KeyReused),
            Entry::Vacant(vacant) => {
                vacant.insert(InFlightKey { fingerprint: key.fingerprint, tickets: 1 });
                Ok(Ticket { id: key.id, in_flight: self.clone() })
            }
        }
    }

    /// One more ticket for a key that an earlier command of the same group has added.
    pub(super) fn share(&self, key: Key) -> Ticket {
        let mut keys = self.lock();
        keys.entry(key.id).or_insert(InFlightKey { fingerprint: key.fingerprint, tickets: 0 }).tickets += 1;
        Ticket { id: key.id, in_flight: self.clone() }
    }

    /// Whether a command with this key is in flight.
    pub(super) fn contains(&self, id: Uuid) -> bool {
        self.lock().contains_key(&id)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Uuid, InFlightKey, DefaultHasher>> {
        // No code panics while it holds the lock, and every state of the map is valid.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if let Entry::Occupied(mut key) = self.in_flight.lock().entry(self.id) {
            key.get_mut().tickets -= 1;
            if key.get().tickets == 0 {
                key.remove();
            }
        }
    }
}
