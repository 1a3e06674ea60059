//! What the next event of an order's stream does with the state of a fold: [`OrderPlaced`] begins it, every later event
//! continues it. Shared by all states that are folded from the events of an order.

use events::order::{OrderEvent, OrderPlaced};
use events::stream::Subject;
use events::{Recorded, Version};

use crate::fold_error::FoldError;

/// What the next event does.
pub(crate) enum Next<'s, 'e, S> {
    /// The event places the order: the state begins.
    Begins(&'s mut Option<S>, &'e OrderPlaced),
    /// The event changes the state.
    Continues(&'s mut S),
}

/// What an event does with a state (`None`: the order does not exist yet) that contains the events up to a version.
pub(crate) fn next<'s, 'e, S>(
    state: &'s mut Option<S>,
    version: impl Fn(&S) -> Version,
    recorded: &Recorded,
    event: &'e OrderEvent,
) -> Result<Next<'s, 'e, S>, FoldError> {
    FoldError::unless_next(state.as_ref().map_or(Version::NONE, version), recorded)?;
    match (state, event) {
        (state @ None, OrderEvent::Placed(placed)) => {
            if recorded.stream.subject() != Subject::Order(placed.order_id) {
                return Err(FoldError::wrong_stream(recorded));
            }
            Ok(Next::Begins(state, placed))
        }
        (None, _) => Err(FoldError::NotFirst(recorded.event_type.clone())),
        (Some(_), OrderEvent::Placed(_)) => Err(FoldError::AlreadyCreated(recorded.event_type.clone())),
        (Some(state), _) => Ok(Next::Continues(state)),
    }
}
