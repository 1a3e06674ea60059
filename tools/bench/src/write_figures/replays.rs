//! `replay_keys_ratio`: the time per new order when one in ten requests repeats an earlier order, compared with new orders only.
//!
//! The repeated orders are chosen evenly from all acknowledged orders, so most of their answers are no longer in the memory of the
//! service. Repeats of recent orders, as retries usually are, are measured separately. New orders only are measured before and
//! after, so that a change in the speed of the machine affects both.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::ensure;

use crate::connection::Answer;
use crate::figures::{Figure, Figures, Target};
use crate::load::{self, LoadTarget, Run};
use crate::peak_memory::PeakMemory;
use crate::requests::keys::Key;
use crate::requests::orders::Orders;
use crate::requests::source::RequestSource;
use crate::settings::CONNECTIONS;
use crate::settings::Settings;
use crate::setup::Setup;
use e2e::fleet::Service;

/// Number of new orders per run.
const NEW: u64 = 100_000;

/// New orders per repeated order: 10,000 repeats for 100,000 new orders.
const NEW_PER_REPEAT: u64 = 10;

/// Recent repeats are chosen from this number of last orders.
const RECENT: usize = 10_000;

/// Which orders are repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Repeats {
    None,
    Any,
    Recent,
}

/// An order that can be repeated.
#[derive(Debug, Clone, Copy)]
struct Sent {
    key: Key,
    number: u64,
}

/// The orders that can be repeated, shared by all connections.
#[derive(Debug)]
struct Pool {
    acknowledged: Vec<Sent>,
    random: fastrand::Rng,
}

/// New orders, some of them followed by a repeat.
#[derive(Debug, Clone)]
struct Mixed {
    orders: Orders,
    repeats: Repeats,
    pool: Arc<Mutex<Pool>>,
    /// Number of the order in flight, if it is new.
    new: Option<u64>,
}

/// Places new orders only, then with repeats of any age, then with recent repeats, then new orders only again.
pub(super) async fn measure(settings: &Settings, figures: &mut Figures, memory: &mut PeakMemory) -> anyhow::Result<()> {
    let setup = Setup::command_only().await?;
    let addr = setup.addr(Service::Command)?;
    let new = settings.count(NEW);
    let orders = Mixed::new(Orders::new(addr));
    place(&setup, orders.with(Repeats::None), new / 10).await?;
    let before = place(&setup, orders.with(Repeats::None), new).await?;
    let any = place(&setup, orders.with(Repeats::Any), new).await?;
    let recent = place(&setup, orders.with(Repeats::Recent), new).await?;
    let after = place(&setup, orders.with(Repeats::None), new).await?;
    let in_log = setup.orders().await?;
    let placed = 4 * new + new / 10;
    ensure!(in_log == placed, "{placed} orders were placed, the log has {in_log}");
    let drift = format!("{:.0} before, {:.0} after", before.per_second(), after.per_second());
    let alone = before.then(after)?;
    let limit = figures.value("postgres_insert_orders_per_s");
    figures.add(
        Figure::new("new_keys_orders_per_s", alone.per_second(), "orders/s")
            .limit(limit, "PostgreSQL's own insert of the rows")
            .note(drift),
    );
    let ratio = |key, run: &Run, what: &str| {
        let (with, without) = (run.took.as_secs_f64(), alone.took.as_secs_f64() / 2.0);
        let note = format!("{} {what} among {new} new orders: {with:.2} s, none: {without:.2} s", new / NEW_PER_REPEAT);
        Figure::new(key, without / with, "ratio").note(note)
    };
    figures.add(ratio("replay_keys_ratio", &any, "repeats of any age").target(Target::AtLeast(0.9)));
    figures.add(ratio("replay_recent_keys_ratio", &recent, "recent repeats"));
    setup.tear_down(memory).await
}

/// Places this number of new orders, and the repeats.
async fn place(setup: &Setup, orders: Mixed, new: u64) -> anyhow::Result<Run> {
    let target = LoadTarget { addr: setup.addr(Service::Command)?, connections: CONNECTIONS };
    let count = if orders.repeats == Repeats::None { new } else { new + new / NEW_PER_REPEAT };
    let run = load::on_own_thread(move || load::closed_count(target, orders, count)).await?;
    ensure!(run.successes() == count, "{} of {count} orders were acknowledged; {}", run.successes(), run.failures());
    Ok(run)
}

impl Pool {
    /// Chooses an order, and each order only once: two concurrent repeats of one order would be rejected as in progress.
    fn choose(&mut self, repeats: Repeats) -> Option<Sent> {
        let oldest = match repeats {
            Repeats::None => return None,
            Repeats::Any => 0,
            Repeats::Recent => self.acknowledged.len().saturating_sub(RECENT),
        };
        let drawn = self.random.choice(oldest..self.acknowledged.len())?;
        Some(self.acknowledged.swap_remove(drawn))
    }
}

impl Mixed {
    fn new(orders: Orders) -> Mixed {
        let pool = Pool { acknowledged: Vec::new(), random: fastrand::Rng::with_seed(4) };
        Mixed { orders, repeats: Repeats::None, pool: Arc::new(Mutex::new(pool)), new: None }
    }

    fn with(&self, repeats: Repeats) -> Mixed {
        Mixed { repeats, ..self.clone() }
    }

    fn pool(&self) -> MutexGuard<'_, Pool> {
        self.pool.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl RequestSource for Mixed {
    fn nth(&mut self, number: u64) -> &[u8] {
        let is_repeat = number % (NEW_PER_REPEAT + 1) == NEW_PER_REPEAT;
        let repeat = if is_repeat { self.pool().choose(self.repeats) } else { None };
        self.new = if repeat.is_none() { Some(number) } else { None };
        match repeat {
            Some(Sent { key, number }) => self.orders.repeat(key, number),
            None => self.orders.nth(number),
        }
    }

    fn answered(&mut self, answer: Answer<'_>) -> anyhow::Result<()> {
        if let Some(number) = self.new.take().filter(|_| answer.is_success()) {
            let sent = Sent { key: self.orders.last_key(), number };
            self.pool().acknowledged.push(sent);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_eleventh_request_repeats_an_acknowledged_order() {
        let mut new = Mixed::new(Orders::new(([127, 0, 0, 1], 80).into()));
        let mut sent = Vec::new();
        for number in 0..100 {
            sent.push(new.nth(number).to_vec());
            new.answered(Answer { status: 201, body: b"" }).unwrap();
        }
        let mut mixed = new.with(Repeats::Any);
        let repeats = (0..110).filter(|number| sent.contains(&mixed.nth(*number).to_vec())).collect::<Vec<_>>();
        assert_eq!(repeats, (0..10).map(|tenth| 10 + 11 * tenth).collect::<Vec<u64>>());
    }
}
