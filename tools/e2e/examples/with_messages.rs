//! `with_messages PROGRAM ARGUMENT...` publishes a message of every event type in every schema version with the relay, runs the
//! program, and exits with the exit status of the program. The payloads are the files in `events/golden`. The environment of the
//! program contains `KAFKA_BROKERS`, `TOPIC_PREFIX` and `MESSAGES`, a JSON file with the expected attributes and data of every
//! message.

use std::collections::HashMap;
use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, bail};
use chrono::{DateTime, SecondsFormat, SubsecRound, TimeDelta, Utc};
use clap::Parser;
use command_service::database::Database;
use command_service::log::batch::{Appended, CommandHeader, NewRow};
use command_service::log::{self, Log};
use command_service::relay::{Config, DEFAULT_LEASE, Kafka, Outcome, Relay};
use events::codec::{self, EVENT_TYPES, EventType};
use events::{
    Category, CustomerId, EmailHash, Event, Location, LogId, Metadata, OrderId, Position, Recorded, StockHoldId,
    StreamId, Version, schemas, topics,
};
use platform::health::Health;
use serde_json::{Value, json};
use testbed::{Bed, PATIENCE};
use tokio::process::Command;
use tokio::sync::mpsc;
use uuid::Uuid;

/// Partitions of each topic; one, so that many messages are in one batch and batches are compressed.
const PARTITIONS: i32 = 1;

/// Runs a program against topics that contain a message of every event type and schema version.
#[derive(Debug, Parser)]
#[command(name = "with_messages")]
struct Arguments {
    /// The program and its arguments.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, required = true)]
    program: Vec<OsString>,
}

/// A payload in `events/golden`.
struct Golden {
    name: String,
    event_type: &'static str,
    schema_version: i16,
    payload: String,
}

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    let Arguments { program } = Arguments::parse();
    let bed = Bed::new().await?;
    let database = log::connect(bed.writer_url()?.parse()?, 4);
    let log = Log::new(database.clone());
    let goldens = goldens()?;
    append(&log, &goldens).await?;
    let events = log.read_after(Position::ZERO, i64::MAX).await?;
    relay(&bed, database, &log, Position::ZERO.plus(events.len())).await?;
    let expected = expected_messages(&bed, log.id().await?, &events, &goldens)?;
    let file = tempfile::NamedTempFile::new()?;
    fs::write(file.path(), serde_json::to_vec(&expected)?)?;
    let ended = Command::new(&program[0])
        .args(&program[1..])
        .env("KAFKA_BROKERS", bed.kafka_brokers()?)
        .env("TOPIC_PREFIX", bed.topic_prefix())
        .env("MESSAGES", file.path())
        .status()
        .await
        .with_context(|| format!("running {}", program[0].display()))?;
    Ok(ExitCode::from(ended.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1)))
}

/// Reads all payloads; at least one of every event type and schema version.
fn goldens() -> anyhow::Result<Vec<Golden>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../events/golden");
    let names = fs::read_dir(&folder)?.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()));
    let names: Vec<String> = names.collect::<std::io::Result<_>>()?;
    let mut goldens = Vec::new();
    for EventType { name: event_type, schema_version: current, .. } in EVENT_TYPES {
        for schema_version in 1..=*current {
            let prefix = format!("{event_type}.v{schema_version}.");
            let before = goldens.len();
            for name in names.iter().filter(|name| name.starts_with(&prefix)) {
                let payload = fs::read_to_string(folder.join(name))?.trim_end().to_owned();
                goldens.push(Golden { name: name.clone(), event_type, schema_version, payload });
            }
            if goldens.len() == before {
                bail!("events/golden has no payload of {event_type} version {schema_version}");
            }
        }
    }
    Ok(goldens)
}

/// Appends an event per payload. Every second event has all optional metadata and starts a command.
async fn append(log: &Log, goldens: &[Golden]) -> anyhow::Result<()> {
    let mut versions: HashMap<StreamId, Version> = HashMap::new();
    let mut rows = Vec::with_capacity(goldens.len());
    for (number, golden) in goldens.iter().enumerate() {
        let stream = stream_of(&codec::decode(golden.event_type, golden.schema_version, &golden.payload)?)?;
        let version = versions.entry(stream.clone()).or_insert(Version::NONE);
        *version = version.next();
        let (metadata, command) = if number % 2 == 0 { metadata_and_command()? } else { (None, None) };
        rows.push(NewRow {
            stream,
            version: *version,
            event_type: golden.event_type,
            schema_version: golden.schema_version,
            payload: golden.payload.clone(),
            metadata,
            command,
            claim: None,
        });
    }
    match log.append(log.head().await?, Utc::now().trunc_subsecs(6), &rows).await {
        Appended::After(..) => Ok(()),
        other => bail!("appending the golden events: {other:?}"),
    }
}

fn metadata_and_command() -> anyhow::Result<(Option<String>, Option<CommandHeader>)> {
    let metadata = Metadata {
        occurred_at: Some((Utc::now() - TimeDelta::days(400)).trunc_subsecs(6)),
        correlation_id: Some("import-1".to_owned()),
        causation_id: Some("01890a5d-ac96-774b-bcce-b302099a8057".to_owned()),
        traceparent: Some("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".to_owned()),
    };
    let command = CommandHeader { id: Uuid::now_v7(), fingerprint: 1, size: 1 };
    Ok((Some(serde_json::to_string(&metadata)?), Some(command)))
}

/// A stream that may contain the event.
fn stream_of(event: &Event) -> anyhow::Result<StreamId> {
    let (now, random) = (Utc::now(), [7; 10]);
    Ok(match event {
        Event::Order(_) => StreamId::order(OrderId::new(now, random)),
        Event::Stock(_) => StreamId::stock(&"MUG-1".parse()?, &Location::main()),
        Event::Product(_) => StreamId::product(&"MUG-1".parse()?),
        Event::Customer(_) => StreamId::customer(CustomerId::new(now, random)),
        Event::Email(_) => StreamId::email(EmailHash::new([7; 16])),
        Event::StockHold(_) => StreamId::stock_hold(StockHoldId::new(now, random)),
    })
}

/// Publishes the log up to a position, as the command service does.
async fn relay(bed: &Bed, database: Database, log: &Log, until: Position) -> anyhow::Result<()> {
    let config = Config {
        kafka: Some(Kafka {
            brokers: bed.kafka_brokers()?,
            topic_prefix: bed.topic_prefix(),
            client_id: "with-messages".to_owned(),
        }),
        partitions: PARTITIONS,
        instance: "with-messages".to_owned(),
        lease: DEFAULT_LEASE,
    };
    let (_writer, batches) = mpsc::channel(1);
    let mut relay = Relay::new(config, database, log.clone(), batches, Health::new());
    let relaying = async {
        while relay.step().await? != Outcome::Checkpointed(until) {
            relay.wait().await;
        }
        anyhow::Ok(())
    };
    tokio::time::timeout(PATIENCE, relaying).await.context("relaying the golden events")??;
    relay.stop().await;
    Ok(())
}

/// The expected attributes and data of all messages.
fn expected_messages(bed: &Bed, log_id: LogId, events: &[Recorded], goldens: &[Golden]) -> anyhow::Result<Vec<Value>> {
    let mut last: HashMap<Category, Position> = HashMap::new();
    let messages = events.iter().zip(goldens).map(|(event, golden)| {
        let previous = last.insert(event.stream.category(), event.position).unwrap_or_default();
        let attributes = attributes(log_id, event, previous);
        Ok(json!({
            "name": golden.name,
            "id": attributes["id"],
            "topic": topics::topic(&bed.topic_prefix(), event.stream.category()),
            "attributes": attributes,
            "data": serde_json::from_str::<Value>(&event.payload)?,
        }))
    });
    messages.collect()
}

fn attributes(log_id: LogId, event: &Recorded, previous: Position) -> Value {
    let instant = |at: DateTime<Utc>| at.to_rfc3339_opts(SecondsFormat::Micros, true);
    let mut attributes = json!({
        "specversion": "1.0",
        "id": event.id().to_string(),
        "source": log_id.to_string(),
        "type": event.event_type,
        "subject": event.stream.as_str(),
        "time": instant(event.occurred_at()),
        "datacontenttype": "application/json",
        "dataschema": schemas::urn(&event.event_type, event.schema_version),
        "sequence": format!("{:019}", event.position.0),
        "position": event.position.to_string(),
        "prevposition": previous.to_string(),
        "incarnation": event.incarnation.to_string(),
        "streamversion": event.version.to_string(),
        "schemaversion": event.schema_version.to_string(),
        "recordedtime": instant(event.recorded_at),
    });
    let optional = [
        ("commandid", event.command_id.map(|id| id.to_string())),
        ("correlationid", event.metadata.correlation_id.clone()),
        ("causationid", event.metadata.causation_id.clone()),
        ("traceparent", event.metadata.traceparent.clone()),
    ];
    for (name, value) in optional {
        if let Some(value) = value {
            attributes[name] = value.into();
        }
    }
    attributes
}
