//! The locks of processes that follow the log without Kafka: a generation is followed by one process at a time. A lock
//! ends with its connection, so another process takes over when a process is killed.

use read_model::Generation;
use sqlx::PgConnection;

/// Takes the locks of generations without waiting; returns the generations whose locks this session holds now.
pub async fn try_lock(connection: &mut PgConnection, generations: &[Generation]) -> sqlx::Result<Vec<Generation>> {
    let locked: Vec<bool> = sqlx::query_scalar(
        "select pg_try_advisory_lock(hashtext('following the log'), hashtext(name))
         from unnest($1::text[]) with ordinality as g (name, number) order by number",
    )
    .bind(names(generations))
    .fetch_all(connection)
    .await?;
    Ok(generations.iter().zip(locked).filter(|(_, locked)| *locked).map(|(generation, _)| *generation).collect())
}

/// Releases the locks of generations.
pub async fn unlock(connection: &mut PgConnection, generations: &[Generation]) -> sqlx::Result<()> {
    sqlx::query(
        "select pg_advisory_unlock(hashtext('following the log'), hashtext(name)) from unnest($1::text[]) as name",
    )
    .bind(names(generations))
    .execute(connection)
    .await
    .map(|_| ())
}

/// The schema of a generation identifies it.
fn names(generations: &[Generation]) -> Vec<String> {
    generations.iter().map(|generation| generation.schema()).collect()
}
