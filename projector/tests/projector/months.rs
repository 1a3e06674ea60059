//! Partitions by month: every month has every index of its table, and reads touch only the months that they need.

use std::collections::BTreeSet;

use projector::frame::ReadModel;
use projector::frame::rows::tables;
use projector::frame::schema::{MonthKey, TableSchema};
use projector::log_projector::LogProjector;
use projector::projections::{WithReadModel, with_read_model};
use projector::store::months::Months;
use projector::store::{connect, set_search_path};
use read_model::{Generation, Projection};

use crate::platform::{PARTITIONS, Platform, now};
use crate::samples::*;

const OCTOBER: &str = "2026-10-31T23:59:59.999Z";
const NOVEMBER: &str = "2026-11-01T00:00:00Z";

/// Places an order in each of two months and applies it.
async fn with_orders_in_two_months() -> Platform {
    let mut platform = Platform::new().await;
    for (number, placed_at) in [(1, OCTOBER), (2, NOVEMBER)] {
        let at = placed_at.parse().unwrap();
        let (id, stream) = order_at(at, number);
        platform.append_at(at, &stream, placed(id, u64::from(number))).await;
    }
    let projector = LogProjector::open(&platform.database(), PARTITIONS).await.unwrap();
    projector.apply_all(platform.head()).await.unwrap();
    platform
}

/// Creates two months of every table that has months.
async fn with_two_months() -> Platform {
    let platform = Platform::new().await;
    for (projection, tables) in all_tables() {
        let mut connection = connect(&platform.database()).await.unwrap();
        set_search_path(&mut connection, Generation::first(projection)).await.unwrap();
        let names: Vec<&str> = tables.iter().map(|table| table.name).collect();
        for month in [OCTOBER, NOVEMBER] {
            let months: Vec<_> = names.iter().map(|name| (*name, month.parse().unwrap())).collect();
            Months::of(tables.clone()).ensure(&mut connection, &months).await.unwrap();
        }
    }
    platform
}

/// The tables of all projections.
fn all_tables() -> Vec<(Projection, Vec<TableSchema>)> {
    struct Tables;
    impl WithReadModel for Tables {
        type Output = Vec<TableSchema>;

        fn call<M: ReadModel>(self) -> Vec<TableSchema> {
            tables::<M>()
        }
    }
    Projection::ALL.map(|projection| (projection, with_read_model(projection, Tables).unwrap())).into()
}

/// The tables with months, with the schema of their first generation.
fn tables_with_months() -> Vec<(String, TableSchema)> {
    let with_schema = |(projection, tables): (Projection, Vec<TableSchema>)| {
        let schema = Generation::first(projection).schema();
        tables.into_iter().filter(|table| table.partitioned_by.is_some()).map(move |table| (schema.clone(), table))
    };
    all_tables().into_iter().flat_map(with_schema).collect()
}

/// How the indexes of all tables and months differ from those that the projections declare.
async fn wrong_indexes(platform: &mut Platform) -> Vec<String> {
    let mut wrong = Vec::new();
    for (projection, tables) in all_tables() {
        let schema = Generation::first(projection).schema();
        for table in tables {
            let months = match table.partitioned_by {
                Some(_) => vec!["_2026_10", "_2026_11"],
                None => vec![""],
            };
            for month in months {
                let name = format!("{}{month}", table.name);
                let declared = table.indexes.iter().map(|index| format!("{}{month}", index.name));
                let declared: BTreeSet<String> = declared.chain([format!("{name}_pkey")]).collect();
                let found = platform.valid_indexes(&schema, &name).await;
                let differing: Vec<&String> = declared.symmetric_difference(&found).collect();
                if !differing.is_empty() {
                    wrong.push(format!("{schema}.{name}: {differing:?}"));
                }
            }
        }
    }
    wrong
}

#[tokio::test]
async fn every_month_of_every_projection_has_exactly_the_declared_indexes() {
    let mut platform = with_two_months().await;
    assert_eq!(tables_with_months().len(), 16);
    assert_eq!(wrong_indexes(&mut platform).await, Vec::<String>::new());
}

#[tokio::test]
async fn a_month_that_lacks_an_index_or_has_another_one_is_found() {
    let mut platform = with_two_months().await;
    platform
        .execute(
            "alter table orders_1.orders detach partition orders_1.orders_2026_10;
             drop index orders_1.orders_status_2026_10;
             create index stock_ledger_order on stock_1.stock_ledger_2026_11 (order_id);",
        )
        .await;
    assert_eq!(
        wrong_indexes(&mut platform).await,
        [
            r#"orders_1.orders_2026_10: ["orders_status_2026_10"]"#,
            r#"stock_1.stock_ledger_2026_11: ["stock_ledger_order"]"#
        ]
    );
}

#[tokio::test]
async fn rows_are_in_the_month_of_their_key() {
    let mut platform = with_orders_in_two_months().await;
    for (table, rows) in [("orders", 1), ("order_timeline", 1), ("sales_days", 2), ("sales_channel_days", 1)] {
        for month in ["2026_10", "2026_11"] {
            assert_eq!(platform.count(&format!("{table}_{month}")).await, rows, "{table} {month}");
        }
    }
}

/// The condition of a point read in November, and that of November.
async fn conditions(platform: &mut Platform, schema: &str, table: &TableSchema) -> (String, String) {
    let key = platform.first_column(schema, table.name).await;
    match table.partitioned_by.unwrap() {
        MonthKey::Id => (
            format!("{key} = uuid_at('2026-11-07T12:00:00Z')"),
            format!("{key} >= uuid_at('2026-11-01Z') and {key} < uuid_at('2026-12-01Z')"),
        ),
        MonthKey::Instant => {
            (format!("{key} = '2026-11-07T12:00:00Z'"), format!("{key} >= '2026-11-01Z' and {key} < '2026-12-01Z'"))
        }
    }
}

#[tokio::test]
async fn a_point_read_and_a_read_of_a_month_touch_one_partition_of_every_table() {
    let mut platform = with_two_months().await;
    for (schema, table) in tables_with_months() {
        let (point, month) = conditions(&mut platform, &schema, &table).await;
        for condition in [point, month] {
            let plan = platform.explain(&format!("select * from public.{} where {condition}", table.name)).await;
            let touched = |month: &str| plan.contains(&format!("{}_{month}", table.name));
            assert!(touched("2026_11") && !touched("2026_10"), "{} {condition}:\n{plan}", table.name);
        }
    }
}

/// The condition of the query that an index is declared for.
fn condition_of(index: &str) -> &'static str {
    match index {
        "orders_status" => "status = 312",
        "orders_channel_status" => "channel = 'web' and status = 312",
        "orders_updated" => "updated_at >= '2026-11-01Z'",
        "order_search_code" => "code = 'SON000001'",
        "order_search_channel" => "channel = 'web'",
        "order_search_customer" => "customer_id = uuid_at('2026-11-01Z')",
        "order_search_external_ref" => "external_ref = 'A'",
        "order_search_total" => "total >= 100",
        "order_search_due" => "due > 100",
        "order_search_payment_due" => "payment_due < '2026-11-01Z'",
        "order_search_skus" => "skus @> array['MUG']",
        "order_search_tags" => "tags <> '{}' and tags @> array['gift']",
        "order_search_text" => "search_text like '%mug%'",
        "stock_ledger_item" => "sku = 'MUG' and location = 'main'",
        "product_prices_item" => "sku = 'MUG' and currency = 'GBP'",
        other => panic!("write down the condition of the query that needs index {other}"),
    }
}

#[tokio::test]
async fn the_query_of_every_index_uses_it_and_touches_one_partition_for_a_month() {
    let mut platform = with_two_months().await;
    platform.execute("set enable_seqscan = off").await;
    for (schema, table) in tables_with_months() {
        let (_, month) = conditions(&mut platform, &schema, &table).await;
        for index in table.indexes {
            let condition = condition_of(index.name);
            let of_november = format!("select * from {schema}.{}_2026_11 where {condition}", table.name);
            let plan = platform.explain(&of_november).await;
            assert!(plan.contains(&format!("{}_2026_11", index.name)), "{}:\n{plan}", index.query);
            let plan =
                platform.explain(&format!("select * from public.{} where {condition} and {month}", table.name)).await;
            let touched = |month: &str| plan.contains(&format!("{}_{month}", table.name));
            assert!(touched("2026_11") && !touched("2026_10"), "{}:\n{plan}", index.query);
        }
    }
}

/// Events whose instants have no month, and the stream that each parks.
#[tokio::test]
async fn an_event_without_a_month_parks_its_stream_and_creates_no_table() {
    let mut platform = Platform::new().await;
    platform.record_all_partitions().await;
    let instants = ["1999-12-31T23:59:59Z", "0001-01-01T00:00:00Z", "2100-01-01T00:00:00Z", "2009-12-01T08:26:00Z"];
    for (number, instant) in instants.into_iter().enumerate() {
        let at = instant.parse().unwrap();
        let event = platform.append_at(at, &stock_stream(&format!("MUG-{number}")), received(1)).await;
        platform.send(&event).await;
    }
    let (id, stream) = order_at("2100-01-01T00:00:00Z".parse().unwrap(), 9);
    platform.publish(&stream, placed(id, 9)).await;
    // Without the first event, as after a skip: the state is looked for in its month.
    platform.publish(&stream, captured(1500)).await;
    let projector = LogProjector::open(&platform.database(), PARTITIONS).await.unwrap();
    projector.apply_all(platform.head()).await.unwrap();

    let parked =
        "select count(*) from parked_streams where projection = 'stock' and reason like '%no month is created for it'";
    assert_eq!(platform.number(parked).await, 3);
    assert_eq!(platform.number("select count(*) from stock").await, 1);
    assert_eq!(platform.count("stock_ledger_2009_12").await, 1, "an import of old orders");
    let parked = "select count(*) from parked_streams where stream_id like 'order-%'";
    let order_projections = Projection::list_of(events::Category::Order).count() as i64;
    assert_eq!(platform.number(parked).await, order_projections);
    let current = now().format("%Y_%m").to_string();
    let months: BTreeSet<String> = platform.months().await.into_iter().filter(|it| *it != current).collect();
    assert_eq!(months, ["2009_12".to_owned()].into());
}

#[tokio::test]
async fn a_projection_without_months_applies_an_event_of_any_instant() {
    let mut platform = Platform::new().await;
    let at = "1999-12-31T23:59:59Z".parse().unwrap();
    platform.append_at(at, &stock_stream("MUG"), received(7)).await;
    let (id, _) = order_at(now(), 1);
    platform.append_at(at, &stock_stream("MUG"), reserved(id, 2)).await;
    let projector = LogProjector::open(&platform.database(), PARTITIONS).await.unwrap();
    projector.apply_all(platform.head()).await.unwrap();
    let parked = "select string_agg(distinct projection, ' ' order by projection) from parked_streams";
    assert_eq!(platform.text(parked).await, "stock stock_movements");
    assert_eq!(platform.number("select units::bigint from stock_reservations").await, 2);
}

#[tokio::test]
async fn a_rebuild_and_a_verification_park_what_a_worker_parks() {
    let mut platform = Platform::new().await;
    platform.record_all_partitions().await;
    for (name, at) in [("OLD", "1999-12-31T23:59:59Z"), ("NEW", "2026-11-01T00:00:00Z")] {
        let event = platform.append_at(at.parse().unwrap(), &stock_stream(name), received(1)).await;
        platform.send(&event).await;
    }
    let projector = LogProjector::open(&platform.database(), PARTITIONS).await.unwrap();
    projector.apply_all(platform.head()).await.unwrap();
    crate::operations::rebuild(&platform, Projection::STOCK).await.unwrap();
    let parked = "select count(*) from parked_streams where projection = 'stock' and stream_id = 'stock-OLD@main'";
    assert_eq!(platform.number(parked).await, 2);
    for generation in [1, 2] {
        let report = crate::operations::verify(&platform, Projection::STOCK, Some(generation)).await;
        assert!(report.is_equal(), "{:?}", report.differences);
    }
}
