//! The keys of the commands that wait or are being decided, so that a second one with the same key is told so at once.
//!
//! Commands of one group that share a key share its place: they are decided one after the other, so the later ones repeat the
//! first and nobody has to come again.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use lru::DefaultHasher;
use uuid::Uuid;

use super::key::Key;
use super::request::Reply;

/// The keys in flight; cheap to clone.
#[derive(Debug, Clone, Default)]
pub(super) struct Flights(Arc<Mutex<HashMap<Uuid, InFlight, DefaultHasher>>>);

#[derive(Debug)]
struct InFlight {
    fingerprint: i64,
    tickets: usize,
}

/// A key's place among those in flight, until every ticket for it is dropped.
#[derive(Debug)]
pub(super) struct Ticket {
    id: Uuid,
    flights: Flights,
}

impl Flights {
    /// Takes the key off, unless a command with it is on its way: then the reply for this one.
    pub(super) fn take_off(&self, key: Key) -> Result<Ticket, Reply> {
        match self.lock().entry(key.id) {
            Entry::Occupied(other) if other.get().fingerprint == key.fingerprint => Err(Reply::InFlight),
            Entry::Occupied(_) => Err(Reply::KeyReused),
            Entry::Vacant(place) => {
                place.insert(InFlight { fingerprint: key.fingerprint, tickets: 1 });
                Ok(Ticket { id: key.id, flights: self.clone() })
            }
        }
    }

    /// One more ticket for a key that an earlier command of the same group has taken off.
    pub(super) fn share(&self, key: Key) -> Ticket {
        let mut flights = self.lock();
        flights.entry(key.id).or_insert(InFlight { fingerprint: key.fingerprint, tickets: 0 }).tickets += 1;
        Ticket { id: key.id, flights: self.clone() }
    }

    /// Whether a command with this key is on its way.
    pub(super) fn has(&self, id: Uuid) -> bool {
        self.lock().contains_key(&id)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Uuid, InFlight, DefaultHasher>> {
        // Nobody panics while holding it, and every state of the map is a good one.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if let Entry::Occupied(mut flight) = self.flights.lock().entry(self.id) {
            flight.get_mut().tickets -= 1;
            if flight.get().tickets == 0 {
                flight.remove();
            }
        }
    }
}
