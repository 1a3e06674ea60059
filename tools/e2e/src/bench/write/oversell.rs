//! `oversell_sold`: more buyers than pieces. Each piece is sold once, and whoever gets none is told how many are left.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context, ensure};
use serde_json::json;
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::api::{Answer, Api};
use crate::bench::figures::{Figure, Figures, Target};
use crate::bench::stage::{Memory, Stage};

const SKU: &str = "LAST-PIECES";

/// Pieces that there are.
const STOCK: u32 = 50;

/// Buyers at the same time.
const BUYERS: usize = 64;

/// Orders of one piece that they try to place, all together.
const TRIES: usize = 200;

/// How the tries ended.
#[derive(Debug, Default)]
struct Sale {
    sold: usize,
    /// Those who were refused and told how many pieces are left.
    told: usize,
    others: Vec<String>,
}

/// Lets the buyers loose.
pub async fn measure(figures: &mut Figures, memory: &mut Memory) -> anyhow::Result<()> {
    let stage = Stage::command_only_empty().await?;
    let api = Api::of(&stage.fleet)?;
    api.offer(SKU, 450, STOCK).await?;
    let sale = sell(&api).await?;
    let in_log = stage.orders().await?;
    ensure!(in_log == sale.sold as u64, "{} orders were acknowledged, the log has {in_log}", sale.sold);
    let note = format!("{STOCK} pieces, {BUYERS} buyers, {TRIES} tries; {}", sale.others.join(", "));
    figures.add(
        Figure::new("oversell_sold", sale.sold as f64, "orders")
            .target(Target::Exactly(f64::from(STOCK)))
            .note(note.trim_end_matches("; ")),
    );
    let refused = (TRIES - STOCK as usize) as f64;
    figures.add(
        Figure::new("oversell_told", sale.told as f64, "buyers")
            .target(Target::Exactly(refused))
            .note("409 insufficient-stock with how many are left"),
    );
    stage.strike(memory).await
}

async fn sell(api: &Api) -> anyhow::Result<Sale> {
    let next = Arc::new(AtomicUsize::new(0));
    let mut buyers = JoinSet::new();
    for _ in 0..BUYERS {
        buyers.spawn(buy(api.clone(), Arc::clone(&next)));
    }
    let mut sale = Sale::default();
    while let Some(bought) = buyers.join_next().await {
        for answer in bought.context("a buyer died")?? {
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
            409 if says_what_is_left(answer) => self.told += 1,
            status => self.others.push(format!("{status} {}", answer.problem())),
        }
    }
}

/// One line, one piece: refused only if none is left, and then it has to say just that.
fn says_what_is_left(answer: &Answer) -> bool {
    answer.problem() == "insufficient-stock"
        && answer.body["lines"]
            .as_array()
            .is_some_and(|lines| lines.len() == 1 && lines[0]["sku"] == SKU && lines[0]["available"] == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(body: serde_json::Value) -> Answer {
        let content_type = "application/problem+json".to_owned();
        Answer { status: 409, token: None, contains: None, is_replayed: false, content_type, retry_after: None, body }
    }

    #[test]
    fn who_is_not_told_what_is_left_does_not_count_as_told() {
        let kind = "/problems/insufficient-stock";
        let mut sale = Sale::default();
        sale.add(&refused(json!({ "type": kind, "lines": [{ "sku": SKU, "available": 0 }] })));
        sale.add(&refused(json!({ "type": kind, "lines": [] })));
        sale.add(&refused(json!({ "type": kind, "lines": [{ "sku": SKU, "available": 7 }] })));
        sale.add(&refused(json!({ "type": "/problems/order-state" })));
        assert_eq!((sale.sold, sale.told, sale.others.len()), (0, 1, 3));
    }
}
