//! `migrate up`, `migrate down`, `migrate status`: brings the database to the schema that this build knows, or back.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, bail};
use clap::{Parser, Subcommand};
use migrations::MIGRATOR;
use sqlx::migrate::Migrate;
use sqlx::{Connection, PgConnection};

/// Brings the database to the schema that this build knows, or back.
#[derive(Parser)]
struct Args {
    /// The database, as the owner of its tables.
    #[arg(long, env = "MIGRATION_DATABASE_URL", hide_env_values = true)]
    database_url: String,
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// Applies every step that is not applied yet.
    Up,
    /// Takes the newest step back, or all that came after VERSION.
    Down {
        /// Keep this step and all before it; 0 takes everything back.
        #[arg(long)]
        to: Option<i64>,
    },
    /// Lists the steps and whether they are applied.
    Status,
}

/// A statement that waits longer for a lock gives up, so that a migration never stops the platform for long.
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
        Action::Up => MIGRATOR.run(&mut connection).await.context("applying the steps")?,
        Action::Down { to } => take_back(&mut connection, to).await?,
        Action::Status => {}
    }
    print_status(&mut connection).await
}

async fn applied(connection: &mut PgConnection) -> anyhow::Result<Vec<i64>> {
    connection.ensure_migrations_table(&MIGRATOR.table_name).await.context("preparing the table of steps")?;
    let applied = connection.list_applied_migrations(&MIGRATOR.table_name).await.context("listing applied steps")?;
    Ok(applied.into_iter().map(|step| step.version).collect())
}

async fn take_back(connection: &mut PgConnection, to: Option<i64>) -> anyhow::Result<()> {
    let applied = applied(connection).await?;
    let newest = applied.last().copied().unwrap_or(0);
    let to = to.unwrap_or_else(|| applied.iter().copied().filter(|version| *version < newest).max().unwrap_or(0));
    if to != 0 && !applied.contains(&to) {
        bail!("step {to} is not applied; `migrate status` lists the steps");
    }
    MIGRATOR.undo(connection, to).await.context("taking steps back")
}

async fn print_status(connection: &mut PgConnection) -> anyhow::Result<()> {
    let applied = applied(connection).await?;
    for step in MIGRATOR.iter().filter(|step| step.migration_type.is_up_migration()) {
        let state = if applied.contains(&step.version) { "applied" } else { "pending" };
        println!("{:04} {:<20} {state}", step.version, step.description);
    }
    Ok(())
}
