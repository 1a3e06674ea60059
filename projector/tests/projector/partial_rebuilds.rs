//! Rebuilds of some streams: the rows of all other streams are copied from the live generation.

use chrono::{DateTime, Utc};
use events::Position;
use projector::operate::{Done, Operation, operate};
use projector::rebuild;
use projector::rebuild::Plan;
use projector::rebuild::selection::Selection;
use projector::skip::{Skip, skip};
use read_model::Projection;

use crate::operations::*;
use crate::platform::{Platform, now};
use crate::samples::*;

fn since(platform: &Platform, position: i64) -> rebuild::Options {
    rebuild::Options { selection: Selection::Since(Position(position)), ..rebuild_options(platform) }
}

fn months(platform: &Platform, months: &[&str]) -> rebuild::Options {
    let months = months.iter().map(|month| month.parse().unwrap()).collect();
    rebuild::Options { selection: Selection::Months(months), ..rebuild_options(platform) }
}

async fn plan(projection: Projection, options: rebuild::Options) -> anyhow::Result<Plan> {
    match operate(projection.name(), Operation::Plan(options)).await? {
        Done::Planned(plan) => Ok(plan),
        other => panic!("{other:?}"),
    }
}

async fn refusal(projection: Projection, options: rebuild::Options) -> String {
    format!("{:#}", rebuild_with(projection, options).await.unwrap_err())
}

/// Position of the first event of an order of [`with_history`].
async fn placed_position(platform: &mut Platform, code: &str) -> i64 {
    let first = format!(
        "select min(position)::text from events
         where stream_id = (select 'order-' || id from orders_1.orders where code = '{code}')"
    );
    platform.texts(&first).await[0].parse().unwrap()
}

/// The differences that the verification of generation 2 finds.
async fn differences(platform: &Platform, projection: Projection) -> Vec<String> {
    verify(platform, projection, Some(2)).await.differences.iter().map(ToString::to_string).collect()
}

#[tokio::test]
async fn streams_with_later_events_are_folded_and_the_rows_of_all_others_are_copied() {
    let mut platform = with_history().await;
    platform.execute("update orders set total = 1 where code in ('SON000002', 'SON000008')").await;
    let position = placed_position(&mut platform, "SON000008").await;

    let planned = plan(Projection::ORDERS, since(&platform, position)).await.unwrap();
    let copies = planned.copies.clone().unwrap();
    assert_eq!((planned.streams, copies.from.number, copies.rows, planned.continues), (Some(4), 1, 16, false));
    let head = platform.head();
    let expected = format!(
        "would create orders generation 2: fold 4 streams, the streams with an event at or after position {position}, in \
         {} segments of the log up to position {head}; copy the 16 rows of other streams from orders generation 1 in {} parts",
        planned.segments, copies.parts
    );
    assert_eq!(planned.to_string(), expected);
    let generations = "select count(*) from projection_generations where projection = 'orders'";
    assert_eq!(platform.number(generations).await, 1, "a plan changes nothing");

    rebuild_with(Projection::ORDERS, since(&platform, position)).await.unwrap();
    let wrong = differences(&platform, Projection::ORDERS).await;
    assert_eq!(wrong.len(), 1, "the folded row is right: {wrong:#?}");
    let id = platform.texts("select id::text from orders where code = 'SON000002'").await;
    assert_eq!(wrong[0], format!("orders id={}: total is 1, should be 1500", id[0]), "the copied row is still wrong");
    assert_eq!(platform.texts("select 1::text from pg_class where relname = 'folded_streams'").await.len(), 0);
    let refused = promote(&platform, Projection::ORDERS).await.unwrap_err().to_string();
    assert!(refused.starts_with("orders generation 2 has 1 rows that differ from the log"), "{refused}");
}

#[tokio::test]
async fn every_projection_of_single_streams_can_be_rebuilt_from_a_position() {
    let mut platform = with_history().await;
    let position = placed_position(&mut platform, "SON000006").await;
    for projection in Projection::ALL {
        let name = projection.name();
        match rebuild_with(projection, since(&platform, position)).await {
            Ok(_) => {}
            Err(error) => {
                let error = error.to_string();
                let expected = match name {
                    "sales" | "order_statistics" | "stock_movements" | "stock_reservations" => {
                        "contain events of several streams"
                    }
                    "customers" | "stock_holds" => "there is nothing to fold",
                    _ => panic!("{name}: {error}"),
                };
                assert!(error.contains(expected), "{name}: {error}");
                continue;
            }
        }
        assert_eq!(differences(&platform, projection).await, [""; 0], "{name}");
        for table in platform.texts(&format!("select relname::text from pg_class where relnamespace = '{name}_2'::regnamespace and relkind in ('r', 'p')")).await {
            assert_eq!(
                platform.indexes(&format!("{name}_1.{table}")).await,
                platform.indexes(&format!("{name}_2.{table}")).await
            );
        }
        promote(&platform, projection).await.unwrap();
    }
    assert_eq!(platform.number("select count(*) from public.orders").await, 12);
    assert_eq!(platform.number("select count(*) from public.stock_ledger").await, 24);
}

/// A log with orders of three months, four each; every order of October has a wrong row, and one of November.
async fn with_months() -> Platform {
    let mut platform = Platform::new().await;
    platform.record_all_partitions().await;
    for (month, date) in ["2026-09-10T10:00:00Z", "2026-10-10T10:00:00Z", "2026-11-10T10:00:00Z"].iter().enumerate() {
        for number in 0..4 {
            let number = month as u8 * 4 + number;
            let placed_at: DateTime<Utc> = date.parse().unwrap();
            let (id, stream) = order_at(placed_at, number);
            let event = platform.append_at(placed_at, &stream, placed(id, u64::from(number))).await;
            platform.send(&event).await;
            platform.publish(&stream, captured(1500)).await;
        }
    }
    apply_all(&platform).await;
    platform
        .execute("update orders_2026_10 set total = 1; update orders_2026_11 set total = 2 where code = 'SON000011'")
        .await;
    platform
}

#[tokio::test]
async fn the_streams_of_months_are_folded_and_other_months_are_copied() {
    let mut platform = with_months().await;
    let planned = plan(Projection::ORDERS, months(&platform, &["2026-10", "2026-09"])).await.unwrap();
    let copies = planned.copies.clone().unwrap();
    assert_eq!((planned.streams, copies.rows), (Some(8), 8));
    assert!(planned.to_string().contains("fold 8 streams, the streams of 2026-09, 2026-10, in"), "{planned}");
    rebuild_with(Projection::ORDERS, months(&platform, &["2026-10", "2026-09"])).await.unwrap();
    let wrong = differences(&platform, Projection::ORDERS).await;
    assert_eq!(wrong.len(), 1, "{wrong:#?}");
    assert!(wrong[0].ends_with("total is 2, should be 1500"), "{wrong:#?}");
    let rows = "select count(*) from orders_2.orders_2026_10 where total = 1500";
    assert_eq!(platform.number(rows).await, 4);
    rebuild_with(Projection::ORDER_TIMELINE, months(&platform, &["2026-11"])).await.unwrap();
    assert_eq!(differences(&platform, Projection::ORDER_TIMELINE).await, [""; 0]);
}

#[tokio::test]
async fn a_large_month_is_copied_day_by_day() {
    let mut platform = with_months().await;
    platform.execute("update orders set total = 1500; analyze orders_2026_09, orders_2026_10").await;
    let options = rebuild::Options { segment_events: 3, ..months(&platform, &["2026-11"]) };
    rebuild_with(Projection::ORDERS, options).await.unwrap();
    let days = "select count(*) from projection_rebuild_segments where step->'copy'->>'day' is not null";
    assert_eq!(platform.number(days).await, 61);
    assert_eq!(platform.number("select sum(rows)::bigint from projection_rebuild_segments").await, 16);
    assert_eq!(differences(&platform, Projection::ORDERS).await, [""; 0]);
}

#[tokio::test]
async fn events_that_are_applied_while_rows_are_copied_are_neither_lost_nor_applied_twice() {
    for projection in [Projection::ORDERS, Projection::ORDER_TIMELINE, Projection::STOCK, Projection::PRODUCTS] {
        let mut platform = with_history().await;
        platform.publish(&stock_stream("CUP"), received(1)).await;
        platform.publish(&product_stream("CUP"), created("CUP", "Cup", 450)).await;
        let position = platform.head().0;
        let (id, order) = order_at(now(), 200);
        platform.publish(&stock_stream("TEA"), received(1)).await;
        platform.publish(&product_stream("TEA"), created("TEA", "Tea", 450)).await;
        platform.publish(&order, placed(id, 200)).await;
        apply_all(&platform).await;
        // One copied table, or a part of it, is committed before further events of the same streams arrive.
        kill_after_first_step(projection, since(&platform, position)).await;
        let copied =
            platform.texts("select order_1.id::text from orders_1.orders order_1 where code = 'SON000001'").await;
        let copied: events::StreamId = format!("order-{}", copied[0]).parse().unwrap();
        let (new_id, new) = order_at(now(), 201);
        platform.publish(&copied, tagged(&["late"], &[])).await;
        platform.publish(&order, captured(1500)).await;
        platform.publish(&new, placed(new_id, 201)).await;
        for name in ["MUG", "CUP", "TEA", "NEW"] {
            platform.publish(&stock_stream(name), received(3)).await;
        }
        for name in ["MUG-1", "CUP", "TEA"] {
            platform.publish(&product_stream(name), price_changed(500)).await;
        }
        apply_all(&platform).await;
        continue_rebuild(projection, since(&platform, position)).await.unwrap();
        assert_eq!(differences(&platform, projection).await, [""; 0], "{}", projection.name());
        assert!(verify(&platform, projection, Some(1)).await.is_equal());
    }
}

#[tokio::test]
async fn parked_streams_are_copied_unless_they_are_folded() {
    let mut platform = with_history().await;
    for name in ["OLD", "NEW"] {
        platform.publish(&stock_stream(name), received(1)).await;
        platform.publish_unreadable(&stock_stream(name)).await;
        platform.publish(&stock_stream(name), received(2)).await;
    }
    let position = platform.head().0;
    platform.publish(&stock_stream("OLD-TOO"), received(1)).await;
    apply_all(&platform).await;
    let parked = |generation: i32| {
        format!(
            "select stream_id || ' ' || position || ' ' || partition || ' ' || reason from parked_streams where projection = 'stock' and generation = {generation} order by 1"
        )
    };
    let before = platform.texts(&parked(1)).await;
    assert_eq!(before.len(), 2);
    rebuild_with(Projection::STOCK, since(&platform, position)).await.unwrap();
    assert_eq!(platform.texts(&parked(2)).await, before);
    assert_eq!(differences(&platform, Projection::STOCK).await, [""; 0]);
}

#[tokio::test]
async fn an_event_that_is_skipped_after_the_plan_is_skipped_in_the_copied_rows() {
    let mut platform = with_history().await;
    let bad = stock_stream("BAD");
    platform.publish(&bad, received(1)).await;
    platform.publish_unreadable(&bad).await;
    platform.publish(&bad, received(100)).await;
    let position = platform.head().0 + 1;
    platform.publish(&stock_stream("NEW"), received(1)).await;
    apply_all(&platform).await;
    // The rebuild is killed after it has copied the levels of stock, and before it copies the movements.
    kill_after_first_step(Projection::STOCK, since(&platform, position)).await;
    let request = Skip { stream: &bad, projection: None, position: None, by: "mara", reason: "a test" };
    skip(&platform.database(), request, &mut |_, _| ()).await.unwrap();
    continue_rebuild(Projection::STOCK, since(&platform, position)).await.unwrap();
    apply_all(&platform).await;
    assert_eq!(differences(&platform, Projection::STOCK).await, [""; 0]);
    assert_eq!(platform.number("select on_hand from stock_2.stock where sku = 'BAD'").await, 101);
    let report = verify(&platform, Projection::STOCK, Some(2)).await;
    assert_eq!((report.differences_total, report.events_skipped), (0, 1));
}

#[tokio::test]
async fn a_rebuild_of_some_streams_is_refused_where_rows_cannot_be_copied() {
    let mut platform = with_history().await;
    let head = platform.head().0;
    let sales = refusal(Projection::SALES, since(&platform, 5)).await;
    let expected = "rows of sales_quarter_hours contain events of several streams, so they cannot be copied for some \
                    streams: rebuild sales completely";
    assert_eq!(sales, expected);
    let stock = refusal(Projection::STOCK, months(&platform, &["2026-10"])).await;
    let expected = "the ids of the streams of stock contain no time, so they have no month: rebuild stock completely, or \
                    from a position";
    assert_eq!(stock, expected);
    let beyond = refusal(Projection::ORDERS, since(&platform, head + 1)).await;
    assert_eq!(
        beyond,
        format!("the log ends at position {head}: no stream has an event at or after position {}", head + 1)
    );
    let empty = refusal(Projection::ORDERS, months(&platform, &["2001-01"])).await;
    assert_eq!(empty, "there is nothing to fold: the log contains no event of the streams of 2001-01");
    platform.execute("alter table orders_1.orders drop column owed cascade, add column margin bigint").await;
    let columns = refusal(Projection::ORDERS, since(&platform, 5)).await;
    let expected = "orders generation 1 has other columns in orders than this build (margin, owed), so its rows cannot be \
                    copied: rebuild orders completely";
    assert_eq!(columns, expected);
    let generations = "select count(*) from projection_generations where generation > 1";
    assert_eq!(platform.number(generations).await, 0, "a refusal changes nothing");
}

#[tokio::test]
async fn an_interrupted_rebuild_continues_only_as_it_was_begun() {
    let platform = with_history().await;
    kill_after_first_step(Projection::STOCK, since(&platform, 20)).await;
    let other = continue_rebuild(Projection::STOCK, since(&platform, 21)).await.unwrap_err().to_string();
    let expected = "stock generation 2 was begun as a rebuild of the streams with an event at or after position 20: \
                    continue it without options, or retire it first";
    assert_eq!(other, expected);
    let copied = retire(&platform, Projection::STOCK, 1).await.unwrap_err().to_string();
    assert_eq!(copied, "stock generation 1 is live: promote another generation first");
    let planned = plan(Projection::STOCK, rebuild_options(&platform)).await.unwrap().to_string();
    assert!(
        planned.starts_with(
            "would continue stock generation 2, a rebuild of the streams with an event at or after position 20: "
        ),
        "{planned}"
    );
    continue_rebuild(Projection::STOCK, rebuild_options(&platform)).await.unwrap();
    assert_eq!(differences(&platform, Projection::STOCK).await, [""; 0]);
}

#[tokio::test]
async fn a_generation_whose_rows_are_copied_cannot_be_removed() {
    let platform = with_history().await;
    rebuild(&platform, Projection::STOCK).await.unwrap();
    verify(&platform, Projection::STOCK, None).await;
    promote(&platform, Projection::STOCK).await.unwrap();
    kill_after_first_step(Projection::STOCK, since(&platform, 20)).await;
    rollback(&platform, Projection::STOCK).await.unwrap();
    let refused = retire(&platform, Projection::STOCK, 2).await.unwrap_err().to_string();
    assert_eq!(refused, "stock generation 2 is copied by the rebuild of generation 3: finish or retire that one first");
}
