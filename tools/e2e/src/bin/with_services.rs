//! Runs a program against all three services, which are started for it on a database of their own, and ends as it ends:
//! `with_services PROGRAM ARGUMENT...`. The program finds `COMMAND_URL`, `QUERY_URL` and, of the few things that are there,
//! `ORDER_ID` in its environment.

use std::ffi::OsString;
use std::process::ExitCode;

use anyhow::Context;
use clap::Parser;
use e2e::api::Api;
use e2e::fleet::{Plan, Service};
use serde_json::json;
use testbed::Bed;
use tokio::process::Command;
use uuid::Uuid;

/// Pieces of the one product: more than a run can order.
const PIECES: u32 = 1_000_000;

/// Runs a program against services of its own.
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
    let fleet = Plan::everything(&bed).start().await?;
    let order_id = furnish(&Api::of(&fleet)?).await?;
    let ended = Command::new(&program[0])
        .args(&program[1..])
        .env("COMMAND_URL", fleet.url(Service::Command)?)
        .env("QUERY_URL", fleet.url(Service::Query)?)
        .env("ORDER_ID", order_id)
        .status()
        .await
        .with_context(|| format!("running {}", program[0].display()))?;
    if ended.success() {
        fleet.retire();
    }
    Ok(ExitCode::from(ended.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1)))
}

/// A product with stock, and an order whose parts can be commanded; gives its id once it can be read.
async fn furnish(api: &Api) -> anyhow::Result<String> {
    api.offer("LAMP", 450, PIECES).await?;
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
