//! `no-skip`: Kafka contains every event up to the checkpoint of the relay, equal to the event in the log. Events that retention
//! has deleted are allowed to be missing. Events that the log lost with its tail are void and are ignored: events of an earlier
//! incarnation after the position at which a later incarnation starts.

use std::collections::HashMap;

use anyhow::Context;
use events::{Category, Incarnation, Position, Recorded, topics};
use sqlx::PgPool;

use crate::audit::findings::Findings;
use crate::audit::subject::Subject;
use crate::log::{self, Pages};
use crate::topics::{self as kafka_topics, Kafka, Partition};

/// Messages that are compared with the log with one statement.
const CHUNK: usize = 1_000;

/// Reads every topic, then the log.
pub async fn check(subject: &Subject, kafka: &Kafka) -> anyhow::Result<Findings> {
    let pool = log::connect(&subject.database_url).await?;
    let checkpoint = relay_checkpoint(&pool).await?;
    let incarnations = Incarnations::read(&pool).await?;
    let mut findings = Findings::default();
    let mut published = PublishedPositions::new(&kafka_topics::partitions(kafka).await?);
    let mut chunk = Vec::with_capacity(CHUNK);
    let mut delivered = kafka_topics::read(kafka, log::find_id(&pool).await?);
    while let Some(delivered) = delivered.recv().await {
        let delivered = delivered?;
        // A message that is not an event of the platform is a finding of `key-order`.
        let Ok(message) = delivered.message else { continue };
        findings.count_checked();
        if incarnations.have_lost(&message.event) {
            continue;
        }
        published.add((delivered.category, delivered.partition), message.event.position);
        chunk.push(message.event);
        if chunk.len() == CHUNK {
            compare(&pool, &mut chunk, &mut findings).await?;
        }
    }
    compare(&pool, &mut chunk, &mut findings).await?;
    let (messages, mut logged) = (findings.checked, 0);
    let mut pages = Pages::until(&pool, checkpoint);
    loop {
        let page = pages.next().await?;
        logged += page.len() as u64;
        if page.is_empty() {
            findings.report(format!("events in the log up to the relay's checkpoint {checkpoint}"), logged);
            findings.report("different events on Kafka", published.count());
            findings.report("messages on Kafka, with those that were sent again or were lost by the log", messages);
            return Ok(findings);
        }
        published.check(&page, &mut findings);
    }
}

/// First position of each incarnation of the log.
#[derive(Debug)]
struct Incarnations(Vec<(Incarnation, Position)>);

impl Incarnations {
    async fn read(pool: &PgPool) -> anyhow::Result<Incarnations> {
        // The incarnation of the head may have no events yet.
        const READ: &str = "
            select incarnation, min(position) from events group by incarnation
            union all select incarnation, position + 1 from log_head";
        let firsts: Vec<(i32, i64)> = sqlx::query_as(READ)
            .fetch_all(pool)
            .await
            .context("reading the first positions of the incarnations of the log")?;
        Ok(Incarnations(firsts.into_iter().map(|(number, first)| (Incarnation(number), Position(first))).collect()))
    }

    /// Whether the log has lost this event: a later incarnation starts at the position of the event or before.
    fn have_lost(&self, event: &Recorded) -> bool {
        self.0.iter().any(|(number, first)| *number > event.incarnation && *first <= event.position)
    }
}

async fn relay_checkpoint(pool: &PgPool) -> anyhow::Result<Position> {
    let position = sqlx::query_scalar("select position from relay_checkpoint").fetch_one(pool).await;
    position.map(Position).context("reading the relay's checkpoint")
}

/// Compares messages with the log and removes them from `sent`.
async fn compare(pool: &PgPool, sent: &mut Vec<Recorded>, findings: &mut Findings) -> anyhow::Result<()> {
    let positions: Vec<i64> = sent.iter().map(|event| event.position.0).collect();
    let logged = log::at(pool, &positions).await?;
    let logged: HashMap<Position, Recorded> = logged.into_iter().map(|event| (event.position, event)).collect();
    for event in sent.drain(..) {
        match logged.get(&event.position) {
            None => {
                findings.add(format!("position {} ({}) is on Kafka, but not in the log", event.position, event.stream))
            }
            Some(logged) => findings.expect(*logged == event, || {
                format!("position {} is {logged:?} in the log, but {event:?} on Kafka", event.position)
            }),
        }
    }
    Ok(())
}

/// The positions that Kafka contains.
#[derive(Debug, Default)]
struct PublishedPositions {
    bits: Vec<u64>,
    /// Number of partitions of each topic.
    partitions: HashMap<Category, i32>,
    /// Partitions whose oldest messages are deleted by retention, with the first remaining position.
    shortened: HashMap<(Category, i32), Option<Position>>,
}

impl PublishedPositions {
    fn new(partitions: &[Partition]) -> PublishedPositions {
        let shortened = partitions.iter().filter(|partition| partition.start > 0);
        PublishedPositions {
            bits: Vec::new(),
            partitions: partitions.iter().map(|it| (it.category, it.partitions)).collect(),
            shortened: shortened.map(|it| ((it.category, it.number), None)).collect(),
        }
    }

    fn add(&mut self, partition: (Category, i32), position: Position) {
        let (word, bit) = place(position);
        if self.bits.len() <= word {
            self.bits.resize(word + 1, 0);
        }
        self.bits[word] |= 1 << bit;
        if let Some(first) = self.shortened.get_mut(&partition) {
            *first = Some(first.map_or(position, |first| first.min(position)));
        }
    }

    fn count(&self) -> u64 {
        self.bits.iter().map(|bits| u64::from(bits.count_ones())).sum()
    }

    fn has(&self, position: Position) -> bool {
        let (word, bit) = place(position);
        self.bits.get(word).is_some_and(|bits| bits & (1 << bit) != 0)
    }

    fn check(&self, logged: &[Recorded], findings: &mut Findings) {
        for event in logged {
            findings.expect(self.has(event.position) || self.is_deleted_by_retention(event), || {
                format!(
                    "position {} ({}) is not on Kafka, but the checkpoint of the relay is later",
                    event.position, event.stream
                )
            });
        }
    }

    fn is_deleted_by_retention(&self, event: &Recorded) -> bool {
        let category = event.stream.category();
        let Some(partitions) = self.partitions.get(&category) else { return false };
        let number = topics::partition_of(event.stream.as_str(), *partitions);
        match self.shortened.get(&(category, number)) {
            None => false,
            Some(first) => first.is_none_or(|first| event.position < first),
        }
    }
}

fn place(position: Position) -> (usize, u32) {
    let index = position.0.max(0) as usize;
    (index / 64, (index % 64) as u32)
}
