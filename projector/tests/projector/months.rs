//! Partitions by month: every month has every index of its table, and reads touch only the months that they need.

use events::Position;
use projector::log_projector::LogProjector;

use crate::platform::{PARTITIONS, Platform};
use crate::samples::*;

/// Indexes of partitioned tables that a month lacks.
const LACKING: &str = "
    select count(*)
    from pg_index i
    join pg_class parent on parent.oid = i.indrelid and parent.relkind = 'p'
    join pg_inherits month on month.inhparent = parent.oid
    where not exists (
        select from pg_index m join pg_inherits attached on attached.inhrelid = m.indexrelid
        where m.indrelid = month.inhrelid and attached.inhparent = i.indexrelid and m.indisvalid)";

/// Places an order in each of two months and applies it.
async fn with_two_months() -> Platform {
    let mut platform = Platform::new().await;
    for (number, placed_at) in [(1, "2026-10-31T23:59:59.999Z"), (2, "2026-11-01T00:00:00Z")] {
        let at = placed_at.parse().unwrap();
        let (id, stream) = order_at(at, number);
        platform.append_at(at, &stream, placed(id, u64::from(number))).await;
    }
    let projector = LogProjector::open(&platform.database(), PARTITIONS).await.unwrap();
    projector.apply_all(Position(2)).await.unwrap();
    platform
}

#[tokio::test]
async fn every_month_has_every_index_of_its_table() {
    let mut platform = with_two_months().await;
    assert_eq!(platform.number(LACKING).await, 0);
    let months = "select count(*) from pg_inherits i join pg_class c on c.oid = i.inhrelid where c.relname like 'orders_2026_1%' and c.relkind = 'r'";
    assert_eq!(platform.number(months).await, 2);
}

#[tokio::test]
async fn rows_are_in_the_month_of_their_key() {
    let mut platform = with_two_months().await;
    for (table, rows) in [("orders", 1), ("order_timeline", 1), ("sales_days", 2), ("sales_quarter_hours", 2)] {
        for month in ["2026_10", "2026_11"] {
            assert_eq!(platform.count(&format!("{table}_{month}")).await, rows, "{table} {month}");
        }
    }
}

#[tokio::test]
async fn a_point_read_and_a_read_of_a_month_touch_one_partition() {
    let mut platform = with_two_months().await;
    let (id, _) = order_at("2026-11-01T00:00:00Z".parse().unwrap(), 2);
    let id = id.uuid();
    for read in [
        format!("select document from public.orders where id = '{id}'"),
        "select id from public.orders where id >= uuid_at('2026-11-01Z') and id < uuid_at('2026-12-01Z')".to_owned(),
        format!("select text from public.order_timeline where order_id = '{id}' order by version"),
        "select net from public.sales_days where starts_at >= '2026-11-01Z' and starts_at < '2026-12-01Z'".to_owned(),
    ] {
        let plan = platform.explain(&read).await;
        assert!(plan.contains("_2026_11") && !plan.contains("_2026_10"), "{read}:\n{plan}");
    }
}
