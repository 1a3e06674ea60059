//! `list_uncached_per_s`, `list_120_months_per_s`: a page that no cache serves, with the months of the log and with 120 months.

use super::documents::{NO_PROCESS_CACHE, closed, rate};
use super::lists::{PAGE, READERS};
use super::shop::Shop;
use crate::figures::{Figures, Target};
use crate::settings::Settings;

/// Ten years.
const MONTHS: i64 = 120;

pub(super) async fn measure(settings: &Settings, shop: &Shop, figures: &mut Figures) -> anyhow::Result<()> {
    if !settings.wants(&["list_uncached_per_s", "list_120_months_per_s"]) {
        return Ok(());
    }
    let page = [PAGE.to_owned()];
    let length = settings.length(10);
    for (key, months) in [("list_uncached_per_s", shop.months), ("list_120_months_per_s", MONTHS)] {
        shop.extend_to_months(months).await?;
        let service = shop.serve(&[NO_PROCESS_CACHE]).await?;
        let run = closed(&service, &page, READERS, length).await?;
        shop.stop(service).await?;
        figures.add(rate(key, &run).limit(figures.value("pgbench_list_per_s"), "pgbench"));
    }
    let ratio = ("list_120_months_per_s", "list_uncached_per_s");
    figures.add_ratio("list_120_months_ratio", ratio, Target::AtLeast(0.9));
    Ok(())
}
