//! `liveness`: the lag returns to zero within the patience of the subject: the relay has published the whole log, every
//! projection has applied all published events, no stream is parked, and the replica contains the same state.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use anyhow::Context;
use events::{Category, Incarnation, LogPosition, Position};
use read_model::Projection;
use read_model::freshness::{self, Partition};
use sqlx::PgPool;

use crate::audit::findings::Findings;
use crate::audit::subject::Subject;
use crate::log;

/// Pause between two reads of the lag.
const CHECK_INTERVAL: Duration = Duration::from_millis(100);

/// Position of each stage between the log and the read models, in one snapshot.
#[derive(Debug, Clone)]
pub struct Stages {
    /// Position of the last event in the log.
    pub head: Position,
    /// Position of the last event that the relay published.
    pub relayed: Position,
    /// Freshness of each projection: the position up to which it contains all events.
    pub applied: Vec<(Projection, Position)>,
}

impl Stages {
    /// Lag of the slowest stage, in events.
    pub fn lag(&self) -> i64 {
        let slowest = self.applied.iter().map(|(_, position)| *position).chain([self.relayed]).min();
        self.head.0 - slowest.unwrap_or(Position::ZERO).0
    }
}

/// Waits until the lag is zero.
pub async fn check(subject: &Subject) -> anyhow::Result<Findings> {
    let primary = log::connect(&subject.database_url).await?;
    let replica = match &subject.replica_url {
        Some(url) => Some(log::connect(url).await?),
        None => None,
    };
    let deadline = Instant::now() + subject.patience;
    loop {
        let findings = check_once(&primary, replica.as_ref()).await?;
        if findings.count == 0 || Instant::now() > deadline {
            return Ok(findings);
        }
        tokio::time::sleep(CHECK_INTERVAL).await;
    }
}

async fn check_once(primary: &PgPool, replica: Option<&PgPool>) -> anyhow::Result<Findings> {
    let mut findings = Findings::default();
    let now = stages(primary).await?;
    check_stages("", &now, now.head, &mut findings);
    if let Some(replica) = replica {
        check_stages("on the replica, ", &stages(replica).await?, now.head, &mut findings);
    }
    for (projection, stream, reason) in parked(primary).await? {
        findings.add(format!("{projection} has parked {stream}: {reason}"));
    }
    Ok(findings)
}

fn check_stages(place: &str, stages: &Stages, head: Position, findings: &mut Findings) {
    let mut stage = |name: &str, position: Position| {
        findings.count_checked();
        findings.expect(position >= head, || format!("{place}{name} is at position {position} of {head}"));
    };
    stage("the log", stages.head);
    stage("the relay", stages.relayed);
    stages.applied.iter().for_each(|(projection, position)| stage(projection.name(), *position));
}

/// Reads the position of each stage.
pub async fn stages(pool: &PgPool) -> anyhow::Result<Stages> {
    // One statement reads one snapshot, because the relay writes both of its tables in one transaction.
    const STAGES: &str = "
        select 'head' as kind, '' as category, 0 as partition, '' as projection, incarnation, position from log_head
        union all select 'relay', '', 0, '', incarnation, position from relay_checkpoint
        union all select 'sent', category, partition, '', 0, position from relay_partitions
        union all select 'applied', c.category, c.partition, c.projection, c.incarnation, c.position
            from projection_checkpoints c join projection_generations g using (projection, generation)
            where g.state = 'live'";
    let rows: Vec<StageRow> = sqlx::query_as(STAGES).fetch_all(pool).await.context("reading the lag")?;
    let find =
        |kind: &str| rows.iter().find(|row| row.kind == kind).with_context(|| format!("row `{kind}` is missing"));
    let (head, relay) = (find("head")?, find("relay")?);
    let relay = LogPosition { incarnation: Incarnation(relay.incarnation), position: Position(relay.position) };
    let applied = Projection::ALL.map(|projection| (projection, applied(&rows, relay, projection)));
    Ok(Stages { head: Position(head.position), relayed: relay.position, applied: applied.to_vec() })
}

#[derive(Debug, sqlx::FromRow)]
struct StageRow {
    kind: String,
    category: String,
    partition: i32,
    projection: String,
    incarnation: i32,
    position: i64,
}

impl StageRow {
    fn partition(&self) -> Option<Partition> {
        let category = Category::ALL.into_iter().find(|category| category.as_str() == self.category)?;
        Some(Partition { category, number: self.partition })
    }
}

fn applied(rows: &[StageRow], relay: LogPosition, projection: Projection) -> Position {
    let of_kind = |kind: &'static str| {
        rows.iter().filter(move |row| row.kind == kind).filter_map(|row| Some((row.partition()?, row)))
    };
    let sent: Vec<_> = of_kind("sent")
        .filter(|(partition, _)| partition.category == projection.category())
        .map(|(partition, row)| (partition, Position(row.position)))
        .collect();
    let done: HashMap<_, _> = of_kind("applied")
        .filter(|(_, row)| row.projection == projection.name())
        .map(|(partition, row)| {
            (partition, LogPosition { incarnation: Incarnation(row.incarnation), position: Position(row.position) })
        })
        .collect();
    freshness::applied(relay, &sent, &done)
}

/// The parked streams of the live generations: (projection, stream, reason).
pub async fn parked(pool: &PgPool) -> anyhow::Result<Vec<(String, String, String)>> {
    const PARKED: &str = "
        select p.projection, p.stream_id, p.reason
        from parked_streams p join projection_generations g using (projection, generation)
        where g.state = 'live' order by p.position limit 100";
    let parked = sqlx::query_as(PARKED);
    parked.fetch_all(pool).await.context("reading the parked streams")
}
