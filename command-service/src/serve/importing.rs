//! The part of the process that takes and works bulk imports. It has connections of its own: an import never waits for the
//! writer's, nor the writer for its.

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
use domain::command::email::EmailIndex;

/// Beside one per worker: uploads and look-ups. The queue has connections of its own.
const CONNECTIONS: u32 = 3;

/// Bulk imports, not yet worked.
pub(super) struct Importing {
    database: Database,
    limits: Limits,
    emails: EmailIndex,
}

impl Importing {
    pub(super) fn new(config: &Config) -> Importing {
        let limits = config.imports.clone();
        let connections = CONNECTIONS + u32::try_from(limits.workers).unwrap_or(u32::MAX);
        let database = Database::new(config.database.clone(), connections, config.import_database_timeout);
        Importing { database, limits, emails: config.emails.clone() }
    }

    /// What the routes work with.
    pub(super) fn imports(&self) -> http::BulkImports {
        http::BulkImports::new(Store::new(self.database.clone()), self.limits.clone())
    }

    /// Uploads are larger and take longer than other requests.
    pub(super) fn http_limits(&self, others: &server::Limits) -> server::Limits {
        let upload = RouteLimits {
            body_bytes_max: self.limits.bytes,
            request_timeout: http::bulk_imports::UPLOAD_TIMEOUT,
            unpacking: Unpacking::ByHandler,
        };
        http::bulk_imports::PATHS.into_iter().fold(others.clone(), |limits, path| limits.with_route(path, upload))
    }

    /// Works jobs from when commands are taken until asked to stop.
    pub(super) fn start(self, slot: http::HttpState, health: Component, stop: Shutdown) -> JoinHandle<()> {
        let Importing { database, limits, emails } = self;
        tokio::spawn(async move {
            let Some(mailbox) = stop.unless_requested(slot.wait_for_mailbox()).await else { return };
            let store = Store::new(database.clone());
            let runner = Runner { store, mailbox, emails, stop, patience: jobs::run::PATIENCE };
            jobs::queue::run(database, runner, limits, health).await;
        })
    }
}
