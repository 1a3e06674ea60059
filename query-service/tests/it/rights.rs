//! Least rights: even by mistake nothing is written.

use sqlx::{Connection, Executor, PgConnection};

use crate::house::House;

#[tokio::test]
async fn the_role_can_read_the_models_and_write_nothing() {
    let house = House::new().await;
    house.order_placed("2026-03-05T10:00:00Z").await;
    let mut connection =
        PgConnection::connect(&house.bed.reader_url().expect("an address")).await.expect("the primary");
    let count: i64 =
        sqlx::query_scalar("select count(*) from orders").fetch_one(&mut connection).await.expect("a read");
    assert_eq!(count, 1);

    // Read-only sessions are the first lock; rights are the second, so take the first away.
    let refused = connection.execute("delete from orders").await.expect_err("the session only reads");
    assert_eq!(code(&refused), "25006");
    connection.execute("set default_transaction_read_only = off").await.expect("a setting of one's own");
    for statement in [
        "delete from orders",
        "update stock set reserved = 0",
        "insert into products select * from products",
        "truncate product_prices",
        "update log_head set position = 0",
        "delete from events",
        "update projection_checkpoints set position = 0",
        "update relay_checkpoint set position = 0",
        "delete from parked_streams",
        "select ensure_month('orders', now())",
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
