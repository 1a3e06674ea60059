//! Rebuilds, verifications and promotions of generations.

use std::sync::Arc;

use events::StreamId;
use projector::operate::{Done, Operation, operate};
use projector::projections::{Orders, Stock};
use projector::promote::Check;
use projector::rebuild::from_kafka::{self, Rebuilt};
use projector::rebuild::progress::Progress;
use read_model::{Generation, Projection};

use crate::operations::*;
use crate::platform::{Platform, now};
use crate::samples::*;

#[tokio::test]
async fn rebuilt_tables_are_vacuumed_again() {
    const WITHOUT_AUTOVACUUM: &str = "select count(*) from pg_class where 'autovacuum_enabled=off' = any (reloptions)";
    let mut platform = with_history().await;
    for projection in Projection::ALL {
        rebuild(&platform, projection).await.unwrap();
    }
    assert_eq!(platform.number(WITHOUT_AUTOVACUUM).await, 0);
}

#[tokio::test]
async fn every_projection_is_rebuilt_verified_and_promoted() {
    let mut platform = with_history().await;
    for projection in Projection::ALL {
        let name = projection.name();
        let rebuilt = rebuild(&platform, projection).await.unwrap();
        let second = Generation { projection, number: 2 };
        assert!(matches!(rebuilt, Done::Rebuilt(generation) if generation == second), "{rebuilt:?}");
        let report = verify(&platform, projection, Some(2)).await;
        assert!(report.is_equal(), "{name}: {:#?}", report.differences);
        for table in &report.tables {
            let (first, rebuilt) = (format!("{name}_1.{}", table.table), format!("{name}_2.{}", table.table));
            assert_eq!(platform.differing_rows(&first, &rebuilt).await, 0, "{first} and {rebuilt}");
            assert_eq!(platform.indexes(&first).await, platform.indexes(&rebuilt).await);
        }
        promote(&platform, projection).await.unwrap();
        let live =
            format!("select generation from projection_generations where projection = '{name}' and state = 'live'");
        assert_eq!(platform.numbers(&live).await, [2]);
    }
    assert_eq!(platform.number("select count(*) from public.orders").await, 12);
    assert_eq!(platform.number("select sum(net)::bigint from public.sales_days").await, 12 * 1500);
}

#[tokio::test]
async fn a_promoted_generation_is_followed_and_a_rollback_loses_nothing() {
    let mut platform = with_history().await;
    rebuild(&platform, Projection::ORDERS).await.unwrap();
    verify(&platform, Projection::ORDERS, None).await;
    promote(&platform, Projection::ORDERS).await.unwrap();
    let (id, stream) = order_at(now(), 99);
    platform.publish(&stream, placed(id, 99)).await;
    apply_all(&platform).await;
    let orders = "select count(*) from public.orders";
    assert_eq!(platform.number(orders).await, 13);
    rollback(&platform, Projection::ORDERS).await.unwrap();
    assert_eq!(platform.number(orders).await, 13, "the retained generation is followed too");
    assert!(verify(&platform, Projection::ORDERS, Some(1)).await.is_equal());
    promote(&platform, Projection::ORDERS).await.unwrap();
    assert_eq!(platform.number(orders).await, 13);
    retire(&platform, Projection::ORDERS, 1).await.unwrap();
    assert_eq!(platform.number("select count(*) from pg_namespace where nspname = 'orders_1'").await, 0);
    assert_eq!(platform.number(orders).await, 13);
}

#[tokio::test]
async fn a_verification_finds_a_wrong_cell_a_missing_row_and_a_row_that_should_not_be() {
    let mut platform = with_history().await;
    assert!(verify(&platform, Projection::STOCK, None).await.is_equal());
    platform.execute("update stock set safety = 7").await;
    platform.execute("delete from stock_ledger where position = 2").await;
    platform
        .execute("insert into stock_ledger select uuid_at(now()), 'CUP', location, kind, quantity, order_id, occurred_at, position from stock_ledger limit 1")
        .await;
    let report = verify(&platform, Projection::STOCK, None).await;
    let mut found: Vec<String> = report.differences.iter().map(ToString::to_string).collect();
    found.sort();
    assert_eq!(found.len(), 3, "{found:#?}");
    assert_eq!(found[0], "stock sku=MUG location=main: safety is 7, should be 0");
    assert!(found[1..].iter().any(|it| it.ends_with("the row is missing")), "{found:#?}");
    assert!(found[1..].iter().any(|it| it.ends_with("the log does not result in this row")), "{found:#?}");
    let refused = promote(&platform, Projection::STOCK).await.unwrap_err().to_string();
    assert!(refused.contains("run `projector rebuild stock`"), "{refused}");
}

#[tokio::test]
async fn a_wrong_sum_is_found() {
    let mut platform = with_history().await;
    platform.execute("update sales_days set net = net + 1 where sku = 'MUG'").await;
    let report = verify(&platform, Projection::SALES, None).await;
    let [difference] = &report.differences[..] else { panic!("{:#?}", report.differences) };
    assert!(difference.to_string().ends_with("sku=MUG: net is 14401, should be 14400"), "{difference}");
}

#[tokio::test]
async fn conditions_of_operations_are_checked() {
    let platform = with_history().await;
    rebuild(&platform, Projection::ORDERS).await.unwrap();
    let refused = promote(&platform, Projection::ORDERS).await.unwrap_err().to_string();
    assert_eq!(
        refused,
        "orders generation 2 is not verified: run `projector verify orders` first, or promote with --force"
    );
    let refused = rebuild(&platform, Projection::ORDERS).await.unwrap_err().to_string();
    assert_eq!(refused, "orders generation 2 is rebuilt already: promote or retire it first");
    let retire = |number| retire(&platform, Projection::ORDERS, number);
    let refused = retire(1).await.unwrap_err().to_string();
    assert_eq!(refused, "orders generation 1 is live: promote another generation first");
    assert_eq!(retire(7).await.unwrap_err().to_string(), "there is no orders generation 7");
    let refused = rollback(&platform, Projection::ORDERS).await.unwrap_err().to_string();
    assert_eq!(refused, "orders has no retained generation to go back to");
    let unknown = operate("order", Operation::Rollback(platform.database())).await.unwrap_err().to_string();
    assert!(unknown.starts_with("there is no projection `order`; the projections are orders, stock,"), "{unknown}");
    operate("orders", Operation::Promote(platform.database(), Check::None)).await.unwrap();
}

#[tokio::test]
async fn an_interrupted_rebuild_continues_after_its_last_segment() {
    let mut platform = with_history().await;
    let month = now().format("%Y_%m").to_string();
    let plan = operate("orders", Operation::Plan(rebuild_options(&platform))).await.unwrap();
    let Done::Planned(plan) = plan else { panic!("{plan:?}") };
    assert!(!plan.continues && plan.segments > 3, "{plan:?}");
    kill_after_first_step(Projection::ORDERS, rebuild_options(&platform)).await;
    let done = platform.number("select count(*) from projection_rebuild_segments where done_at is not null").await;
    assert!(done > 0);
    let rebuilt = continue_rebuild(Projection::ORDERS, rebuild_options(&platform)).await.unwrap();
    assert_eq!(rebuilt.number, 2);
    assert!(verify(&platform, Projection::ORDERS, Some(2)).await.is_equal());
    assert_eq!(platform.count(&format!("orders_2.orders_{month}")).await, 12);
}

#[tokio::test]
async fn a_rebuild_parks_what_cannot_be_applied_and_includes_later_events() {
    let mut platform = with_history().await;
    platform.publish_unreadable(&stock_stream("BAD")).await;
    platform.publish(&stock_stream("BAD"), received(1)).await;
    apply_all(&platform).await;
    let mut worker = platform.worker::<Stock>();
    platform.catch_up(&mut worker).await;
    rebuild(&platform, Projection::STOCK).await.unwrap();
    let parked = "select count(*) from parked_streams where projection = 'stock' and generation = 2 and stream_id = 'stock-BAD@main'";
    assert_eq!(platform.number(parked).await, 1);
    assert!(verify(&platform, Projection::STOCK, Some(2)).await.is_equal());
    assert!(verify(&platform, Projection::STOCK, Some(1)).await.is_equal());
}

#[tokio::test]
async fn a_worker_follows_a_rebuilt_generation_from_its_checkpoint() {
    let mut platform = with_history().await;
    rebuild(&platform, Projection::ORDERS).await.unwrap();
    let (id, stream) = order_at(now(), 77);
    platform.publish(&stream, placed(id, 77)).await;
    platform.publish(&StreamId::order(id), captured(1500)).await;
    let mut worker = platform.worker_of::<Orders>(2);
    platform.catch_up_generation(&mut worker, 2).await;
    assert_eq!(platform.number("select count(*) from orders_2.orders").await, 13);
    assert_eq!(platform.number("select count(*) from orders_1.orders").await, 12);
}

#[tokio::test]
async fn a_generation_that_is_rebuilt_from_kafka_alone_equals_the_log() {
    let platform = with_history().await;
    for projection in Projection::ALL {
        let Rebuilt { generation, messages, read_from_log } = rebuild_from_kafka(&platform, projection).await;
        assert_eq!((generation, read_from_log), (Generation { projection, number: 2 }, 0));
        let has_events = !matches!(projection, Projection::CUSTOMERS | Projection::STOCK_HOLDS);
        assert_eq!(messages > 0, has_events, "{generation}: {messages} messages");
        let report = verify(&platform, projection, Some(2)).await;
        assert!(report.is_equal(), "{generation}: {:#?}", report.differences);
    }
}

#[tokio::test]
async fn a_rebuild_from_kafka_counts_the_events_that_kafka_lacks() {
    let mut platform = with_history().await;
    let event = platform.append(&stock_stream("MUG"), received(1)).await;
    platform.lose(&event).await;
    platform.publish(&stock_stream("MUG"), received(2)).await;
    let rebuilt = rebuild_from_kafka(&platform, Projection::STOCK).await;
    assert_eq!(rebuilt.read_from_log, 1);
    assert!(verify(&platform, Projection::STOCK, Some(2)).await.is_equal());
}

async fn rebuild_from_kafka(platform: &Platform, projection: Projection) -> Rebuilt {
    let options = from_kafka::Options { database_url: platform.database(), feed: platform.feed() };
    let rebuilding = operate(projection.name(), Operation::RebuildFromKafka(options, Arc::new(Progress::default())));
    match tokio::time::timeout(testbed::PATIENCE, rebuilding).await.unwrap().unwrap() {
        Done::RebuiltFromKafka(rebuilt) => rebuilt,
        other => panic!("{other:?}"),
    }
}
