//! A database that is restored from a backup, while Kafka keeps the events since the backup: two commands repair the platform.

#![expect(clippy::unwrap_used, reason = "a test that cannot continue fails")]

use std::process::{Command, Output};
use std::time::Duration;

use e2e::api::{Answer, Api};
use e2e::audit::{self, Invariant, Subject};
use e2e::fleet::{Dependencies, Fleet, FleetConfig, Service};
use serde_json::json;
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use testbed::{Bed, PATIENCE};
use uuid::Uuid;

/// Pause between two reads of a condition.
const CHECK_INTERVAL: Duration = Duration::from_millis(50);

/// The projections that orders change.
const OF_ORDERS: [&str; 9] = [
    "fulfilments",
    "order_returns",
    "order_statistics",
    "order_timeline",
    "orders",
    "sales",
    "stock",
    "stock_movements",
    "stock_reservations",
];

async fn place_orders(api: &Api, count: usize) -> Vec<Answer> {
    let mut orders = Vec::new();
    for _ in 0..count {
        let order = json!({ "currency": "GBP", "lines": [{ "sku": "LAMP", "quantity": 2 }] });
        orders.push(api.command("/v1/orders", Uuid::now_v7(), &order).await.unwrap().success().unwrap());
    }
    orders
}

/// The name of the database of a test, and a connection of the superuser to another database.
async fn administrate(bed: &Bed) -> (String, PgConnection) {
    let url = bed.admin_url().unwrap();
    let name = url.split('?').next().unwrap().rsplit('/').next().unwrap().to_owned();
    let admin = PgConnection::connect(&url.replacen(&format!("/{name}?"), "/postgres?", 1)).await.unwrap();
    (name, admin)
}

/// Copies a database, which must have no connections; those of stopped services end a moment later.
async fn copy_database(admin: &mut PgConnection, from: &str, to: &str) {
    let copy = format!("create database {to} template {from} owner orders_owner");
    wait_for(async || sqlx::raw_sql(AssertSqlSafe(copy.clone())).execute(&mut *admin).await.is_ok()).await;
    // A copy has no privileges on the database itself.
    let grant = format!("grant create on database {to} to model_writer");
    sqlx::raw_sql(AssertSqlSafe(grant)).execute(admin).await.unwrap();
}

async fn stop(mut fleet: Fleet) {
    for service in fleet.services().collect::<Vec<_>>() {
        fleet.stop(service, PATIENCE).await.unwrap();
    }
    fleet.finish();
}

/// Runs a command of an operator.
fn operate(bed: &Bed, service: Service, arguments: &[&str]) -> Output {
    let settings = service.settings(bed, Dependencies::All).unwrap();
    let unused = [("HTTP_ADDR", "127.0.0.1:1"), ("ADMIN_ADDR", "127.0.0.1:1")];
    let mut command = Command::new(service.find_binary().unwrap());
    command.args(arguments).env_clear().envs(unused).envs(settings).output().unwrap()
}

/// The output of a command that succeeds.
fn output_of(bed: &Bed, service: Service, arguments: &[&str]) -> String {
    let output = operate(bed, service, arguments);
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restored_platform_is_repaired_with_two_commands() {
    let bed = Bed::new().await.unwrap();
    let config = || FleetConfig::all_services(&bed);
    let fleet = config().start().await.unwrap();
    let api = Api::of(&fleet).unwrap();
    api.create_product_with_stock("LAMP", 450, 100).await.unwrap();
    place_orders(&api, 3).await;
    wait_until_true(&bed, "select count(*) = 3 from orders").await;
    stop(fleet).await;
    let (name, mut admin) = administrate(&bed).await;
    let backup = format!("{name}_backup");
    copy_database(&mut admin, &name, &backup).await;

    // Orders that are placed after the backup reach Kafka, and are lost in the log.
    let fleet = config().only(Service::Command).start().await.unwrap();
    let lost = place_orders(&Api::of(&fleet).unwrap(), 3).await;
    let published = format!("select position >= {} from relay_checkpoint", lost[2].token.unwrap());
    wait_until_true(&bed, &published).await;
    stop(fleet).await;
    admin.close().await.unwrap();
    let (_, mut admin) = administrate(&bed).await;
    sqlx::raw_sql(AssertSqlSafe(format!("drop database {name} with (force)"))).execute(&mut admin).await.unwrap();
    copy_database(&mut admin, &backup, &name).await;

    // The projector applies the lost events, because it cannot know that they are lost.
    let fleet = config().only(Service::Projector).start().await.unwrap();
    let ahead = format!(
        "select count(distinct projection) = {} from projection_checkpoints where position > (select position from log_head)",
        OF_ORDERS.len()
    );
    wait_until_true(&bed, &ahead).await;
    let early = operate(&bed, Service::Projector, &["repair"]);
    let error = String::from_utf8(early.stderr).unwrap();
    assert!(!early.status.success() && error.contains("run `command-service raise-incarnation` first"), "{error}");

    let raised = output_of(&bed, Service::Command, &["raise-incarnation"]);
    let to_do = format!("run `projector repair`: lost events are in {}", OF_ORDERS.join(", "));
    assert!(raised.contains(&to_do), "{raised}");
    let status = output_of(&bed, Service::Projector, &["status"]);
    assert_eq!(status.matches("ahead of the log: run `projector repair ").count(), OF_ORDERS.len(), "{status}");
    let repaired = output_of(&bed, Service::Projector, &["repair"]);
    for projection in OF_ORDERS {
        let line = format!("{projection} generation 2 is live; removed: {projection} generation 1");
        assert!(repaired.contains(&line), "{repaired}");
    }
    assert_eq!(output_of(&bed, Service::Projector, &["repair"]), "nothing is ahead of the log\n");
    let untouched = "select bool_and(generation = 1) from projection_generations
                     where projection in ('products', 'customers', 'stock_holds')";
    wait_until_true(&bed, untouched).await;
    stop(fleet).await;

    let fleet = config().start().await.unwrap();
    let api = Api::of(&fleet).unwrap();
    let new = place_orders(&api, 3).await;
    for order in &new {
        let path = format!("/v1/orders/{}", order.text("id"));
        wait_for(async || api.query_at(&path, order.token.unwrap()).await.unwrap().is_success()).await;
    }
    let by_code = format!("/v1/orders/{}", lost[0].text("code"));
    wait_for(async || api.query(&by_code).await.unwrap().text("id") == new[0].text("id")).await;
    let by_id = format!("/v1/orders/{}", lost[0].text("id"));
    wait_for(async || api.query(&by_id).await.unwrap().status == 404).await;
    let invariants =
        [Invariant::Liveness, Invariant::Gapless, Invariant::Stock, Invariant::FoldEqual, Invariant::Cache];
    let lines = audit::run(&Subject::of(&bed, Vec::new()).unwrap(), &invariants).await;
    let report: Vec<String> = lines.iter().map(ToString::to_string).collect();
    assert!(lines.iter().all(audit::Line::has_passed), "{}", report.join("\n"));
    for projection in OF_ORDERS {
        output_of(&bed, Service::Projector, &["verify", projection]);
    }
    fleet.finish();
}

async fn wait_until_true(bed: &Bed, query: &str) {
    let mut connection = PgConnection::connect(&bed.admin_url().unwrap()).await.unwrap();
    wait_for(async || {
        sqlx::query_scalar::<_, bool>(AssertSqlSafe(query.to_owned())).fetch_one(&mut connection).await.unwrap()
    })
    .await;
    connection.close().await.unwrap();
}

async fn wait_for(mut condition: impl AsyncFnMut() -> bool) {
    let reached = async {
        while !condition().await {
            tokio::time::sleep(CHECK_INTERVAL).await;
        }
    };
    tokio::time::timeout(PATIENCE, reached).await.expect("the condition was not met in time");
}
