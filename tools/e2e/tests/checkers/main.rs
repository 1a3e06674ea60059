//! Every checker detects violations: all invariants hold on an example platform, and after one change the check of the violated
//! invariant has a finding.
//!
//! [`history`] contains the events of the example, [`tables`] writes them as the services would, [`caches`] tests the checks of
//! Redis, and [`clients`] tests the checks of client histories.

#![expect(clippy::unwrap_used, reason = "a test that cannot continue fails")]

mod caches;
mod clients;
mod history;
mod tables;

use e2e::audit::{self, Invariant, Subject, Verdict};
use e2e::client_history::Ack;
use events::{Incarnation, LogId, Position, Recorded};
use sqlx::Executor;
use tables::Platform;

/// The findings of a check; empty if the invariant holds.
async fn findings(invariant: Invariant, subject: &Subject) -> Vec<String> {
    match audit::check(invariant, subject).await {
        Verdict::Checked(findings) => {
            assert!(findings.checked > 0, "{invariant:?} found nothing to check");
            findings.first
        }
        other => panic!("{invariant:?} was not checked: {other:?}"),
    }
}

/// Changes the example with SQL, and expects a finding that contains `text`.
async fn assert_detected(invariant: Invariant, sql: &'static str, text: &str) {
    let mut platform = Platform::example().await;
    let subject = platform.subject();
    assert_eq!(findings(invariant, &subject).await, Vec::<String>::new());
    platform.sql.execute(sql).await.unwrap();
    let found = findings(invariant, &subject).await;
    assert!(found.iter().any(|finding| finding.contains(text)), "no finding contains `{text}`: {found:?}");
}

#[tokio::test]
async fn all_invariants_hold_on_the_example() {
    let platform = Platform::example().await;
    let kafka = platform.subject_with_kafka(&platform.messages()).await;
    let redis = platform.subject_with_redis(&platform.cached()).await;
    platform.bed.replica_caught_up().await.unwrap();
    let replica_url = Some(platform.bed.reader_replica_url().unwrap());
    let subject = Subject { kafka: kafka.kafka, redis: redis.redis, replica_url, ..platform.subject() };
    for invariant in Invariant::ALL {
        assert_eq!(findings(invariant, &subject).await, Vec::<String>::new(), "{invariant:?}");
    }
}

#[tokio::test]
async fn checks_without_their_inputs_are_not_checked() {
    let platform = Platform::example().await;
    let subject = Subject { acks: Vec::new(), reads: Vec::new(), retried: Vec::new(), ..platform.subject() };
    let without_clients = [Invariant::NoLostAck, Invariant::MonotonicRead, Invariant::IndefiniteResolves];
    for invariant in [Invariant::NoSkip, Invariant::KeyOrder, Invariant::Cache].into_iter().chain(without_clients) {
        assert!(matches!(audit::check(invariant, &subject).await, Verdict::NotChecked(_)), "{invariant:?}");
    }
}

#[tokio::test]
async fn liveness_detects_a_relay_that_lags() {
    assert_detected(Invariant::Liveness, "update relay_checkpoint set position = position - 1", "the relay is at")
        .await;
}

#[tokio::test]
async fn liveness_detects_a_projection_that_lags() {
    let sql = "update projection_checkpoints set position = position - 1 where projection = 'stock'";
    assert_detected(Invariant::Liveness, sql, "stock is at").await;
}

#[tokio::test]
async fn liveness_detects_a_parked_stream() {
    let sql = "insert into parked_streams values ('orders', 1, 'order-x', 4, 'unreadable', now())";
    assert_detected(Invariant::Liveness, sql, "order-x: unreadable").await;
}

#[tokio::test]
async fn gapless_detects_a_missing_position() {
    assert_detected(Invariant::Gapless, "delete from events where position = 5", "between the positions 4 and 6").await;
}

#[tokio::test]
async fn gapless_detects_a_missing_version() {
    let sql = "update events set version = version + 1 where position = 2";
    assert_detected(Invariant::Gapless, sql, "expected version 2").await;
}

#[tokio::test]
async fn gapless_detects_an_earlier_incarnation_after_a_later_one() {
    let sql = "update events set incarnation = 2 where position = 4";
    assert_detected(Invariant::Gapless, sql, "position 5 has incarnation 1").await;
    assert_detected(
        Invariant::Gapless,
        "update events set incarnation = 2 where position = (select max(position) from events)",
        "follows incarnation 2",
    )
    .await;
}

#[tokio::test]
async fn gapless_detects_a_head_that_is_not_the_last_position() {
    assert_detected(Invariant::Gapless, "update log_head set position = position + 1", "the head is").await;
    assert_detected(Invariant::Gapless, "update log_head set position = position - 1", "beyond the head").await;
}

#[tokio::test]
async fn no_lost_ack_detects_a_missing_command() {
    let sql = "update events set command_id = gen_random_uuid() where position = 4";
    assert_detected(Invariant::NoLostAck, sql, "its key is not in the log").await;
}

#[tokio::test]
async fn no_lost_ack_detects_a_different_response() {
    let platform = Platform::example().await;
    let given = platform.subject();
    let wrong = |change: fn(&mut Ack)| {
        let mut subject = given.clone();
        change(&mut subject.acks[3]);
        subject
    };
    let changes: [fn(&mut Ack); 4] = [
        |ack| ack.position += 1,
        |ack| ack.version += 1,
        |ack| ack.code = Some("SON000009".into()),
        |ack| ack.stream = "stock-A@main".into(),
    ];
    for change in changes {
        assert_eq!(findings(Invariant::NoLostAck, &wrong(change)).await.len(), 1);
    }
}

#[tokio::test]
async fn one_effect_detects_events_without_a_command_and_with_two_commands() {
    let size = "update events set command_size = command_size + 1 where position = 4";
    assert_detected(Invariant::OneEffect, size, "the command at position 4").await;
    assert_detected(Invariant::OneEffect, "update events set command_id = null where position = 1", "no command").await;
}

#[tokio::test]
async fn one_effect_detects_an_order_that_is_placed_twice() {
    let sql = "update events set event_type = 'OrderPlaced' where position = 6";
    assert_detected(Invariant::OneEffect, sql, "position 6").await;
}

#[tokio::test]
async fn one_effect_detects_an_external_reference_of_two_orders() {
    let sql = "update events set payload = replace(payload::text, 'shop-2', 'shop-1')::json";
    assert_detected(Invariant::OneEffect, sql, "shop-1").await;
}

#[tokio::test]
async fn numbers_detects_a_missing_code() {
    let sql = "update events set payload = replace(payload::text, 'SON000002', 'SON000003')::json";
    assert_detected(Invariant::Numbers, sql, "SON000003 follows number 1").await;
}

#[tokio::test]
async fn numbers_detects_a_code_of_an_earlier_incarnation_after_a_later_one() {
    let sql = "update events set incarnation = 2 where payload->>'code' = 'SON000001'";
    assert_detected(Invariant::Numbers, sql, "SON000002 has incarnation 1").await;
}

#[tokio::test]
async fn stock_detects_more_reserved_units_than_the_policy_allows() {
    let sql = r#"update events set payload = '{"quantity": 2}' where event_type = 'StockReceived'"#;
    assert_detected(Invariant::Stock, sql, "3 reserved with 2 on hand").await;
}

#[tokio::test]
async fn stock_detects_units_that_no_order_has() {
    let sql = "update events set payload = replace(payload::text, '\"quantity\":2,', '\"quantity\":1,')::json
               where event_type = 'StockReleased'";
    assert_detected(Invariant::Stock, sql, "its orders and stock holds have").await;
}

#[tokio::test]
async fn a_stock_count_below_the_reserved_units_is_no_violation() {
    let mut platform = Platform::example().await;
    let sql = r#"update events set event_type = 'StockAdjusted', schema_version = 1, payload = '{"delta": -7, "reason": "counted"}'
                 where event_type = 'StockReleased'"#;
    platform.sql.execute(sql).await.unwrap();
    let found = findings(Invariant::Stock, &platform.subject()).await;
    assert!(!found.iter().any(|finding| finding.contains("reserved with")), "{found:?}");
}

#[tokio::test]
async fn fold_equal_detects_a_wrong_column() {
    assert_detected(Invariant::FoldEqual, "update orders set total = total + 1", "/columns/total").await;
    assert_detected(Invariant::FoldEqual, "update orders set payment = 'unpaid'", "/columns/status/payment").await;
    assert_detected(Invariant::FoldEqual, "update stock set reserved = 1", "/reserved").await;
    assert_detected(Invariant::FoldEqual, "update products set active = false", "/product/active").await;
}

#[tokio::test]
async fn fold_equal_detects_a_wrong_document() {
    let sql = "update orders set document = replace(document::text, 'Lamp', 'Lump')::json";
    assert_detected(Invariant::FoldEqual, sql, "/document/lines/0/name").await;
}

#[tokio::test]
async fn fold_equal_detects_a_missing_price() {
    assert_detected(Invariant::FoldEqual, "delete from product_prices where currency = 'EUR'", "/prices").await;
}

#[tokio::test]
async fn fold_equal_detects_a_row_without_applied_events() {
    assert_detected(
        Invariant::FoldEqual,
        "delete from orders where code = 'SON000001'",
        "is applied according to the checkpoints",
    )
    .await;
}

/// The months of all rows are archived.
const ARCHIVE: &str = "
    insert into archived_months (projection, generation, month, folder, manifest)
    select projection, 1, month, '/archive', '{}'
    from (
        select 'orders' as projection, date_trunc('month', placed_at, 'UTC')::date as month from orders
        union select 'products', date_trunc('month', valid_from, 'UTC')::date from product_prices
        union select 'stock', date_trunc('month', occurred_at, 'UTC')::date from stock_ledger
    ) rows;";

#[tokio::test]
async fn rows_of_archived_months_are_not_missing() {
    for (invariant, delete) in [
        (Invariant::FoldEqual, "delete from orders; delete from product_prices"),
        (Invariant::NoDoubleApply, "delete from stock_ledger where kind <> 'received'"),
    ] {
        let mut platform = Platform::example().await;
        platform.sql.execute(sqlx::AssertSqlSafe([ARCHIVE, delete].concat())).await.unwrap();
        assert_eq!(findings(invariant, &platform.subject()).await, Vec::<String>::new());
    }
}

#[tokio::test]
async fn fold_equal_detects_a_row_without_a_stream() {
    let sql = "insert into products (sku, name, active, prices, attributes, tags, tag_list, search_text, created_at, updated_at,
                   version, incarnation, position)
               select 'B', name, active, prices, attributes, tags, tag_list, search_text, created_at, updated_at, version,
                   incarnation, position
               from products";
    assert_detected(Invariant::FoldEqual, sql, "product-B, which is not in the log").await;
}

#[tokio::test]
async fn all_projections_detects_wrong_cells_and_missing_and_unexpected_rows() {
    let mut platform = Platform::example().await;
    let subject = platform.subject();
    assert_eq!(findings(Invariant::AllProjections, &subject).await, Vec::<String>::new());
    let changes = "
        update order_search set search_text = '';
        update fulfilments set carrier = 'x';
        update sales_days set net = net + 1;
        update order_counts set owed = owed + 1;
        update stock_movement_quarter_hours set movements = movements + 1;
        delete from order_timeline where version = 1;
        delete from order_returns;
        insert into stock_reservations values ('B', 'main', 'order', gen_random_uuid(), 7);";
    sqlx::raw_sql(changes).execute(&mut platform.sql).await.unwrap();
    let found = findings(Invariant::AllProjections, &subject).await.join("\n");
    for expected in [
        "orders generation 1: order_search id=",
        "search_text is ",
        "carrier is x, should be ",
        "net is ",
        "owed is ",
        "movements is ",
        "order_timeline order_id=",
        "order_returns generation 1: order_returns order_id=",
        "stock_reservations sku=B location=main",
    ] {
        assert!(found.contains(expected), "no finding contains `{expected}`:\n{found}");
    }
    assert!(found.contains("the row is missing") && found.contains("the log does not result in this row"), "{found}");
}

#[tokio::test]
async fn no_double_apply_detects_an_event_that_is_applied_twice() {
    let sql = "update stock set shipped = shipped + 3, on_hand = on_hand - 3";
    assert_detected(Invariant::NoDoubleApply, sql, "A at main").await;
    let sql = "insert into stock_ledger select (substr(id::text, 1, 35) || 'f')::uuid, sku, location, kind, quantity,
               order_id, occurred_at, position from stock_ledger where kind = 'shipped'";
    assert_detected(Invariant::NoDoubleApply, sql, "A at main").await;
}

#[tokio::test]
async fn no_double_apply_detects_a_ledger_row_without_its_event() {
    let sql = "update stock_ledger set position = 1 where kind = 'received'";
    assert_detected(Invariant::NoDoubleApply, sql, "ledger row of position 1").await;
}

#[tokio::test]
async fn no_double_apply_detects_a_ledger_row_with_another_order_or_time() {
    let sql = "update stock_ledger set order_id = gen_random_uuid() where kind = 'shipped'";
    assert_detected(Invariant::NoDoubleApply, sql, "3 of A at main for order").await;
    assert_detected(
        Invariant::NoDoubleApply,
        "update stock_ledger set order_id = null where kind = 'reserved'",
        "none",
    )
    .await;
    let sql = "update stock_ledger set occurred_at = occurred_at + interval '1 ms' where kind = 'received'";
    assert_detected(Invariant::NoDoubleApply, sql, "received 10 of A").await;
}

#[tokio::test]
async fn a_skipped_event_is_expected_in_no_read_model() {
    let mut platform = Platform::example().await;
    // A price change that no build can read, and a movement of stock, are not applied.
    platform
        .sql
        .execute(
            r#"update events set payload = '{}' where position = 2;
               update products set prices = '{"EUR":500,"GBP":450}', updated_at = created_at;
               delete from product_prices where position = 2;
               delete from stock_ledger where kind = 'restocked';
               update stock set restocked = 0, on_hand = on_hand - 1"#,
        )
        .await
        .unwrap();
    let subject = platform.subject();
    for invariant in [Invariant::FoldEqual, Invariant::NoDoubleApply] {
        assert_ne!(findings(invariant, &subject).await, Vec::<String>::new(), "{invariant:?}");
    }
    platform
        .sql
        .execute(
            "insert into skipped_events (projection, generation, stream_id, incarnation, position, failure, skipped_by, reason)
             select category || case category when 'product' then 's' else '' end, 1, stream_id, 1, position, 'unreadable',
                 'mara', 'duplicate'
             from events, split_part(stream_id, '-', 1) as category
             where position = 2 or event_type = 'StockRestocked'",
        )
        .await
        .unwrap();
    for invariant in [Invariant::FoldEqual, Invariant::NoDoubleApply] {
        assert_eq!(findings(invariant, &subject).await, Vec::<String>::new(), "{invariant:?}");
    }
}

#[tokio::test]
async fn no_skip_detects_an_event_that_was_not_published() {
    let platform = Platform::example().await;
    let mut messages = platform.messages();
    let left_out = messages.remove(4).0.position;
    let subject = platform.subject_with_kafka(&messages).await;
    let found = findings(Invariant::NoSkip, &subject).await;
    assert_eq!(found.len(), 1);
    assert!(found[0].starts_with(&format!("position {left_out} ")), "{found:?}");
    // The next event of the topic names the missing event as its previous event.
    assert_eq!(findings(Invariant::KeyOrder, &subject).await.len(), 2);
}

#[tokio::test]
async fn no_skip_detects_messages_that_differ_from_the_log() {
    let platform = Platform::example().await;
    let mut messages = platform.messages();
    messages[2].0.payload = r#"{"quantity":11}"#.into();
    let mut unknown = messages[2].clone();
    unknown.0.position = Position(1_000);
    messages.push(unknown);
    let subject = platform.subject_with_kafka(&messages).await;
    assert_eq!(findings(Invariant::NoSkip, &subject).await.len(), 2);
}

/// The messages, with another incarnation from position `first`.
fn in_incarnation(incarnation: i32, first: i64, mut messages: Vec<(Recorded, Position)>) -> Vec<(Recorded, Position)> {
    for (event, _) in messages.iter_mut().filter(|(event, _)| event.position.0 >= first) {
        event.incarnation = Incarnation(incarnation);
    }
    messages
}

#[tokio::test]
async fn events_that_the_log_lost_with_its_tail_are_no_findings() {
    let mut platform = Platform::example().await;
    // The events from position 12 were published, lost, and appended again in the next incarnation with other payloads.
    let sql = "update events set incarnation = 2 where position >= 12";
    platform.sql.execute(sql).await.unwrap();
    platform.sql.execute("update log_head set incarnation = 2").await.unwrap();
    let mut lost = platform.messages();
    lost.iter_mut().filter(|(event, _)| event.position.0 >= 12).for_each(|(event, _)| event.payload = "{}".into());
    let again: Vec<_> = in_incarnation(2, 12, platform.messages()).split_off(11);
    let subject = platform.subject_with_kafka(&[lost, again].concat()).await;
    for invariant in [Invariant::NoSkip, Invariant::KeyOrder] {
        assert_eq!(findings(invariant, &subject).await, Vec::<String>::new(), "{invariant:?}");
    }
}

#[tokio::test]
async fn no_skip_detects_that_only_the_lost_tail_was_published() {
    let mut platform = Platform::example().await;
    let sql = "update events set incarnation = 2 where position >= 12";
    platform.sql.execute(sql).await.unwrap();
    platform.sql.execute("update log_head set incarnation = 2").await.unwrap();
    let subject = platform.subject_with_kafka(&platform.messages()).await;
    let found = findings(Invariant::NoSkip, &subject).await;
    assert_eq!(found.len(), platform.history.rows.len() - 11, "{found:?}");
}

#[tokio::test]
async fn key_order_detects_swapped_events() {
    let platform = Platform::example().await;
    let mut messages = platform.messages();
    messages.swap(0, 1);
    let subject = platform.subject_with_kafka(&messages).await;
    assert!(!findings(Invariant::KeyOrder, &subject).await.is_empty());
}

#[tokio::test]
async fn duplicates_on_kafka_are_no_findings() {
    let platform = Platform::example().await;
    let messages = [platform.messages(), platform.messages()].concat();
    let subject = platform.subject_with_kafka(&messages).await;
    for invariant in [Invariant::NoSkip, Invariant::KeyOrder] {
        assert_eq!(findings(invariant, &subject).await, Vec::<String>::new());
    }
}

#[tokio::test]
async fn events_of_another_log_in_the_same_topics_are_ignored() {
    let platform = Platform::example().await;
    let mut messages = platform.messages();
    let missing = messages.pop().unwrap();
    let subject = platform.subject_with_kafka(&messages).await;
    // The events of the other log neither replace the missing event nor break the order of this log.
    platform.send_as(LogId(uuid::Uuid::now_v7()), &platform.messages()).await;
    let found = findings(Invariant::NoSkip, &subject).await;
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].contains(&format!("position {}", missing.0.position)), "{found:?}");
    assert_eq!(findings(Invariant::KeyOrder, &subject).await, Vec::<String>::new());
}
