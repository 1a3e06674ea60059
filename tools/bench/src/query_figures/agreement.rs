//! `report_differences`: rows of sales reports that differ from SQL over the log, as it is and as of an earlier position.

use std::collections::BTreeSet;

use anyhow::Context;
use e2e::fleet::Service;
use e2e::log;
use serde_json::Value;

use super::lists::read;
use super::shop::Shop;
use crate::connection::HttpConnection;
use crate::figures::{Figure, Figures, Target};
use crate::settings::Settings;

/// How far back the earlier position lies.
const LATER_EVENTS: i64 = 50_000;

pub(super) async fn measure(settings: &Settings, shop: &Shop, figures: &mut Figures) -> anyhow::Result<()> {
    if !settings.wants(&["report_differences"]) {
        return Ok(());
    }
    let head = log::head(&log::connect(&shop.bed.admin_url()?).await?).await?.0;
    let service = shop.serve(&[]).await?;
    let addr = service.addr(Service::Query)?;
    let mut connection = HttpConnection::connect(addr).await.context("connecting to the query service")?;
    let (from, to) = &shop.year;
    let (mut rows, mut differences) = (0, Vec::new());
    for position in [head, head - LATER_EVENTS] {
        let path = format!("/v1/reports/sales?from={from}&to={to}&group_by=day,channel&as_of={position}");
        let (_, body) = read(&mut connection, addr, &path).await?;
        let report: Value = serde_json::from_slice(&body).context("parsing a report")?;
        let shown = report["rows"].as_array().context("a report without rows")?.iter().filter_map(line).collect();
        let expected: BTreeSet<String> = shop.daily_sales(position).await?.into_iter().collect();
        rows += expected.len();
        differences.extend(expected.symmetric_difference(&shown).cloned());
    }
    shop.stop(service).await?;
    let first = differences.first().map(|first| format!("; one of them: {first}"));
    let note = format!("of {rows} rows, now and {LATER_EVENTS} events earlier{}", first.unwrap_or_default());
    let figure = Figure::new("report_differences", differences.len() as f64, "rows");
    figures.add(figure.target(Target::Exactly(0.0)).note(note));
    Ok(())
}

/// A row as the SQL returns it; `None` if it has none of its sums.
fn line(row: &Value) -> Option<String> {
    let sums = ["orders", "units_ordered", "units_cancelled", "refunded"].map(|column| row[column].as_i64());
    if sums.iter().all(|sum| *sum == Some(0)) {
        return None;
    }
    let text = |column: &str| row[column].as_str().unwrap_or_default().to_owned();
    let day: String = text("period").chars().take(10).collect();
    let sums = sums.map(|sum| sum.unwrap_or_default().to_string()).join(" ");
    Some(format!("{day} {} {} {sums}", text("channel"), text("currency")))
}
