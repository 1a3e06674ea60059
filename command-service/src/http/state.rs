//! State that the handlers share: the writer's mailbox, which exists once the log has been read, and the store of bulk imports.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use platform::problem::Problem;
use tokio::sync::{Semaphore, SetOnce};

use super::command_paths::CommandPaths;
use super::problems;
use crate::jobs::Limits;
use crate::jobs::store::Store;
use crate::jobs::upload::UPLOADS_MAX;
use crate::writer::Mailbox;

/// State of the HTTP handlers. Until the mailbox is open, commands are answered with 503; without bulk imports, their routes are.
#[derive(Debug, Clone, Default)]
pub struct HttpState {
    mailbox: Arc<SetOnce<Mailbox>>,
    bulk_imports: Option<BulkImports>,
    pub(super) command_paths: Arc<CommandPaths>,
}

impl HttpState {
    /// State of a service that accepts bulk imports too.
    pub fn with_bulk_imports(bulk_imports: BulkImports) -> HttpState {
        HttpState { bulk_imports: Some(bulk_imports), ..HttpState::default() }
    }

    /// The same state, with the paths of the commands.
    pub(super) fn with_command_paths(self, paths: CommandPaths) -> HttpState {
        HttpState { command_paths: Arc::new(paths), ..self }
    }

    /// Starts to accept commands.
    pub fn open_mailbox(&self, mailbox: Mailbox) {
        let _ = self.mailbox.set(mailbox);
    }

    /// Waits until commands are accepted.
    pub async fn wait_for_mailbox(&self) -> Mailbox {
        self.mailbox.wait().await.clone()
    }

    /// The mailbox; 503 while the service is starting.
    pub(super) fn mailbox(&self) -> Result<&Mailbox, Problem> {
        self.mailbox.get().ok_or_else(problems::starting)
    }
}

/// What the routes of bulk imports and jobs need.
#[derive(Debug, Clone)]
pub struct BulkImports {
    /// The tables of bulk imports.
    pub store: Store,
    /// Size limits of a bulk import.
    pub limits: Limits,
    /// Permits for concurrent uploads.
    pub(super) uploads: Arc<Semaphore>,
}

impl BulkImports {
    /// Bulk imports that are kept in `store`.
    pub fn new(store: Store, limits: Limits) -> BulkImports {
        BulkImports { store, limits, uploads: Arc::new(Semaphore::new(UPLOADS_MAX)) }
    }
}

impl FromRequestParts<HttpState> for BulkImports {
    type Rejection = Problem;

    async fn from_request_parts(_: &mut Parts, state: &HttpState) -> Result<BulkImports, Problem> {
        state.bulk_imports.clone().ok_or_else(problems::starting)
    }
}
