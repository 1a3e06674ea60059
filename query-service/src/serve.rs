//! Assembles the process: it listens at once, is ready when a database answers, and stops in order. Builds [`crate::reads`] and
//! [`crate::http`] from [`crate::config`].

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Context;
use platform::health::Health;
use platform::shutdown::Shutdown;
use platform::{admin, metrics, server};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::config::Config;
use crate::http::app::AppState;
use crate::http::event_stream::Streams;
use crate::http::router;
use crate::reads::Reads;

/// One in this many requests may wait for a consistency token; the capacity of the others stays for requests that do not wait.
const WAITING_SHARE: usize = 2;

/// Serves until a shutdown is requested.
pub async fn run(config: Config, shutdown: Shutdown) -> anyhow::Result<()> {
    let listener =
        server::bind(config.http_addr).with_context(|| format!("listening on HTTP_ADDR {}", config.http_addr))?;
    let admin =
        server::bind(config.admin_addr).with_context(|| format!("listening on ADMIN_ADDR {}", config.admin_addr))?;
    tracing::info!(http.addr = %config.http_addr, admin.addr = %config.admin_addr, "query service listening");
    Running::start(config, listener, admin, &shutdown)?.finish(&shutdown).await
}

/// A running service.
pub struct Running {
    /// Address of the HTTP API.
    pub http_addr: SocketAddr,
    /// Address of health and metrics.
    pub admin_addr: SocketAddr,
    /// State of the dependencies.
    pub health: Health,
    admin_stop: Shutdown,
    serving: JoinHandle<server::Drained>,
    admin: JoinHandle<server::Drained>,
}

impl Running {
    /// Starts serving, and connects to the dependencies in the background.
    pub fn start(
        config: Config,
        listener: TcpListener,
        admin: TcpListener,
        shutdown: &Shutdown,
    ) -> anyhow::Result<Running> {
        let metrics = metrics::install();
        let (http_addr, admin_addr) = (listener.local_addr()?, admin.local_addr()?);
        let (health, admin_stop) = (Health::new(), Shutdown::new());
        let admin_router = admin::router(health.clone(), metrics);
        let admin = tokio::spawn(server::serve(admin, admin_router, server::Limits::admin(), admin_stop.clone()));
        let waiting_max = (config.http.requests_in_flight_max / WAITING_SHARE).max(1);
        let reads = Reads::start(config.reads, waiting_max, &health, &admin_stop);
        let streams = Streams::new(config.streams_max, shutdown.clone());
        let app = Arc::new(AppState {
            reads,
            cursor_key: config.cursor_key,
            wait_max: config.wait_max,
            emails: config.emails,
            catalogue_caching: config.catalogue_caching,
            streams,
        });
        let serving = tokio::spawn(server::serve(listener, router(app), config.http, shutdown.clone()));
        Ok(Running { http_addr, admin_addr, health, admin_stop, serving, admin })
    }

    /// Waits until a shutdown is requested and every response is sent.
    pub async fn finish(self, shutdown: &Shutdown) -> anyhow::Result<()> {
        shutdown.requested().await;
        self.health.drain();
        self.serving.await.context("the HTTP server panicked")?;
        self.admin_stop.request();
        self.admin.await.context("the admin server panicked")?;
        Ok(())
    }
}
