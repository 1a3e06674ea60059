//! The rebuilds and verifications of this process: at most one of each kind per projection. The last one of each kind stays
//! visible after its end.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, Utc};
use platform::shutdown::Shutdown;
use read_model::Projection;
use schemars::JsonSchema;
use serde::Serialize;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::operate::{Done, Operation, operate};
use crate::operator_error::OperatorError;
use crate::rebuild::progress::{Progress, Shown};

/// What a task does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Rebuild,
    Verification,
}

/// The tasks of this process.
#[derive(Debug, Clone)]
pub(super) struct Tasks {
    tasks: Arc<Mutex<BTreeMap<(Projection, Kind), Task>>>,
    shutdown: Shutdown,
}

/// A task that is running or has ended.
#[derive(Debug)]
struct Task {
    progress: Arc<Progress>,
    started_at: DateTime<Utc>,
    end: Option<End>,
}

#[derive(Debug, Clone)]
struct End {
    progress: Shown,
    at: DateTime<Utc>,
    error: Option<String>,
}

/// A rebuild or verification that runs in this process, or was the last one that did.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub(super) struct TaskStatus {
    /// Instant at which it started.
    started_at: DateTime<Utc>,
    /// Instant at which it ended; missing while it runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    ended_at: Option<DateTime<Utc>>,
    /// Reason why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    /// The progress now, or at the end.
    progress: Shown,
}

type Outcome = Result<Done, OperatorError>;

impl Tasks {
    /// No tasks yet. Running tasks are interrupted when the shutdown is requested.
    pub(super) fn new(shutdown: Shutdown) -> Tasks {
        Tasks { tasks: Arc::default(), shutdown }
    }

    /// Starts a task and waits until it has begun its work, or returns the error that prevents it.
    pub(super) async fn start(
        &self,
        projection: Projection,
        kind: Kind,
        operation: impl FnOnce(Arc<Progress>) -> Operation,
    ) -> Result<(), OperatorError> {
        let progress = self.enter(projection, kind)?;
        let (sender, rejected) = oneshot::channel();
        let running = tokio::spawn(operate(projection.name(), operation(Arc::clone(&progress))));
        tokio::spawn(self.clone().finish((projection, kind), running, sender));
        tokio::select! {
            () = progress.begun() => Ok(()),
            // The sender is dropped if the task ended after it had begun.
            rejected = rejected => rejected.map_or(Ok(()), Err),
        }
    }

    /// The task of a projection that runs, or was the last one.
    pub(super) fn find(&self, projection: Projection, kind: Kind) -> Option<TaskStatus> {
        let tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        let Task { progress, started_at, end } = tasks.get(&(projection, kind))?;
        Some(TaskStatus {
            started_at: *started_at,
            ended_at: end.as_ref().map(|end| end.at),
            error: end.as_ref().and_then(|end| end.error.clone()),
            progress: end.as_ref().map_or_else(|| progress.now(), |end| end.progress.clone()),
        })
    }

    fn enter(&self, projection: Projection, kind: Kind) -> Result<Arc<Progress>, OperatorError> {
        let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (projection, kind);
        if tasks.get(&key).is_some_and(|task| task.end.is_none()) {
            let name = projection.name();
            return Err(OperatorError::Busy(match kind {
                Kind::Rebuild => format!("this process is rebuilding {name} already"),
                Kind::Verification => format!("this process is verifying {name} already"),
            }));
        }
        let progress = Arc::new(Progress::default());
        tasks.insert(key, Task { progress: Arc::clone(&progress), started_at: Utc::now(), end: None });
        Ok(progress)
    }

    /// Waits for the end of a task. If it ends before it has begun its work, nothing is kept of it but the error for the
    /// request that started it.
    async fn finish(
        self,
        key: (Projection, Kind),
        mut running: JoinHandle<Outcome>,
        rejected: oneshot::Sender<OperatorError>,
    ) {
        let ended = self.shutdown.unless_requested(&mut running).await;
        running.abort();
        let error = match ended {
            Some(Ok(Ok(_))) => None,
            Some(Ok(Err(error))) => Some(error),
            Some(Err(panicked)) => Some(OperatorError::Failed(panicked.into())),
            None => Some(OperatorError::Conflict(
                "interrupted because the process is shutting down; a rebuild continues when it is started again"
                    .to_owned(),
            )),
        };
        let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(task) = tasks.get_mut(&key) else { return };
        match error {
            Some(error) if !task.progress.has_begun() => {
                tasks.remove(&key);
                // Nobody waits for it if the client has disconnected.
                let _ = rejected.send(error);
            }
            error => {
                let error = error.map(|error| format!("{error:#}"));
                if let Some(error) = &error {
                    tracing::error!(projection = key.0.name(), task = ?key.1, error, "a task of an operator failed");
                }
                task.end = Some(End { progress: task.progress.now(), at: Utc::now(), error });
            }
        }
    }
}
