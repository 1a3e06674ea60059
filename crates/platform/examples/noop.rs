//! A server whose one route does nothing: the bare figure that all others are compared with.
//! `cargo run --release -p platform --example noop -- 127.0.0.1:8099`, then `wrk -c 256 -t 1 http://127.0.0.1:8099/`.

use axum::Router;
use axum::routing::get;
use platform::logs;
use platform::server::{Limits, bind, serve};
use platform::shutdown::Shutdown;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let addr = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:8099".to_owned());
    let addr = addr.parse().map_err(|_| std::io::Error::other("give an address and port such as 127.0.0.1:8099"))?;
    logs::init("noop", logs::Format::Json, &logs::Filter::info()).map_err(std::io::Error::other)?;
    platform::metrics::install();
    let router = Router::new().route("/", get(async || "ok"));
    serve(bind(addr)?, router, Limits::default(), Shutdown::on_signals()?).await;
    Ok(())
}
