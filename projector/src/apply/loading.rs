//! Loads the states of the streams of a batch, from memory or from the database.

use std::collections::{BTreeMap, HashSet};

use events::{StreamId, Version};

use super::Applier;
use crate::fold::StoredStates;
use crate::frame::{ReadModel, instants};
use crate::next_event::NextEvent;
use crate::step::StepError;
use crate::store::log::StreamAt;

impl<M: ReadModel> Applier<M> {
    /// The states of the events' streams, from memory or from the database.
    pub(super) async fn load(&mut self, events: &[NextEvent<'_>]) -> Result<StoredStates<M>, StepError> {
        let mut stored = StoredStates::new();
        let mut missing = BTreeMap::new();
        let mut seen = HashSet::with_capacity(events.len());
        for NextEvent { event, .. } in events {
            if !seen.insert(&event.stream) || self.claimed.is_parked(&event.stream) {
                continue;
            }
            match self.states.take(&event.stream) {
                Some(state) => stored.insert(event.stream.clone(), state),
                // A stream that begins with this event has no state; if there is one, the write does not change it.
                None if event.version.0 == 1 => {}
                // Parked by the fold; its month is not created.
                None if instants::check::<M>(event).is_err() => {}
                None => {
                    let version = Version(event.version.0 - 1);
                    missing.insert(event.stream.clone(), version);
                }
            }
        }
        self.load_stored(&mut stored, &mut missing).await?;
        if !missing.is_empty() {
            self.attach_months(&mut stored, &mut missing).await?;
            self.load_stored(&mut stored, &mut missing).await?;
        }
        Ok(stored)
    }

    /// The state of a stream that has begun may be missing because its month was detached: attaches the month again. If
    /// that is impossible, the state counts as one that cannot be read.
    async fn attach_months(
        &mut self,
        stored: &mut StoredStates<M>,
        missing: &mut BTreeMap<StreamId, Version>,
    ) -> Result<(), StepError> {
        self.months.forget();
        let timeout = self.store.statement_timeout();
        let by_month: Vec<_> = missing.keys().filter_map(|it| Some((it.clone(), M::month_of(it)?))).collect();
        for (stream, month) in by_month {
            let connection = self.store.connection().await?;
            match timeout.run("attaching a month", self.months.ensure(connection, &[month])).await {
                Err(error) if error.is_about_data() => {
                    missing.remove(&stream);
                    stored.insert_loaded(stream, Err(error.reason()));
                }
                ensured => ensured?,
            }
        }
        missing.retain(|stream, _| M::month_of(stream).is_some());
        Ok(())
    }

    /// Loads states from the database; streams without a state stay in `missing`.
    async fn load_stored(
        &mut self,
        stored: &mut StoredStates<M>,
        missing: &mut BTreeMap<StreamId, Version>,
    ) -> Result<(), StepError> {
        if missing.is_empty() {
            return Ok(());
        }
        let at = |(stream, version): (&StreamId, &Version)| StreamAt {
            stream: stream.clone(),
            version: *version,
            skipped: self.claimed.skipped().of(stream),
        };
        let streams: Vec<StreamAt> = missing.iter().map(at).collect();
        let timeout = self.store.statement_timeout();
        let connection = self.store.connection().await?;
        for (stream, state) in timeout.run("loading states", M::load(connection, &streams)).await? {
            missing.remove(&stream);
            stored.insert_loaded(stream, state);
        }
        Ok(())
    }
}
