//! The serving process: the workers of all followed generations, the task that writes to the cache, and the admin server
//! with the HTTP API of operators. [`crate::followed`], [`crate::cache`], [`crate::retry`] and [`crate::ops`] are what it
//! runs.

use std::pin::Pin;
use std::time::Duration;

use anyhow::Context;
use platform::config::Secret;
use platform::health::Health;
use platform::server::{Limits as ServerLimits, bind};
use platform::shutdown::Shutdown;
use read_model::Generation;

use crate::cache::{Cache, Writer};
use crate::config::Config;
use crate::followed::Followed;
use crate::ops::{self, Ops};
use crate::retry::{self, RetryOutcome, Selected};

/// Timeout for workers to finish their batch and leave their consumer groups.
const STOP_DEADLINE: Duration = Duration::from_secs(15);

/// Runs until a shutdown is requested. Dependencies may be unavailable at the start: the health report names them, and
/// the workers start when they are available.
///
/// The future is boxed: the projector is then compiled once, with this library, and not again with its program.
pub fn run(config: Config, shutdown: Shutdown) -> Pin<Box<dyn Future<Output = anyhow::Result<()>>>> {
    Box::pin(serve(config, shutdown))
}

async fn serve(config: Config, shutdown: Shutdown) -> anyhow::Result<()> {
    let metrics = platform::metrics::install();
    let health = Health::new();
    let listener = bind(config.admin_addr).with_context(|| format!("listening on {}", config.admin_addr))?;
    let ops = Ops::new(config.database_url.clone(), config.source_url.clone(), shutdown.clone());
    let router = platform::admin::router(health.clone(), metrics).merge(ops::router(ops));
    let admin_stop = Shutdown::new();
    let admin = tokio::spawn(platform::server::serve(listener, router, ServerLimits::admin(), admin_stop.clone()));

    let (cache, writer) = open_cache(&config, &health)?;
    let writing = tokio::spawn(async move {
        if let Some(writer) = writer {
            writer.run().await;
        }
    });
    match &config.kafka {
        Some(kafka) => tracing::info!(admin.addr = %config.admin_addr, kafka.group = kafka.group, "projector started"),
        None => tracing::info!(admin.addr = %config.admin_addr, "projector started without Kafka; following the log"),
    }
    tokio::spawn(retry_once(config.database_url.clone()));
    let followed = Followed::new(config, cache, health.clone(), shutdown.clone());
    let mut following = tokio::spawn(followed.run());

    let ended = tokio::select! {
        () = shutdown.requested() => None,
        ended = &mut following => Some(ended),
    };
    health.drain();
    shutdown.request();
    let stopped = tokio::time::timeout(STOP_DEADLINE, async {
        let ended = match ended {
            Some(ended) => ended,
            None => following.await,
        };
        let _ = writing.await;
        ended?
    });
    let ended = stopped.await.unwrap_or_else(|_| {
        tracing::warn!(
            "workers did not stop in time; events that are not committed will be applied after the next start"
        );
        Ok(())
    });
    admin_stop.request();
    let _ = admin.await;
    tracing::info!("projector stopped");
    ended
}

fn open_cache(config: &Config, health: &Health) -> anyhow::Result<(Option<Cache>, Option<Writer>)> {
    let Some(url) = &config.redis_url else { return Ok((None, None)) };
    let opened = Cache::new(url, &config.cache_prefix, health.optional("redis"));
    let (cache, writer) = opened.context("REDIS_URL: set it to redis://:PASSWORD@HOST:PORT/DB")?;
    Ok((Some(cache), Some(writer)))
}

/// Retries parked streams once, because this build may be able to apply what an older build could not. Fails if another
/// process is retrying.
async fn retry_once(database_url: Secret) {
    let mut report = |generation: Generation, stream: &str, outcome: &RetryOutcome| {
        if let RetryOutcome::Resumed(events) = outcome {
            let projection = generation.projection.name();
            tracing::info!(
                projection,
                generation = generation.number,
                event.stream = stream,
                events,
                "resumed parked stream"
            );
        }
    };
    if let Err(error) = retry::retry(&database_url, Selected::default(), &mut report).await {
        tracing::info!(error = format!("{error:#}"), "parked streams were not retried at the start");
    }
}
