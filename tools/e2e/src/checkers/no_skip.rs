//! `no-skip`: Kafka holds every event up to the relay's checkpoint, as the log has it. What a topic has deleted by age is
//! not missed. What an ended life of the log has sent beyond its end is void: the log has lost it, and counts for nothing.

use std::collections::HashMap;

use anyhow::Context;
use events::{Category, Incarnation, Position, Recorded, topics};
use sqlx::PgPool;

use crate::audit::findings::Findings;
use crate::audit::subject::Subject;
use crate::log::{self, Pages};
use crate::topics::{self as kafka_topics, Kafka, Partition};

/// Messages compared with the log at once.
const CHUNK: usize = 1_000;

/// Reads every topic, then the log.
pub async fn check(subject: &Subject, kafka: &Kafka) -> anyhow::Result<Findings> {
    let pool = log::connect(&subject.database_url).await?;
    let checkpoint = relay_checkpoint(&pool).await?;
    let lives = Lives::read(&pool).await?;
    let mut findings = Findings::default();
    let mut seen = Seen::new(&kafka_topics::partitions(kafka).await?);
    let mut chunk = Vec::with_capacity(CHUNK);
    let mut delivered = kafka_topics::read(kafka, log::find_id(&pool).await?);
    while let Some(delivered) = delivered.recv().await {
        let delivered = delivered?;
        // What is none of our events is a finding of `key-order`.
        let Ok(message) = delivered.message else { continue };
        findings.look();
        if lives.are_beyond(&message.event) {
            continue;
        }
        seen.take((delivered.category, delivered.partition), message.event.position);
        chunk.push(message.event);
        if chunk.len() == CHUNK {
            compare(&pool, &mut chunk, &mut findings).await?;
        }
    }
    compare(&pool, &mut chunk, &mut findings).await?;
    let mut pages = Pages::until(&pool, checkpoint);
    loop {
        let page = pages.next().await?;
        if page.is_empty() {
            return Ok(findings);
        }
        seen.check(&page, &mut findings);
    }
}

/// Where each life of the log begins.
#[derive(Debug)]
struct Lives(Vec<(Incarnation, Position)>);

impl Lives {
    async fn read(pool: &PgPool) -> anyhow::Result<Lives> {
        // The life of the head may have written nothing yet.
        const LIVES: &str = "
            select incarnation, min(position) from events group by incarnation
            union all select incarnation, position + 1 from log_head";
        let lives: Vec<(i32, i64)> =
            sqlx::query_as(LIVES).fetch_all(pool).await.context("reading where the lives of the log begin")?;
        Ok(Lives(lives.into_iter().map(|(life, first)| (Incarnation(life), Position(first))).collect()))
    }

    /// Whether a later life begins at the position of this event or before, so that the log has lost it.
    fn are_beyond(&self, event: &Recorded) -> bool {
        self.0.iter().any(|(life, first)| *life > event.incarnation && *first <= event.position)
    }
}

async fn relay_checkpoint(pool: &PgPool) -> anyhow::Result<Position> {
    let position = sqlx::query_scalar("select position from relay_checkpoint").fetch_one(pool).await;
    position.map(Position).context("reading the relay's checkpoint")
}

/// Compares messages with the log and forgets them.
async fn compare(pool: &PgPool, sent: &mut Vec<Recorded>, findings: &mut Findings) -> anyhow::Result<()> {
    let positions: Vec<i64> = sent.iter().map(|event| event.position.0).collect();
    let logged = log::at(pool, &positions).await?;
    let logged: HashMap<Position, Recorded> = logged.into_iter().map(|event| (event.position, event)).collect();
    for event in sent.drain(..) {
        match logged.get(&event.position) {
            None => findings.add(format!("Kafka has position {} ({}), the log does not", event.position, event.stream)),
            Some(logged) => findings.expect(*logged == event, || {
                format!("position {} is {logged:?} in the log, but {event:?} on Kafka", event.position)
            }),
        }
    }
    Ok(())
}

/// Which positions Kafka has.
#[derive(Debug, Default)]
struct Seen {
    bits: Vec<u64>,
    /// Partitions of each topic.
    partitions: HashMap<Category, i32>,
    /// The partitions whose oldest messages are deleted, with the first position that is left.
    shortened: HashMap<(Category, i32), Option<Position>>,
}

impl Seen {
    fn new(partitions: &[Partition]) -> Seen {
        let shortened = partitions.iter().filter(|partition| partition.start > 0);
        Seen {
            bits: Vec::new(),
            partitions: partitions.iter().map(|it| (it.category, it.partitions)).collect(),
            shortened: shortened.map(|it| ((it.category, it.number), None)).collect(),
        }
    }

    fn take(&mut self, partition: (Category, i32), position: Position) {
        let (word, bit) = place(position);
        if self.bits.len() <= word {
            self.bits.resize(word + 1, 0);
        }
        self.bits[word] |= 1 << bit;
        if let Some(first) = self.shortened.get_mut(&partition) {
            *first = Some(first.map_or(position, |first| first.min(position)));
        }
    }

    fn has(&self, position: Position) -> bool {
        let (word, bit) = place(position);
        self.bits.get(word).is_some_and(|bits| bits & (1 << bit) != 0)
    }

    fn check(&self, logged: &[Recorded], findings: &mut Findings) {
        for event in logged {
            findings.expect(self.has(event.position) || self.is_deleted_by_age(event), || {
                format!("position {} ({}) is not on Kafka, though the relay says so", event.position, event.stream)
            });
        }
    }

    fn is_deleted_by_age(&self, event: &Recorded) -> bool {
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
