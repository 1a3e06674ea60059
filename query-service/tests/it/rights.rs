//! Database privileges: the service cannot write, even by mistake.

use sqlx::{Connection, Executor, PgConnection};

use crate::fixture::Platform;

#[tokio::test]
async fn the_role_can_read_the_read_models_and_write_nothing() {
    let platform = Platform::new().await;
    platform.place_order("2026-03-05T10:00:00Z").await;
    let mut connection =
        PgConnection::connect(&platform.bed.reader_url().expect("an address")).await.expect("the primary");
    let count: i64 =
        sqlx::query_scalar("select count(*) from orders").fetch_one(&mut connection).await.expect("a read");
    assert_eq!(count, 1);

    // Read-only sessions are the first protection and privileges the second, so the first is disabled here.
    let refused = connection.execute("delete from parked_streams").await.expect_err("the session is read-only");
    assert_eq!(code(&refused), "25006");
    connection.execute("set default_transaction_read_only = off").await.expect("a session setting");
    for statement in [
        "delete from orders",
        "update stock set reserved = 0",
        "insert into products select * from products",
        "truncate products_1.product_prices",
        "update log_head set position = 0",
        "delete from events",
        "update projection_checkpoints set position = 0",
        "update relay_checkpoint set position = 0",
        "delete from parked_streams",
        "drop view orders",
        "create table orders_1.mine (id int)",
        "delete from orders_1.orders",
        "select * from snapshots",
        "create table mine (id int)",
    ] {
        let refused = connection.execute(statement).await.expect_err(statement);
        assert_eq!(code(&refused), "42501", "{statement}: {refused}");
    }
}

fn code(error: &sqlx::Error) -> String {
    error.as_database_error().and_then(|error| error.code()).unwrap_or_default().into_owned()
}
