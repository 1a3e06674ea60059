//! `with_services PROGRAM ARGUMENT...` starts all three services on a new database, runs the program, and exits with the exit
//! status of the program. The environment of the program contains `COMMAND_URL`, `QUERY_URL` and `ORDER_ID`, the id of an
//! existing order.

use std::ffi::OsString;
use std::process::ExitCode;

use anyhow::Context;
use clap::Parser;
use e2e::api::Api;
use e2e::fleet::{FleetConfig, Service};
use serde_json::json;
use testbed::Bed;
use tokio::process::Command;
use uuid::Uuid;

/// Units of the product in stock; more than a run can order.
const UNITS: u32 = 1_000_000;

/// Runs a program against services that are started for it.
#[derive(Debug, Parser)]
#[command(name = "with_services")]
struct Arguments {
    /// The program and its arguments.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, required = true)]
    program: Vec<OsString>,
}

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    let Arguments { program } = Arguments::parse();
    let bed = Bed::new().await?;
    let exports = tempfile::tempdir().context("creating the folder of exports")?;
    let exports_dir = exports.path().to_string_lossy();
    let fleet = FleetConfig::all_services(&bed).with(Service::Query, "EXPORTS_DIR", exports_dir).start().await?;
    let order_id = create_example_order(&Api::of(&fleet)?).await?;
    let ended = Command::new(&program[0])
        .args(&program[1..])
        .env("COMMAND_URL", fleet.url(Service::Command)?)
        .env("QUERY_URL", fleet.url(Service::Query)?)
        .env("ORDER_ID", order_id)
        .status()
        .await
        .with_context(|| format!("running {}", program[0].display()))?;
    if ended.success() {
        fleet.finish();
    }
    Ok(ExitCode::from(ended.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1)))
}

/// Creates a product with stock and an order with a payment and a fulfilment. Returns the id of the order when the query service
/// returns the order.
async fn create_example_order(api: &Api) -> anyhow::Result<String> {
    api.create_product_with_stock("LAMP", 450, UNITS).await?;
    let order = json!({ "currency": "GBP", "lines": [{ "sku": "LAMP", "quantity": 1000 }] });
    let placed = api.command("/v1/orders", Uuid::now_v7(), &order).await?.success()?;
    let id = placed.text("id").to_owned();
    let payment = json!({ "kind": "captured", "amount": 450_000, "method": "card" });
    api.command(&format!("/v1/orders/{id}/payments"), Uuid::now_v7(), &payment).await?.success()?;
    let packed = json!({ "lines": [{ "line": 1, "quantity": 500 }] });
    let packed = api.command(&format!("/v1/orders/{id}/fulfilments"), Uuid::now_v7(), &packed).await?.success()?;
    let token = packed.token.context("an answer to a command has a Consistency-Token")?;
    api.query_at(&format!("/v1/orders/{id}"), token).await?.success()?;
    Ok(id)
}
