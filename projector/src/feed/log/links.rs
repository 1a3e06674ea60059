//! [`Links`]: links each event of the log to the previous event of its partition, and makes it a [`Delivery`].

use std::collections::BTreeMap;

use events::cloudevents::{InvalidMessage, Message};
use events::{Category, Position, Source, topics};

use crate::feed::delivery::Delivery;
use crate::store::log::{LoggedEvent, UnknownStream};

/// The position of the last event of every partition.
#[derive(Debug, Clone)]
pub(super) struct Links {
    /// The log, which the deliveries name.
    source: Source,
    /// By category, the last position of each partition.
    last: BTreeMap<Category, Vec<Position>>,
}

impl Links {
    /// Links of the given partitions; their numbers start at 0 in every category.
    pub(super) fn new(source: Source, partitions: impl IntoIterator<Item = (Category, i32, Position)>) -> Links {
        let mut last: BTreeMap<Category, Vec<Position>> = BTreeMap::new();
        for (category, partition, position) in partitions {
            let (positions, index) = (last.entry(category).or_default(), partition.max(0) as usize);
            positions.resize(positions.len().max(index + 1), Position::ZERO);
            positions[index] = position;
        }
        Links { source, last }
    }

    /// Whether the partitions of the category are known.
    pub(super) fn contains(&self, category: Category) -> bool {
        self.last.contains_key(&category)
    }

    /// The delivery of the next event, with its category; `None` if this build does not know its category.
    ///
    /// An event that this build cannot read becomes an invalid message: the worker then handles it as it handles an
    /// invalid message of Kafka, and applies the event or parks its stream by what the log contains.
    pub(super) fn deliver(&mut self, event: Result<LoggedEvent, UnknownStream>) -> Option<(Category, Delivery)> {
        let (stream, position) = match &event {
            Ok(logged) => (logged.event.stream.as_str(), logged.event.position),
            Err(unknown) => (&*unknown.invalid.0, unknown.position),
        };
        let category = category_of(stream)?;
        let positions = self.last.get_mut(&category)?;
        let partition = topics::partition_of(stream, positions.len() as i32);
        let previous = std::mem::replace(&mut positions[partition as usize], position);
        let message = match event {
            Ok(LoggedEvent { event, metadata_error: None }) => Ok(Message { source: self.source, event, previous }),
            Ok(LoggedEvent { metadata_error: Some(error), .. }) => Err(unreadable("metadata", error)),
            Err(unknown) => Err(unreadable("ce_subject", unknown.invalid.0)),
        };
        Some((category, Delivery { partition, offset: position.0, message }))
    }

    /// Records that an event was delivered which others have linked.
    pub(super) fn delivered(&mut self, category: Category, delivery: &Delivery) {
        if let Some(position) = self.last.get_mut(&category).and_then(|it| it.get_mut(delivery.partition as usize)) {
            *position = Position(delivery.offset);
        }
    }
}

fn unreadable(name: &'static str, value: String) -> InvalidMessage {
    InvalidMessage::Unreadable { name, value }
}

fn category_of(stream: &str) -> Option<Category> {
    let begins_with = |prefix: &&str| stream.starts_with(*prefix);
    Category::ALL.into_iter().find(|category| category.prefixes().iter().any(begins_with))
}
