//! The program `migrate`: `migrate up`, `migrate down` and `migrate status` apply, revert and list the migrations of
//! this build.

use std::io::Write;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, bail};
use clap::{Parser, Subcommand};
use migrations::MIGRATOR;
use sqlx::migrate::Migrate;
use sqlx::{Connection, PgConnection};

/// Applies, reverts and lists the migrations of the database schema.
#[derive(Parser)]
struct Args {
    /// URL of the database, with a login that owns its tables
    #[arg(long, env = "MIGRATION_DATABASE_URL", hide_env_values = true)]
    database_url: String,
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// Apply all pending migrations
    Up,
    /// Revert the newest migration, or all migrations after a version
    Down {
        /// Version of the last migration to keep; 0 reverts all migrations
        #[arg(long)]
        to: Option<i64>,
    },
    /// List all migrations and whether they are applied
    Status,
}

/// A statement that waits longer for a lock fails, so that a migration never blocks the platform for long.
const LOCK_TIMEOUT: Duration = Duration::from_secs(5);

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run(Args::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("migrate: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(args: Args) -> anyhow::Result<()> {
    let mut connection =
        PgConnection::connect(&args.database_url).await.context("connecting to MIGRATION_DATABASE_URL")?;
    sqlx::query("select set_config('lock_timeout', $1, false)")
        .bind(format!("{}ms", LOCK_TIMEOUT.as_millis()))
        .execute(&mut connection)
        .await
        .context("setting lock_timeout")?;
    match args.action {
        Action::Up => MIGRATOR.run(&mut connection).await.context("applying migrations")?,
        Action::Down { to } => revert(&mut connection, to).await?,
        Action::Status => {}
    }
    print_status(&mut connection).await
}

async fn applied(connection: &mut PgConnection) -> anyhow::Result<Vec<i64>> {
    connection.ensure_migrations_table(&MIGRATOR.table_name).await.context("creating the table of migrations")?;
    let applied =
        connection.list_applied_migrations(&MIGRATOR.table_name).await.context("listing applied migrations")?;
    Ok(applied.into_iter().map(|step| step.version).collect())
}

async fn revert(connection: &mut PgConnection, to: Option<i64>) -> anyhow::Result<()> {
    let applied = applied(connection).await?;
    let newest = applied.last().copied().unwrap_or(0);
    let to = to.unwrap_or_else(|| applied.iter().copied().filter(|version| *version < newest).max().unwrap_or(0));
    if to != 0 && !applied.contains(&to) {
        bail!("migration {to} is not applied; `migrate status` lists the migrations");
    }
    MIGRATOR.undo(connection, to).await.context("reverting migrations")
}

async fn print_status(connection: &mut PgConnection) -> anyhow::Result<()> {
    let applied = applied(connection).await?;
    for step in MIGRATOR.iter().filter(|step| step.migration_type.is_up_migration()) {
        let state = if applied.contains(&step.version) { "applied" } else { "pending" };
        // If nobody reads the list any more (`| head`), there is nothing to report.
        let _ = writeln!(std::io::stdout(), "{:04} {:<20} {state}", step.version, step.description);
    }
    Ok(())
}
