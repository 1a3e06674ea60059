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
use crate::exports;
use crate::exports::attempt::Executor;
use crate::exports::clock::Clock;
use crate::exports::jobs::Jobs;
use crate::exports::schedules::Schedules;
use crate::exports::store::Store;
use crate::exports::worker::Worker;
use crate::http::app::AppState;
use crate::http::event_stream::Streams;
use crate::http::export_query::parse_dataset;
use crate::http::exports_state::Exports;
use crate::http::signed_link::LinkKey;
use crate::http::{self, export_schedules, router};
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
    exporting: Option<JoinHandle<()>>,
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
        let jobs = config.exports.as_ref().map(open_jobs).transpose()?;
        let exporting = config.exports.zip(jobs.clone()).map(|(config, jobs)| {
            let executor = executor(&reads, &config);
            let component = health.optional("exports");
            let (schedules, stop) = (Schedules::new(jobs.clone()), shutdown.clone());
            tokio::spawn(async move {
                tokio::join!(Worker::new(jobs, executor).run(component, stop.clone()), schedules.run(stop));
            })
        });
        let links = LinkKey::of(&config.cursor_key);
        let exports = jobs.map(|jobs| Exports { schedules: Schedules::new(jobs.clone()), jobs, links });
        let app = Arc::new(AppState {
            reads,
            cursor_key: config.cursor_key,
            wait_max: config.wait_max,
            emails: config.emails,
            catalogue_caching: config.catalogue_caching,
            streams,
            exports,
        });
        let serving = tokio::spawn(server::serve(listener, router(app), limits(config.http), shutdown.clone()));
        Ok(Running { http_addr, admin_addr, health, admin_stop, serving, admin, exporting })
    }

    /// Waits until a shutdown is requested and every response is sent.
    pub async fn finish(self, shutdown: &Shutdown) -> anyhow::Result<()> {
        shutdown.requested().await;
        self.health.drain();
        self.serving.await.context("the HTTP server panicked")?;
        if let Some(exporting) = self.exporting {
            exporting.await.context("the worker of exports panicked")?;
        }
        self.admin_stop.request();
        self.admin.await.context("the admin server panicked")?;
        Ok(())
    }
}

/// The exports of the store.
fn open_jobs(config: &exports::config::Config) -> anyhow::Result<Jobs> {
    let store = Store::open_directory(&config.directory)?;
    Ok(Jobs::new(store, Clock::system(), config.keep))
}

fn executor(reads: &Reads, config: &exports::config::Config) -> Executor {
    Executor {
        database: reads.database.clone(),
        erasures: reads.erasures.clone(),
        parse: parse_dataset,
        timeout: config.timeout,
    }
}

/// The limits of the HTTP server, with those of the routes that take a body.
fn limits(of_all: server::Limits) -> server::Limits {
    let limits = server::RouteLimits {
        body_bytes_max: http::exports::BODY_BYTES_MAX,
        request_timeout: of_all.request_timeout,
        unpacking: server::Unpacking::ByServer,
    };
    let paths = http::exports::PATHS.into_iter().chain(export_schedules::PATHS);
    paths.fold(of_all, |all, path| all.with_route(path, limits))
}
