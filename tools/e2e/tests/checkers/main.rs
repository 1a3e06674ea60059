//! Every checker can fail: on a platform at rest all invariants hold, and after one change the one that it breaks does not.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod caches;
mod clients;
mod history;
mod tables;

use e2e::ack::Ack;
use e2e::audit::{self, Invariant, Subject, Verdict};
use events::{Incarnation, LogId, Position, Recorded};
use sqlx::Executor;
use tables::Platform;

/// What a check found, in words; empty if the invariant holds.
async fn findings(invariant: Invariant, subject: &Subject) -> Vec<String> {
    match audit::check(invariant, subject).await {
        Verdict::Looked(findings) => {
            assert!(findings.checked > 0, "{invariant:?} looked at nothing");
            findings.first
        }
        other => panic!("{invariant:?} did not look: {other:?}"),
    }
}

/// Breaks the example with SQL and expects a finding that says `word`.
async fn breaks(invariant: Invariant, sql: &'static str, word: &str) {
    let mut platform = Platform::example().await;
    let subject = platform.subject();
    assert_eq!(findings(invariant, &subject).await, Vec::<String>::new());
    platform.sql.execute(sql).await.unwrap();
    let found = findings(invariant, &subject).await;
    assert!(found.iter().any(|finding| finding.contains(word)), "nothing of `{word}` in {found:?}");
}

#[tokio::test]
async fn a_platform_at_rest_is_well() {
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
async fn what_is_given_nothing_to_look_at_says_so() {
    let platform = Platform::example().await;
    let subject = Subject { acks: Vec::new(), reads: Vec::new(), resolved: Vec::new(), ..platform.subject() };
    let without_clients = [Invariant::NoLostAck, Invariant::MonotonicRead, Invariant::IndefiniteResolves];
    for invariant in [Invariant::NoSkip, Invariant::KeyOrder, Invariant::Cache].into_iter().chain(without_clients) {
        assert!(matches!(audit::check(invariant, &subject).await, Verdict::NotChecked(_)), "{invariant:?}");
    }
}

#[tokio::test]
async fn liveness_sees_a_relay_that_lags() {
    breaks(Invariant::Liveness, "update relay_checkpoint set position = position - 1", "the relay is at").await;
}

#[tokio::test]
async fn liveness_sees_a_projection_that_lags() {
    let sql = "update projection_checkpoints set position = position - 1 where projection = 'stock'";
    breaks(Invariant::Liveness, sql, "stock is at").await;
}

#[tokio::test]
async fn liveness_sees_a_parked_stream() {
    let sql = "insert into parked_streams values ('orders', 1, 'order-x', 4, 'unreadable', now())";
    breaks(Invariant::Liveness, sql, "order-x: unreadable").await;
}

#[tokio::test]
async fn gapless_sees_a_missing_position() {
    breaks(Invariant::Gapless, "delete from events where position = 5", "between the positions 4 and 6").await;
}

#[tokio::test]
async fn gapless_sees_a_version_that_was_left_out() {
    let sql = "update events set version = version + 1 where position = 2";
    breaks(Invariant::Gapless, sql, "where 2 was due").await;
}

#[tokio::test]
async fn gapless_sees_an_event_of_an_ended_life_behind_one_of_a_later_life() {
    let sql = "update events set incarnation = 2 where position = 4";
    breaks(Invariant::Gapless, sql, "position 5 is of life 1").await;
    breaks(
        Invariant::Gapless,
        "update events set incarnation = 2 where position = (select max(position) from events)",
        "behind one of life 2",
    )
    .await;
}

#[tokio::test]
async fn gapless_sees_a_head_that_is_not_the_end() {
    breaks(Invariant::Gapless, "update log_head set position = position + 1", "the head is").await;
    breaks(Invariant::Gapless, "update log_head set position = position - 1", "beyond the head").await;
}

#[tokio::test]
async fn no_lost_ack_sees_a_command_that_is_gone() {
    let sql = "update events set command_id = gen_random_uuid() where position = 4";
    breaks(Invariant::NoLostAck, sql, "its key is not in the log").await;
}

#[tokio::test]
async fn no_lost_ack_sees_another_answer_than_was_given() {
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
async fn one_effect_sees_events_of_no_or_of_two_commands() {
    let size = "update events set command_size = command_size + 1 where position = 4";
    breaks(Invariant::OneEffect, size, "the command at position 4").await;
    breaks(Invariant::OneEffect, "update events set command_id = null where position = 1", "no command").await;
}

#[tokio::test]
async fn one_effect_sees_an_order_that_begins_twice() {
    let sql = "update events set event_type = 'OrderPlaced' where position = 6";
    breaks(Invariant::OneEffect, sql, "position 6").await;
}

#[tokio::test]
async fn one_effect_sees_a_reference_that_names_two_orders() {
    let sql = "update events set payload = replace(payload::text, 'shop-2', 'shop-1')::json";
    breaks(Invariant::OneEffect, sql, "shop-1").await;
}

#[tokio::test]
async fn numbers_sees_a_code_that_was_left_out() {
    let sql = "update events set payload = replace(payload::text, 'SON000002', 'SON000003')::json";
    breaks(Invariant::Numbers, sql, "SON000003 follows number 1").await;
}

#[tokio::test]
async fn numbers_sees_a_code_of_an_ended_life_behind_one_of_a_later_life() {
    let sql = "update events set incarnation = 2 where payload->>'code' = 'SON000001'";
    breaks(Invariant::Numbers, sql, "SON000002 is of life 1").await;
}

#[tokio::test]
async fn stock_sees_more_sold_than_there_was() {
    let sql = r#"update events set payload = '{"quantity": 2}' where event_type = 'StockReceived'"#;
    breaks(Invariant::Stock, sql, "3 promised with 2 on hand").await;
}

#[tokio::test]
async fn stock_sees_a_claim_that_no_order_has() {
    let sql = "update events set payload = replace(payload::text, '\"quantity\":2,', '\"quantity\":1,')::json
               where event_type = 'StockReleased'";
    breaks(Invariant::Stock, sql, "its orders say").await;
}

#[tokio::test]
async fn a_count_below_what_is_reserved_is_no_fault_of_the_stock() {
    let mut platform = Platform::example().await;
    let sql = r#"update events set event_type = 'StockAdjusted', schema_version = 1, payload = '{"delta": -7, "reason": "counted"}'
                 where event_type = 'StockReleased'"#;
    platform.sql.execute(sql).await.unwrap();
    let found = findings(Invariant::Stock, &platform.subject()).await;
    assert!(!found.iter().any(|finding| finding.contains("promised with")), "{found:?}");
}

#[tokio::test]
async fn fold_equal_sees_a_wrong_column() {
    breaks(Invariant::FoldEqual, "update orders set total = total + 1", "/columns/total").await;
    breaks(Invariant::FoldEqual, "update orders set payment = 'unpaid'", "/columns/status/payment").await;
    breaks(Invariant::FoldEqual, "update stock set reserved = 1", "/reserved").await;
    breaks(Invariant::FoldEqual, "update products set active = false", "/product/active").await;
}

#[tokio::test]
async fn fold_equal_sees_a_wrong_document() {
    let sql = "update orders set document = replace(document::text, 'Lamp', 'Lump')::json";
    breaks(Invariant::FoldEqual, sql, "/document/lines/0/name").await;
}

#[tokio::test]
async fn fold_equal_sees_a_missing_price() {
    breaks(Invariant::FoldEqual, "delete from product_prices where currency = 'EUR'", "/prices").await;
}

#[tokio::test]
async fn fold_equal_sees_a_row_that_lacks_what_is_said_to_be_applied() {
    breaks(Invariant::FoldEqual, "delete from orders where code = 'SON000001'", "is said to be applied").await;
}

#[tokio::test]
async fn fold_equal_sees_a_row_that_nothing_explains() {
    let sql = "insert into products select 'B', name, active, prices, created_at, updated_at, version, incarnation,
               position from products";
    breaks(Invariant::FoldEqual, sql, "product-B, which is not in the log").await;
}

#[tokio::test]
async fn no_double_apply_sees_a_movement_applied_twice() {
    let sql = "update stock set shipped = shipped + 3, on_hand = on_hand - 3";
    breaks(Invariant::NoDoubleApply, sql, "A at main").await;
    let sql = "insert into stock_ledger select (substr(id::text, 1, 35) || 'f')::uuid, sku, location, kind, quantity,
               order_id, occurred_at, position from stock_ledger where kind = 'shipped'";
    breaks(Invariant::NoDoubleApply, sql, "A at main").await;
}

#[tokio::test]
async fn no_double_apply_sees_a_ledger_row_that_the_log_does_not_have() {
    let sql = "update stock_ledger set position = 1 where kind = 'received'";
    breaks(Invariant::NoDoubleApply, sql, "ledger row of position 1").await;
}

#[tokio::test]
async fn no_double_apply_sees_a_ledger_row_of_another_order_or_instant() {
    let sql = "update stock_ledger set order_id = gen_random_uuid() where kind = 'shipped'";
    breaks(Invariant::NoDoubleApply, sql, "3 of A at main for order").await;
    breaks(Invariant::NoDoubleApply, "update stock_ledger set order_id = null where kind = 'reserved'", "none").await;
    let sql = "update stock_ledger set occurred_at = occurred_at + interval '1 ms' where kind = 'received'";
    breaks(Invariant::NoDoubleApply, sql, "received 10 of A").await;
}

#[tokio::test]
async fn no_skip_sees_an_event_that_was_never_sent() {
    let platform = Platform::example().await;
    let mut messages = platform.messages();
    let left_out = messages.remove(4).0.position;
    let subject = platform.subject_with_kafka(&messages).await;
    let found = findings(Invariant::NoSkip, &subject).await;
    assert_eq!(found.len(), 1);
    assert!(found[0].starts_with(&format!("position {left_out} ")), "{found:?}");
    // The next event of that topic says what it follows.
    assert_eq!(findings(Invariant::KeyOrder, &subject).await.len(), 2);
}

#[tokio::test]
async fn no_skip_sees_what_the_log_does_not_have() {
    let platform = Platform::example().await;
    let mut messages = platform.messages();
    messages[2].0.payload = r#"{"quantity":11}"#.into();
    let mut unknown = messages[2].clone();
    unknown.0.position = Position(1_000);
    messages.push(unknown);
    let subject = platform.subject_with_kafka(&messages).await;
    assert_eq!(findings(Invariant::NoSkip, &subject).await.len(), 2);
}

/// The messages with those from `first` on in another life of the log.
fn in_life(life: i32, first: i64, mut messages: Vec<(Recorded, Position)>) -> Vec<(Recorded, Position)> {
    for (event, _) in messages.iter_mut().filter(|(event, _)| event.position.0 >= first) {
        event.incarnation = Incarnation(life);
    }
    messages
}

#[tokio::test]
async fn what_a_log_has_lost_with_its_tail_is_void_on_kafka() {
    let mut platform = Platform::example().await;
    // The events from position 12 on were sent, lost, and written again in the next life with other payloads.
    let sql = "update events set incarnation = 2 where position >= 12";
    platform.sql.execute(sql).await.unwrap();
    platform.sql.execute("update log_head set incarnation = 2").await.unwrap();
    let mut lost = platform.messages();
    lost.iter_mut().filter(|(event, _)| event.position.0 >= 12).for_each(|(event, _)| event.payload = "{}".into());
    let again: Vec<_> = in_life(2, 12, platform.messages()).split_off(11);
    let subject = platform.subject_with_kafka(&[lost, again].concat()).await;
    for invariant in [Invariant::NoSkip, Invariant::KeyOrder] {
        assert_eq!(findings(invariant, &subject).await, Vec::<String>::new(), "{invariant:?}");
    }
}

#[tokio::test]
async fn no_skip_sees_that_only_the_lost_tail_was_sent() {
    let mut platform = Platform::example().await;
    let sql = "update events set incarnation = 2 where position >= 12";
    platform.sql.execute(sql).await.unwrap();
    platform.sql.execute("update log_head set incarnation = 2").await.unwrap();
    let subject = platform.subject_with_kafka(&platform.messages()).await;
    let found = findings(Invariant::NoSkip, &subject).await;
    assert_eq!(found.len(), platform.history.rows.len() - 11, "{found:?}");
}

#[tokio::test]
async fn key_order_sees_events_that_changed_places() {
    let platform = Platform::example().await;
    let mut messages = platform.messages();
    messages.swap(0, 1);
    let subject = platform.subject_with_kafka(&messages).await;
    assert!(!findings(Invariant::KeyOrder, &subject).await.is_empty());
}

#[tokio::test]
async fn repeats_on_kafka_are_no_findings() {
    let platform = Platform::example().await;
    let messages = [platform.messages(), platform.messages()].concat();
    let subject = platform.subject_with_kafka(&messages).await;
    for invariant in [Invariant::NoSkip, Invariant::KeyOrder] {
        assert_eq!(findings(invariant, &subject).await, Vec::<String>::new());
    }
}

#[tokio::test]
async fn what_another_log_publishes_to_the_same_topics_counts_for_nothing() {
    let platform = Platform::example().await;
    let mut messages = platform.messages();
    let missing = messages.pop().unwrap();
    let subject = platform.subject_with_kafka(&messages).await;
    // The missing event of this log is not replaced by that of another, and its chain is not this log's.
    platform.send_as(LogId(uuid::Uuid::now_v7()), &platform.messages()).await;
    let found = findings(Invariant::NoSkip, &subject).await;
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].contains(&format!("position {}", missing.0.position)), "{found:?}");
    assert_eq!(findings(Invariant::KeyOrder, &subject).await, Vec::<String>::new());
}
