//! The request to shut down a process, or a part of it, in order. [`crate::server`] and the loop of every worker wait for it.

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// Exit code after a second signal: 128 + SIGINT, the convention of shells.
const EXIT_BY_SIGNAL: i32 = 130;

/// A request to shut down, which cannot be withdrawn. Clones share it; a child stops with its parent or before it.
#[derive(Debug, Clone, Default)]
pub struct Shutdown(CancellationToken);

impl Shutdown {
    /// Requested by [`Shutdown::request`] only.
    pub fn new() -> Self {
        Self::default()
    }

    /// Requested by SIGTERM or SIGINT. A second signal ends the process immediately.
    pub fn on_signals() -> std::io::Result<Self> {
        let shutdown = Self::new();
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let requested = shutdown.clone();
        tokio::spawn(async move {
            let signal = either(&mut terminate, &mut interrupt).await;
            tracing::info!(signal, "shutting down; a second signal ends the process immediately");
            requested.request();
            let signal = either(&mut terminate, &mut interrupt).await;
            tracing::warn!(signal, "ending the process immediately");
            std::process::exit(EXIT_BY_SIGNAL);
        });
        Ok(shutdown)
    }

    /// Requests the shutdown.
    pub fn request(&self) {
        self.0.cancel();
    }

    /// Waits until the shutdown is requested.
    pub async fn requested(&self) {
        self.0.cancelled().await;
    }

    /// Whether the shutdown has been requested.
    pub fn is_requested(&self) -> bool {
        self.0.is_cancelled()
    }

    /// A shutdown of a part: requested with this one, or separately.
    pub fn child(&self) -> Self {
        Shutdown(self.0.child_token())
    }

    /// Runs `work` until the shutdown is requested; `None` if it was requested first. The future `work` is dropped then.
    pub async fn unless_requested<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        self.0.run_until_cancelled(work).await
    }
}

async fn either(terminate: &mut Signal, interrupt: &mut Signal) -> &'static str {
    tokio::select! {
        _ = terminate.recv() => "SIGTERM",
        _ = interrupt.recv() => "SIGINT",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_signal_asks_to_stop() {
        let shutdown = Shutdown::on_signals().expect("signals can be handled");
        assert!(!shutdown.is_requested());
        let killed = std::process::Command::new("kill").arg("-TERM").arg(std::process::id().to_string()).status();
        assert!(killed.expect("there is a kill").success());
        shutdown.requested().await;
    }

    #[tokio::test]
    async fn children_stop_with_their_parent_but_not_the_other_way_round() {
        let parent = Shutdown::new();
        let (first, second) = (parent.child(), parent.child());
        first.request();
        assert!(first.is_requested() && !parent.is_requested() && !second.is_requested());
        parent.request();
        second.requested().await;
    }

    #[tokio::test]
    async fn work_is_dropped_when_shutdown_is_requested() {
        let shutdown = Shutdown::new();
        assert_eq!(shutdown.unless_requested(async { 1 }).await, Some(1));
        shutdown.request();
        assert_eq!(shutdown.unless_requested(std::future::pending::<()>()).await, None);
    }
}
