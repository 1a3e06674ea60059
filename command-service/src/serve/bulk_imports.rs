//! The part of the process that accepts bulk imports and executes their jobs. It has its own connections, so that bulk imports and the writer
//! never wait for each other's connections.

use platform::health::Component;
use platform::server::{self, RouteLimits, Unpacking};
use platform::shutdown::Shutdown;
use tokio::task::JoinHandle;

use crate::config::Config;
use crate::database::Database;
use crate::http;
use crate::jobs::run::Runner;
use crate::jobs::store::Store;
use crate::jobs::{self, Limits};
use events::email::EmailIndex;

/// Connections in addition to one per worker, for uploads and queries. The queue has its own connections.
const CONNECTIONS: u32 = 3;

/// Bulk imports, before their workers are started.
pub(super) struct BulkImportService {
    database: Database,
    limits: Limits,
    emails: EmailIndex,
}

impl BulkImportService {
    pub(super) fn new(config: &Config) -> BulkImportService {
        let limits = config.imports.clone();
        let connections = CONNECTIONS + u32::try_from(limits.workers).unwrap_or(u32::MAX);
        let options = config.database.clone().application_name("command-service imports");
        let database = Database::new(options, connections, config.import_database_timeout);
        BulkImportService { database, limits, emails: config.emails.clone() }
    }

    /// State of the routes.
    pub(super) fn state(&self) -> http::BulkImports {
        http::BulkImports::new(Store::new(self.database.clone()), self.limits.clone())
    }

    /// The HTTP limits with those of uploads, which are larger and take longer than other requests.
    pub(super) fn http_limits(&self, others: &server::Limits) -> server::Limits {
        let upload = RouteLimits {
            body_bytes_max: self.limits.bytes,
            request_timeout: http::bulk_imports::UPLOAD_TIMEOUT,
            unpacking: Unpacking::ByHandler,
        };
        http::bulk_imports::PATHS.into_iter().fold(others.clone(), |limits, path| limits.with_route(path, upload))
    }

    /// Executes jobs, from the time when commands are accepted until the shutdown is requested.
    pub(super) fn start(self, state: http::HttpState, health: Component, stop: Shutdown) -> JoinHandle<()> {
        let BulkImportService { database, limits, emails } = self;
        tokio::spawn(async move {
            let Some(mailbox) = stop.unless_requested(state.wait_for_mailbox()).await else { return };
            let store = Store::new(database.clone());
            let runner = Runner { store, mailbox, emails, stop, patience: jobs::run::PATIENCE };
            jobs::queue::run(database, runner, limits, health).await;
        })
    }
}
