//! Bad events and failing servers during rebuilds and verifications.

use std::sync::Arc;

use ::platform::config::Secret;
use projector::operate::{Done, Operation, operate};
use projector::promote::Check;
use projector::rebuild;
use projector::rebuild::progress::Progress;
use projector::verify;
use read_model::Projection;
use sqlx::{Connection, PgConnection};
use testbed::proxy::Proxy;

use crate::operations::*;
use crate::platform::{Platform, now};
use crate::samples::*;

/// The parked streams of a generation.
async fn parked(platform: &mut Platform, projection: Projection, generation: i32) -> Vec<String> {
    let list = format!(
        "select stream_id || ' ' || position || ' ' || partition || ': ' || reason from parked_streams
         where projection = '{}' and generation = {generation} order by 1",
        projection.name()
    );
    platform.texts(&list).await
}

/// Checks that a rebuild parks what a worker has parked, and that both generations have the same rows.
async fn ensure_same_as_worker(platform: &mut Platform, projection: Projection, tables: &[&str]) -> Vec<String> {
    let name = projection.name();
    rebuild(platform, projection).await.unwrap();
    for generation in [1, 2] {
        let report = verify(platform, projection, Some(generation)).await;
        assert!(report.is_equal(), "{name} generation {generation}: {:#?}", report.differences);
    }
    for table in tables {
        let (first, second) = (format!("{name}_1.{table}"), format!("{name}_2.{table}"));
        assert_eq!(platform.differing_rows(&first, &second).await, 0, "{first} and {second}");
    }
    let parked_by_worker = parked(platform, projection, 1).await;
    assert_eq!(parked(platform, projection, 2).await, parked_by_worker);
    parked_by_worker
}

#[tokio::test]
async fn a_rebuild_parks_bad_events_like_a_worker() {
    let mut platform = with_history().await;
    let order = |number| order_at(now(), number);
    let (unknown_type, unknown_version, no_payload) = (order(50), order(51), order(52));
    for (id, stream) in [&unknown_type, &unknown_version, &no_payload] {
        platform.publish(stream, placed(*id, 50)).await;
    }
    let mut bad = Vec::new();
    bad.push(platform.append_raw(now(), &unknown_type.1, "OrderImagined", "{}").await);
    bad.push(platform.append_of_schema(&unknown_version.1, "OrderCancelled", 99, "{}").await);
    bad.push(platform.append_raw(now(), &no_payload.1, "PaymentCaptured", "{\"amount\":\"much\"}").await);
    // An order that does not begin with its placement, and an order with a missing event.
    bad.push(platform.append(&order(53).1, captured(5)).await);
    let missing = order(54);
    bad.push(platform.append(&missing.1, placed(missing.0, 54)).await);
    bad.push(platform.append(&missing.1, tagged(&["lost"], &[])).await);
    bad.push(platform.append(&missing.1, captured(5)).await);
    for event in &bad {
        platform.send(event).await;
    }
    for (_, stream) in [&unknown_type, &unknown_version, &no_payload] {
        platform.publish(stream, captured(1500)).await;
    }
    platform
        .execute(
            "alter table events disable trigger events_append_only;
             delete from events where event_type = 'OrderTagged';
             alter table events enable trigger events_append_only;",
        )
        .await;
    apply_all(&platform).await;
    let parked = ensure_same_as_worker(&mut platform, Projection::ORDERS, &["orders"]).await;
    assert_eq!(parked.len(), 5, "{parked:#?}");
    for reason in [
        "event type `OrderImagined` is unknown",
        "99",
        "the payload of `PaymentCaptured`",
        "cannot be the first",
        "follow",
    ] {
        assert!(parked.iter().any(|line| line.contains(reason)), "{reason}: {parked:#?}");
    }
    assert_eq!(platform.number("select count(*) from orders_2.orders").await, 12 + 4);
    assert_eq!(ensure_same_as_worker(&mut platform, Projection::SALES, &["sales_days"]).await.len(), 5);
}

#[tokio::test]
async fn after_a_panic_the_row_contains_the_state_before_the_event() {
    let mut platform = with_history().await;
    let bad = stock_stream("BAD");
    platform.publish(&bad, received(1)).await;
    // The second adjustment exceeds the largest 64-bit number.
    for _ in 0..2 {
        let largest = r#"{"delta":9223372036854775800,"reason":"count"}"#;
        let event = platform.append_raw(now(), &bad, "StockAdjusted", largest).await;
        platform.send(&event).await;
    }
    platform.publish(&bad, received(2)).await;
    platform.publish(&stock_stream("GOOD"), received(2)).await;
    apply_all(&platform).await;
    let parked = ensure_same_as_worker(&mut platform, Projection::STOCK, &["stock", "stock_ledger"]).await;
    assert_eq!(parked.len(), 1);
    assert!(
        parked[0].ends_with("the projection panicked while it applied `StockAdjusted` at this position"),
        "{parked:?}"
    );
    assert_eq!(platform.number("select on_hand from stock_2.stock where sku = 'BAD'").await, 9_223_372_036_854_775_801);
}

#[tokio::test]
async fn a_rebuild_parks_streams_whose_rows_the_database_refuses() {
    let mut platform = with_history().await;
    // PostgreSQL accepts no NUL character in a text.
    for (name, titles) in [("RED", &["a", "b", "c\0"][..]), ("BLUE", &["a\0"]), ("GREEN", &["a", "b", "c"])] {
        platform.publish(&product_stream(name), created(name, titles[0], 450)).await;
        platform.publish(&product_stream(name), price_changed(400)).await;
        for title in &titles[1..] {
            platform.publish(&product_stream(name), updated(title)).await;
            platform.publish(&product_stream(name), price_changed(500)).await;
        }
    }
    apply_all(&platform).await;
    let parked = ensure_same_as_worker(&mut platform, Projection::PRODUCTS, &["products", "product_prices"]).await;
    assert_eq!(parked.len(), 2, "{parked:#?}");
    assert!(parked.iter().all(|line| line.contains(": PostgreSQL refused the data: ")), "{parked:#?}");
    let names = "select string_agg(sku || ' ' || name, ', ' order by sku) from products_2.products where sku !~ 'MUG'";
    assert_eq!(platform.text(names).await, "GREEN c, RED b");
}

#[tokio::test]
async fn a_full_disk_stops_a_rebuild_which_continues_afterwards() {
    let mut platform = with_history().await;
    kill_after_first_step(Projection::STOCK, rebuild_options(&platform)).await;
    platform
        .execute(
            "create function public.disk_is_full() returns trigger language plpgsql as $$ begin
                 raise exception using errcode = '53100', message = 'could not extend file: No space left on device';
             end $$;
             create trigger disk_is_full before insert on stock_2.stock for each row
                 execute function public.disk_is_full();",
        )
        .await;
    let stopped = continue_rebuild(Projection::STOCK, rebuild_options(&platform)).await.unwrap_err();
    let stopped = format!("{stopped:#}");
    assert!(stopped.starts_with("the rebuild of stock generation 2 has stopped, and the same command continues it: "));
    assert!(stopped.contains("No space left on device") && !stopped.contains('\n'), "{stopped}");
    assert!(verify(&platform, Projection::STOCK, Some(1)).await.is_equal(), "the live generation is as it was");
    platform.publish(&stock_stream("MUG"), received(1)).await;
    apply_all(&platform).await;
    platform.execute("drop trigger disk_is_full on stock_2.stock").await;
    continue_rebuild(Projection::STOCK, rebuild_options(&platform)).await.unwrap();
    assert!(verify(&platform, Projection::STOCK, Some(2)).await.is_equal());
}

#[tokio::test]
async fn a_lost_standby_stops_a_rebuild_which_continues_with_another_source() {
    let platform = with_history().await;
    let (proxy, url) = Proxy::to_server(&platform.bed.projector_url().unwrap()).await.unwrap();
    let through_proxy = rebuild::Options { source_url: Secret::new(url), ..rebuild_options(&platform) };
    kill_after_first_step(Projection::ORDERS, through_proxy.clone()).await;
    proxy.stop();
    let stopped = continue_rebuild(Projection::ORDERS, through_proxy).await.unwrap_err();
    let stopped = format!("{stopped:#}");
    assert!(stopped.starts_with("the rebuild of orders generation 2 has stopped, and the same command continues it: "));
    assert!(!stopped.contains('\n'), "{stopped}");
    continue_rebuild(Projection::ORDERS, rebuild_options(&platform)).await.unwrap();
    assert!(verify(&platform, Projection::ORDERS, Some(2)).await.is_equal());
}

/// A source that cancels the first queries of one reader, as a standby does; every other query is answered. The counter is
/// a file, because the transactions of readers write nothing.
async fn cancelling_source(platform: &mut Platform, queries: i64) -> Secret {
    platform
        .execute(
            "create schema standby;
             create table standby.cancelled (queries bigint);
             create function standby.counter() returns text language sql as
                 $$ select current_setting('data_directory') || '/' || current_database() || '.queries' $$;
             create function standby.count_queries() returns bigint language sql as
                 $$ select coalesce(pg_read_file(standby.counter(), 0, 20, true)::bigint, 0) $$;
             create function standby.answers() returns boolean language plpgsql security definer as $$ begin
                 -- Only connections of readers have this setting.
                 if current_setting('enable_sort') = 'off' then
                     execute format('copy (select %s) to %L', standby.count_queries() + 1, standby.counter());
                     if standby.count_queries() <= (select queries from standby.cancelled) then
                         raise exception using errcode = '40001',
                             message = 'canceling statement due to conflict with recovery';
                     end if;
                 end if;
                 return true;
             end $$;
             create view standby.events as select * from public.events where (select standby.answers());
             grant usage on schema standby to public;
             grant select on standby.events to public;",
        )
        .await;
    sqlx::query("insert into standby.cancelled values ($1)").bind(queries).execute(&mut platform.db).await.unwrap();
    Secret::new(format!("{}&options=-c%20search_path%3Dstandby,public", platform.bed.projector_url().unwrap()))
}

#[tokio::test]
async fn queries_that_a_standby_cancels_are_repeated() {
    let mut platform = with_history().await;
    let source_url = cancelling_source(&mut platform, 3).await;
    let options = rebuild::Options { source_url: source_url.clone(), readers: 1, ..rebuild_options(&platform) };
    rebuild_with(Projection::ORDERS, options).await.unwrap();
    let queries = platform.number("select standby.count_queries()").await;
    assert!(queries > 3, "{queries} queries");
    assert!(verify(&platform, Projection::ORDERS, Some(2)).await.is_equal());

    sqlx::query("update standby.cancelled set queries = $1").bind(queries + 3).execute(&mut platform.db).await.unwrap();
    let options = verify::Options { source_url, readers: 1, ..verify_options(&platform) };
    let verify = Operation::Verify(Some(2), options, Arc::new(Progress::default()));
    let verified = operate("orders", verify).await.unwrap();
    assert!(matches!(verified, Done::Verified(report) if report.is_equal()));
    assert!(platform.number("select standby.count_queries()").await > queries + 3);
}

#[tokio::test]
async fn a_standby_that_cancels_every_query_stops_a_rebuild() {
    let mut platform = with_history().await;
    let source_url = cancelling_source(&mut platform, i64::MAX).await;
    let options = rebuild::Options { source_url, readers: 1, ..rebuild_options(&platform) };
    let stopped = format!("{:#}", rebuild_with(Projection::ORDERS, options).await.unwrap_err());
    assert!(stopped.contains("the same command continues it: reading the streams from order-"), "{stopped}");
    assert!(stopped.contains("canceling statement due to conflict with recovery"), "{stopped}");
    assert_eq!(platform.number("select standby.count_queries()").await, 5, "the number of attempts is limited");
    continue_rebuild(Projection::ORDERS, rebuild_options(&platform)).await.unwrap();
    assert!(verify(&platform, Projection::ORDERS, Some(2)).await.is_equal());
}

#[tokio::test]
async fn a_rebuild_reads_the_log_from_a_standby_that_is_behind() {
    let platform = with_history().await;
    let replica = |url: String| Secret::new(url);
    let projector = platform.bed.projector_url().unwrap();
    let admin_replica = platform.bed.admin_replica_url().unwrap();
    let port = |url: &str| url.split("localhost:").nth(1).unwrap().split('/').next().unwrap().to_owned();
    let source_url = replica(projector.replace(&port(&projector), &port(&admin_replica)));
    let options = rebuild::Options { source_url, ..rebuild_options(&platform) };
    rebuild_with(Projection::ORDERS, options).await.unwrap();
    assert!(verify(&platform, Projection::ORDERS, Some(2)).await.is_equal());
}

#[tokio::test]
async fn a_second_rebuild_of_a_projection_is_refused() {
    let platform = with_history().await;
    let mut other = PgConnection::connect(&platform.bed.admin_url().unwrap()).await.unwrap();
    sqlx::query("select pg_advisory_lock(hashtext('rebuild'), hashtext('orders'))").execute(&mut other).await.unwrap();
    let refused = rebuild(&platform, Projection::ORDERS).await.unwrap_err().to_string();
    assert_eq!(refused, "another process is rebuilding orders; `projector status` shows its progress");
    rebuild(&platform, Projection::STOCK).await.unwrap();
}

#[tokio::test]
async fn a_generation_that_is_behind_the_live_one_is_promoted_only_with_force() {
    let mut platform = with_history().await;
    rebuild(&platform, Projection::PRODUCTS).await.unwrap();
    verify(&platform, Projection::PRODUCTS, None).await;
    // More events than two generations that are followed differ by.
    platform
        .execute(
            "with head as (update log_head set position = position + 20100 returning position - 20100 as before)
             insert into events (position, incarnation, stream_id, version, event_type, schema_version, payload, recorded_at)
             select before + n, 1, 'stock-FILLER@main', n, 'StockReceived', 1, '{\"quantity\":1}', now()
             from head, generate_series(1, 20100) as n;
             update projection_checkpoints set position = (select position from log_head)
             where projection = 'products' and generation = 1;",
        )
        .await;
    let refused = promote(&platform, Projection::PRODUCTS).await.unwrap_err().to_string();
    assert!(refused.contains(" positions behind the live generation in partition "), "{refused}");
    operate("products", Operation::Promote(platform.database(), Check::None)).await.unwrap();
}
