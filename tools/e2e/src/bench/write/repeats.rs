//! `replay_keys_ratio`: clients that send again what they have sent, among ten times as many new orders, against new orders
//! only: the time that a new order takes.
//!
//! The repeats are drawn evenly from all orders that were acknowledged so far, so most of them are older than what the
//! service remembers of its answers. Recent ones, as retries usually are, are measured beside them. New orders alone are
//! measured before and after: a machine that gets slower meanwhile does it to both.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::ensure;

use super::CONNECTIONS;
use crate::bench::Plan;
use crate::bench::figures::{Figure, Figures, Target};
use crate::bench::generator::{self, Run, Target as Load};
use crate::bench::requests::keys::Key;
use crate::bench::requests::{Orders, Requests};
use crate::bench::stage::{Memory, Stage};
use crate::bench::wire::Answer;
use crate::fleet::Service;

/// New orders of a run.
const NEW: u64 = 100_000;

/// A repeat follows so many new orders: 10,000 among 100,000.
const NEW_PER_REPEAT: u64 = 10;

/// Repeats that are recent are among the last so many orders.
const RECENT: usize = 10_000;

/// Which orders are sent again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Repeats {
    None,
    Any,
    Recent,
}

/// An order that can be sent again.
#[derive(Debug, Clone, Copy)]
struct Sent {
    key: Key,
    number: u64,
}

/// What can be sent again; all connections draw from it.
#[derive(Debug)]
struct Pool {
    acknowledged: Vec<Sent>,
    random: fastrand::Rng,
}

/// Orders of which some are repeats of others.
#[derive(Debug, Clone)]
struct Mixed {
    orders: Orders,
    repeats: Repeats,
    pool: Arc<Mutex<Pool>>,
    /// The order under way, if it is a new one.
    new: Option<u64>,
}

/// Places new orders, then new ones with repeats of any age and with recent ones, then new ones again.
pub async fn measure(plan: &Plan, figures: &mut Figures, memory: &mut Memory) -> anyhow::Result<()> {
    let stage = Stage::command_only().await?;
    let addr = stage.addr(Service::Command)?;
    let new = plan.count(NEW);
    let orders = Mixed::new(Orders::new(addr));
    place(&stage, orders.with(Repeats::None), new / 10).await?;
    let before = place(&stage, orders.with(Repeats::None), new).await?;
    let any = place(&stage, orders.with(Repeats::Any), new).await?;
    let recent = place(&stage, orders.with(Repeats::Recent), new).await?;
    let after = place(&stage, orders.with(Repeats::None), new).await?;
    let in_log = stage.orders().await?;
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
    stage.strike(memory).await
}

/// Places so many new orders, and the repeats among them.
async fn place(stage: &Stage, orders: Mixed, new: u64) -> anyhow::Result<Run> {
    let load = Load { addr: stage.addr(Service::Command)?, connections: CONNECTIONS };
    let count = if orders.repeats == Repeats::None { new } else { new + new / NEW_PER_REPEAT };
    let run = generator::on_own_thread(move || generator::closed_count(load, orders, count)).await?;
    ensure!(run.successes() == count, "{} of {count} orders were acknowledged; {}", run.successes(), run.complaints());
    Ok(run)
}

impl Pool {
    /// Each order is drawn once: the same repeat twice at the same time would be refused as one that is in flight.
    fn draw(&mut self, repeats: Repeats) -> Option<Sent> {
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

impl Requests for Mixed {
    fn nth(&mut self, number: u64) -> &[u8] {
        let is_repeat = number % (NEW_PER_REPEAT + 1) == NEW_PER_REPEAT;
        let repeat = if is_repeat { self.pool().draw(self.repeats) } else { None };
        self.new = if repeat.is_none() { Some(number) } else { None };
        match repeat {
            Some(Sent { key, number }) => self.orders.again(key, number),
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
    fn every_eleventh_request_is_one_that_was_acknowledged() {
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
