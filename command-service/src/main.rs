//! `command-service`: serves commands. The subcommands maintain what belongs to the log: `schedule rebuild` rebuilds the schedule,
//! `republish` sends events to Kafka again, and `raise-incarnation` goes on with a log that has lost its last events.

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use command_service::config::{self, Config, SubcommandConfig};
use command_service::relay::checkpoint::take_over::republishing_instance;
use command_service::relay::republish::{self, Request, Topics};
use command_service::restored_log::{self, ahead};
use command_service::{log, relay, schedule, serve};
use events::Position;
use platform::output::print_line;
use platform::progress_line::ProgressLine;
use platform::shutdown::Shutdown;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Connections of a subcommand: one reads the log, one writes checkpoints.
const CONNECTIONS: u32 = 2;

/// Accepts commands, decides them, appends their events to the log and publishes the log to Kafka.
#[derive(Parser)]
#[command(version)]
struct Args {
    #[command(subcommand)]
    action: Option<Action>,
}

#[derive(Subcommand)]
enum Action {
    /// Serves until SIGTERM or SIGINT (the default). Settings are read from the environment; see .env.example.
    Serve,
    /// Maintains the schedule of the platform's own commands, such as the expiry of unpaid orders.
    #[command(subcommand)]
    Schedule(ScheduleAction),
    /// Sends events of the log to Kafka again, for a topic that was lost. Needs the settings of the service. The relay of the running
    /// service pauses meanwhile and continues afterwards. A run that was interrupted can be repeated: readers recognise repeats by
    /// their position.
    Republish(RepublishArgs),
    /// Continues a log that has lost its last events, by a restore or a failover, in its next incarnation. Shows what contains events
    /// that the log has lost, and what has to be rebuilt. Changes nothing if the log has lost nothing.
    RaiseIncarnation {
        /// Only show what contains events that the log has lost.
        #[arg(long)]
        dry_run: bool,
    },
}

#[derive(Subcommand)]
enum ScheduleAction {
    /// Empties the tables of the schedule; running instances rebuild them from the log. Needs DATABASE_URL.
    Rebuild,
}

#[derive(clap::Args)]
struct RepublishArgs {
    /// First position to send.
    #[arg(long, value_name = "POSITION", allow_negative_numbers = true)]
    from: i64,
    /// Last position to send; by default, and at most, the relay checkpoint.
    #[arg(long, value_name = "POSITION", allow_negative_numbers = true)]
    to: Option<i64>,
    /// Topic, such as orders.v1, or its category, such as order, to which events are sent; can be repeated. By default, all topics.
    #[arg(long = "topic", value_name = "CATEGORY_OR_TOPIC")]
    topics: Vec<String>,
}

#[tokio::main]
async fn main() -> ExitCode {
    let ended = match Args::parse().action.unwrap_or(Action::Serve) {
        Action::Serve => serve_until_stopped().await,
        Action::Schedule(ScheduleAction::Rebuild) => rebuild_schedule().await,
        Action::Republish(args) => republish_events(args).await,
        Action::RaiseIncarnation { dry_run: true } => show_ahead().await,
        Action::RaiseIncarnation { dry_run: false } => raise_incarnation().await,
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("command-service: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn serve_until_stopped() -> anyhow::Result<()> {
    let config = Config::from_env()?;
    platform::logs::init("command-service", config.log_format, &config.log_level)?;
    let shutdown = Shutdown::on_signals()?;
    serve::run(config, shutdown).await
}

async fn rebuild_schedule() -> anyhow::Result<()> {
    schedule::rebuild(log::connect(config::database_from_env()?, 1)).await
}

async fn republish_events(args: RepublishArgs) -> anyhow::Result<()> {
    let config = subcommand_config()?;
    let prefix = config.relay.kafka.as_ref().map_or("", |kafka| &kafka.topic_prefix);
    let request =
        Request { from: Position(args.from), to: args.to.map(Position), topics: Topics::parse(&args.topics, prefix)? };
    let instance = republishing_instance(&config.relay.instance);
    let relay = relay::Config { instance, ..config.relay };
    let database = log::connect(config.database, CONNECTIONS);
    let mut line = ProgressLine::new();
    let shutdown = Shutdown::on_signals()?;
    let ended = republish::run(&relay, database, &request, &shutdown, |progress| progress.show(&mut line)).await;
    line.clear();
    print_line(format_args!("{}", ended?));
    Ok(())
}

async fn show_ahead() -> anyhow::Result<()> {
    let config = subcommand_config()?;
    let ahead = ahead::find(&config.relay, &log::connect(config.database, CONNECTIONS)).await?;
    print_line(format_args!("{ahead}"));
    Ok(())
}

async fn raise_incarnation() -> anyhow::Result<()> {
    let config = subcommand_config()?;
    let database = log::connect(config.database, CONNECTIONS);
    let ahead = ahead::find(&config.relay, &database).await?;
    print_line(format_args!("{ahead}"));
    if ahead.findings.is_empty() {
        print_line(format_args!("the incarnation was not raised, because the log has lost nothing"));
        return Ok(());
    }
    let (incarnation, checkpoint) = restored_log::raise_incarnation(&config.relay, database, &ahead).await?;
    print_line(format_args!(
        "the log continues in incarnation {incarnation}; the relay checkpoint is at position {checkpoint}; to do:"
    ));
    ahead.remaining_work().iter().for_each(|work| print_line(format_args!("  {work}")));
    Ok(())
}

fn subcommand_config() -> anyhow::Result<SubcommandConfig> {
    let config = SubcommandConfig::from_env()?;
    platform::logs::init("command-service", config.log_format, &config.log_level)?;
    Ok(config)
}
