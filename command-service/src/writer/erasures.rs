//! Removes erased personal data from what callers are shown: states after a command, and the events that a command wrote.
//!
//! The log says whose personal data was erased, and is read whenever personal data is to be shown: the state of an order in memory
//! does not tell whether its customers were erased. The personal data of an order is erased by itself or with any of its customers
//! ([`Order::customers`](domain::order::state::Order::customers)).

use std::collections::{HashMap, HashSet};

use events::customer::CustomerEvent;
use events::stream::Subject;
use events::{CustomerId, Event, Position, Recorded, StreamId, codec};

use super::outcome::FindError;
use super::request::Reply;
use crate::log::Log;
use crate::log::snapshot::{NO_SHAPE, StreamItem};
use domain::state::State;

/// The customers among these whose personal data was erased.
async fn find_erased(log: &Log, customers: HashSet<CustomerId>) -> Result<HashSet<CustomerId>, FindError> {
    let mut erased = HashSet::new();
    if customers.is_empty() {
        return Ok(erased);
    }
    let streams: Vec<StreamId> = customers.into_iter().map(StreamId::customer).collect();
    for recorded in load(log, &streams).await? {
        if let (Subject::Customer(id), Event::Customer(CustomerEvent::Erased(_))) =
            (recorded.stream.subject(), recorded.decode()?)
        {
            erased.insert(id);
        }
    }
    Ok(erased)
}

async fn load(log: &Log, streams: &[StreamId]) -> Result<Vec<Recorded>, FindError> {
    let mut events = Vec::new();
    let take = |item| match item {
        StreamItem::Event(recorded) => events.push(recorded),
        // No snapshots are requested.
        StreamItem::Snapshot(_) => {}
    };
    log.load(streams, NO_SHAPE, take).await?;
    Ok(events)
}

/// Removes erased personal data from the states in these replies. If the log cannot be read, the states are removed as a whole:
/// the command took effect, and its caller must get the reply.
pub(super) async fn remove_from_states(log: &Log, replies: &mut [Reply]) {
    let mut states: Vec<&mut Option<Box<State>>> = replies.iter_mut().filter_map(of_customers).collect();
    if states.is_empty() {
        return;
    }
    let customers = states.iter().filter_map(|state| state.as_deref()).flat_map(customers).collect();
    match find_erased(log, customers).await {
        Ok(erased) => {
            let shown = states.iter_mut().filter_map(|state| state.as_deref_mut());
            for state in shown.filter(|state| customers_of(state).any(|id| erased.contains(&id))) {
                state.erase_personal_data();
            }
        }
        Err(error) => {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "cannot read from the log whose personal data was erased; replying without states"
            );
            states.into_iter().for_each(|state| *state = None);
        }
    }
}

/// The state in a reply, if it is that of an order with customers and personal data.
fn of_customers(reply: &mut Reply) -> Option<&mut Option<Box<State>>> {
    let Reply::Done { state: slot, .. } = reply else { return None };
    let state = slot.as_deref()?;
    let is_personal = customers_of(state).next().is_some() && state.clone().erase_personal_data();
    is_personal.then_some(slot)
}

fn customers(state: &State) -> Vec<CustomerId> {
    customers_of(state).collect()
}

/// The customers of an order.
fn customers_of(state: &State) -> impl Iterator<Item = CustomerId> + '_ {
    let order = match state {
        State::Order(order) => Some(order),
        _ => None,
    };
    order.into_iter().flat_map(|order| order.customers())
}

/// Removes erased personal data from the events of a command. Returns the positions of the events that changed; these have the
/// latest schema version.
pub(super) async fn remove_from_events(log: &Log, events: &mut [Recorded]) -> Result<HashSet<Position>, FindError> {
    let mut without = HashMap::new();
    for recorded in events.iter() {
        let mut event = recorded.decode()?;
        if event.erase_personal_data() {
            without.insert(recorded.position, event);
        }
    }
    let personal = events.iter().filter(|recorded| without.contains_key(&recorded.position));
    let erased = erased_streams(log, personal.map(|recorded| recorded.stream.clone()).collect()).await?;
    let mut changed = HashSet::new();
    for recorded in events.iter_mut().filter(|recorded| erased.contains(&recorded.stream)) {
        let Some(event) = without.get(&recorded.position) else { continue };
        let encoded = codec::encode(event);
        (recorded.schema_version, recorded.payload) = (encoded.schema_version, encoded.payload);
        changed.insert(recorded.position);
    }
    Ok(changed)
}

/// The orders and customers among these whose personal data must not be shown.
async fn erased_streams(log: &Log, streams: HashSet<StreamId>) -> Result<HashSet<StreamId>, FindError> {
    let mut states: HashMap<StreamId, State> = HashMap::new();
    if streams.is_empty() {
        return Ok(HashSet::new());
    }
    let streams: Vec<StreamId> = streams.into_iter().collect();
    for recorded in load(log, &streams).await? {
        let event = recorded.decode()?;
        match states.get_mut(&recorded.stream) {
            Some(state) => state.evolve(&event),
            None => drop(states.insert(recorded.stream.clone(), State::first(&event))),
        }
    }
    let erased_customers = find_erased(log, states.values().flat_map(customers).collect()).await?;
    let is_erased = |state: &State| match state {
        State::Order(order) => order.personal_data_erased || order.customers().any(|id| erased_customers.contains(&id)),
        State::Customer(customer) => customer.erased,
        State::Product(_) | State::Stock(_) | State::Email(_) | State::StockHold(_) => false,
    };
    Ok(states.into_iter().filter(|(_, state)| is_erased(state)).map(|(stream, _)| stream).collect())
}
