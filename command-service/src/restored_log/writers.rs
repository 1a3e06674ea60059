//! Finds the writers that are connected to the log, by the names of their connections. Owner module of sqlx.

use crate::database::{Database, Error, during};

/// Application name of the connections of a writer. A service that has detected that the log has lost events has no writer.
pub const APPLICATION_NAME: &str = "command-service writer";

/// The address of a client that has a writer's connection to this database, if any.
pub(super) async fn find_writer(database: &Database) -> Result<Option<String>, Error> {
    const FIND: &str = "
        select coalesce(host(client_addr), 'this host') || ' (process ' || pid || ' of PostgreSQL)' from pg_stat_activity
        where datname = current_database() and application_name = $1 order by backend_start limit 1";
    sqlx::query_scalar(FIND)
        .bind(APPLICATION_NAME)
        .fetch_optional(database)
        .await
        .map_err(during("finding the connections of writers"))
}
