//! How long the stages of the pipeline collect what arrives before they forward it together.
//!
//! A batch has fixed costs: a request to Kafka for every partition, a transaction, its replay on the replica. So all stages follow
//! one rule: what arrives without load is forwarded at once; under load, a batch is forwarded a fixed time, its window, after its
//! first item arrived. There is load while the batches of a stage follow each other closely.
//!
//! The relay has the longest window, because its batches are the most expensive, and because the interval of its
//! batches is also that of the stages after it: these only collect the parts of one batch of the relay, which arrive partition by
//! partition. Together
//! the windows are a part of the 100 ms within which 99 % of the orders can be read on the replica (`freshness_p99_ms` of
//! `bench main`); the rest is for the work itself.

use std::time::{Duration, Instant};

/// The window of a stage, and what counts as load.
#[derive(Debug, Clone, Copy)]
pub struct Stage {
    /// Longest time from the arrival of the first item of a batch until the batch is forwarded.
    pub window: Duration,
    /// There is load if the first item of a batch arrives within this time after the last batch was forwarded.
    pub load_gap: Duration,
}

/// The relay, which sends committed events to Kafka.
pub const RELAY: Stage = Stage { window: Duration::from_millis(40), load_gap: Duration::from_millis(40) };

/// The projector, which writes the events of Kafka to the read models.
pub const PROJECTOR: Stage = Stage { window: Duration::from_millis(10), load_gap: Duration::from_millis(100) };

/// The writer of the cache, which sends documents of committed batches to Redis.
pub const CACHE: Stage = Stage { window: Duration::from_millis(10), load_gap: Duration::from_millis(100) };

/// The batches of one stage.
#[derive(Debug)]
pub struct BatchWindow {
    stage: Stage,
    last_forwarded: Option<Instant>,
}

impl BatchWindow {
    /// A stage that has forwarded nothing.
    pub fn new(stage: Stage) -> BatchWindow {
        BatchWindow { stage, last_forwarded: None }
    }

    /// The instant at which a batch is to be forwarded whose first item arrived at `first`.
    pub fn closes_at(&self, first: Instant) -> Instant {
        let is_loaded = |last| first.saturating_duration_since(last) < self.stage.load_gap;
        match self.last_forwarded.is_some_and(is_loaded) {
            true => first + self.stage.window,
            false => first,
        }
    }

    /// A batch was forwarded.
    pub fn forwarded(&mut self, at: Instant) {
        self.last_forwarded = Some(at);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Forwards items that arrive at these times, in milliseconds; returns the waiting time of every item, batch by batch.
    fn forward(stage: Stage, arrivals: &[u64]) -> Vec<Vec<Duration>> {
        let (begin, mut window, mut batches) = (Instant::now(), BatchWindow::new(stage), Vec::new());
        let mut arrivals = arrivals.iter().map(|ms| begin + Duration::from_millis(*ms)).peekable();
        while let Some(first) = arrivals.next() {
            let closes_at = window.closes_at(first);
            let mut batch = vec![closes_at - first];
            while let Some(next) = arrivals.next_if(|next| *next < closes_at) {
                batch.push(closes_at - next);
            }
            window.forwarded(closes_at);
            batches.push(batch);
        }
        batches
    }

    #[test]
    fn a_single_item_is_forwarded_at_once() {
        for stage in [RELAY, PROJECTOR, CACHE] {
            assert_eq!(forward(stage, &[0, 1_000, 2_000]), [[Duration::ZERO]; 3]);
        }
    }

    #[test]
    fn under_load_a_stage_forwards_one_batch_per_window() {
        let arrivals: Vec<u64> = (0..4_000).collect();
        for stage in [RELAY, PROJECTOR, CACHE] {
            let batches = forward(stage, &arrivals).len() as u64;
            let window = stage.window.as_millis() as u64;
            assert!(batches <= 4_000 / window + 2, "{batches} batches of {stage:?}");
        }
    }

    #[test]
    fn the_projector_collects_the_parts_of_a_batch_of_the_relay() {
        let interval = RELAY.window.as_millis() as u64;
        let parts: Vec<u64> = (0..50).flat_map(|batch| (0..6).map(move |part| batch * interval + part)).collect();
        // Only the first batch is divided, which arrives without load.
        assert!(forward(PROJECTOR, &parts).len() <= 51);
    }

    proptest! {
        #[test]
        fn no_item_waits_longer_than_the_window(gaps in prop::collection::vec(0..200u64, 1..200)) {
            let arrivals: Vec<u64> = gaps.iter().scan(0, |at, gap| { *at += gap; Some(*at) }).collect();
            for stage in [RELAY, PROJECTOR, CACHE] {
                let batches = forward(stage, &arrivals);
                prop_assert_eq!(batches.iter().map(Vec::len).sum::<usize>(), arrivals.len());
                prop_assert!(batches.iter().flatten().all(|wait| *wait <= stage.window));
            }
        }
    }
}
