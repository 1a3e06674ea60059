//! `oversell_sold`, `oversell_told`: more buyers than units. Every unit is sold once, and every other buyer receives a rejection
//! that states the number of available units.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context, ensure};
use serde_json::json;
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::figures::{Figure, Figures, Target};
use crate::peak_memory::PeakMemory;
use crate::setup::Setup;
use e2e::api::{Answer, Api};

const SKU: &str = "LAST-UNITS";

/// Available units.
const STOCK: u32 = 50;

/// Number of concurrent buyers.
const BUYERS: usize = 64;

/// Total number of orders of one unit that the buyers try to place.
const TRIES: usize = 200;

/// Results of the orders.
#[derive(Debug, Default)]
struct Sale {
    sold: usize,
    /// Rejections that state the number of available units.
    rejected: usize,
    others: Vec<String>,
}

/// Lets all buyers place orders concurrently.
pub(super) async fn measure(figures: &mut Figures, memory: &mut PeakMemory) -> anyhow::Result<()> {
    let setup = Setup::command_only_empty().await?;
    let api = Api::of(&setup.fleet)?;
    api.create_product_with_stock(SKU, 450, STOCK).await?;
    let sale = sell(&api).await?;
    let in_log = setup.orders().await?;
    ensure!(in_log == sale.sold as u64, "{} orders were acknowledged, the log has {in_log}", sale.sold);
    let note = format!("{STOCK} units, {BUYERS} buyers, {TRIES} orders; {}", sale.others.join(", "));
    figures.add(
        Figure::new("oversell_sold", sale.sold as f64, "orders")
            .target(Target::Exactly(f64::from(STOCK)))
            .note(note.trim_end_matches("; ")),
    );
    let expected = (TRIES - STOCK as usize) as f64;
    figures.add(
        Figure::new("oversell_told", sale.rejected as f64, "buyers")
            .target(Target::Exactly(expected))
            .note("409 insufficient-stock with the number of available units"),
    );
    setup.tear_down(memory).await
}

async fn sell(api: &Api) -> anyhow::Result<Sale> {
    let next = Arc::new(AtomicUsize::new(0));
    let mut buyers = JoinSet::new();
    for _ in 0..BUYERS {
        buyers.spawn(buy(api.clone(), Arc::clone(&next)));
    }
    let mut sale = Sale::default();
    while let Some(bought) = buyers.join_next().await {
        for answer in bought.context("a buyer panicked")?? {
            sale.add(&answer);
        }
    }
    Ok(sale)
}

async fn buy(api: Api, next: Arc<AtomicUsize>) -> anyhow::Result<Vec<Answer>> {
    let order = json!({ "currency": "GBP", "lines": [{ "sku": SKU, "quantity": 1 }] });
    let mut answers = Vec::new();
    while next.fetch_add(1, Ordering::Relaxed) < TRIES {
        answers.push(api.command("/v1/orders", Uuid::now_v7(), &order).await?);
    }
    Ok(answers)
}

impl Sale {
    fn add(&mut self, answer: &Answer) {
        match answer.status {
            201 => self.sold += 1,
            409 if states_available_units(answer) => self.rejected += 1,
            status => self.others.push(format!("{status} {}", answer.problem())),
        }
    }
}

/// An order of one line with one unit is rejected only if no unit is available, and the rejection must state that.
fn states_available_units(answer: &Answer) -> bool {
    answer.problem() == "insufficient-stock"
        && answer.body["lines"]
            .as_array()
            .is_some_and(|lines| lines.len() == 1 && lines[0]["sku"] == SKU && lines[0]["available"] == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rejection(body: serde_json::Value) -> Answer {
        Answer { status: 409, body, ..Answer::default() }
    }

    #[test]
    fn only_a_rejection_that_states_the_available_units_counts() {
        let kind = "/problems/insufficient-stock";
        let mut sale = Sale::default();
        sale.add(&rejection(json!({ "type": kind, "lines": [{ "sku": SKU, "available": 0 }] })));
        sale.add(&rejection(json!({ "type": kind, "lines": [] })));
        sale.add(&rejection(json!({ "type": kind, "lines": [{ "sku": SKU, "available": 7 }] })));
        sale.add(&rejection(json!({ "type": "/problems/order-state" })));
        assert_eq!((sale.sold, sale.rejected, sale.others.len()), (0, 1, 3));
    }
}
