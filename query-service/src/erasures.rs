//! Who is erased: the customers and orders of which nothing personal may be shown any more.
//!
//! Read from the log itself, and not from a projection of it: an erasure holds from the moment in which it is in the log, also
//! while Kafka or the projector is down, and no stream that is parked and no cached answer delays it. Every answer with
//! personal data is checked against it after it was found, wherever it was found ([`crate::orders`]).
//!
//! A request with personal data in its answer waits for a look at the log that began after the request came, so whoever has
//! the answer to an erasure sees it in every later answer. What was read is kept, because an erasure is final: a look reads
//! only what is new. It is shared by all who wait, and begins [`BETWEEN_LOOKS`] after the one before at the earliest, so that
//! thousands of cached answers a second cost the primary a small and bounded number of statements.

use std::collections::HashSet;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use events::{Category, CustomerId, Incarnation, OrderId, Position, StreamId};
use platform::problem::Problem;
use sqlx::Row;
use sqlx::postgres::PgRow;
use uuid::Uuid;

use crate::cache::flights::Flights;
use crate::database::{Database, Failure, Statement};
use crate::problems;

/// At most 200 small statements a second; under load an answer with personal data waits this much longer, on an idle service
/// it does not.
const BETWEEN_LOOKS: Duration = Duration::from_millis(5);

/// Looks that a request may have to wait for: one that had begun before it came, and one more.
const LOOKS_MAX: usize = 2;

/// How much is read and kept.
#[derive(Debug, Clone, Copy)]
struct Limits {
    /// Erasures that are read with one statement.
    page: i64,
    /// Erasures that are kept: some 50 bytes each. Where there are more, each answer is looked up on its own.
    kept: usize,
}

const LIMITS: Limits = Limits { page: 10_000, kept: 1_000_000 };

/// Somebody who can be erased, or rather what says something about somebody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Person {
    /// Whoever the order is about.
    Order(OrderId),
    /// A customer.
    Customer(CustomerId),
}

/// Who is erased. Cheap to clone.
#[derive(Clone)]
pub struct Erasures(Arc<Inner>);

struct Inner {
    database: Database,
    limits: Limits,
    known: RwLock<Known>,
    looks: Flights<(), ()>,
}

/// What was read so far.
#[derive(Debug)]
struct Known {
    erased: HashSet<(Category, Uuid)>,
    /// Life of the log that was read.
    life: Incarnation,
    /// Everything up to here is known.
    upto: Position,
    /// When the last look began.
    looked: Option<Instant>,
    /// There are more than are kept.
    is_full: bool,
}

/// What is known of some people.
#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    Erased,
    NotErased,
    /// What is known is too old for whoever asks.
    Outdated,
    /// There are too many to know them all.
    TooMany,
}

impl Person {
    /// The stream that says whether it is erased.
    fn stream(self) -> StreamId {
        match self {
            Person::Order(id) => StreamId::order(id),
            Person::Customer(id) => StreamId::customer(id),
        }
    }

    fn key(self) -> (Category, Uuid) {
        match self {
            Person::Order(id) => (Category::Order, id.uuid()),
            Person::Customer(id) => (Category::Customer, id.uuid()),
        }
    }
}

impl Erasures {
    /// Nothing is known yet.
    pub fn new(database: Database) -> Erasures {
        Erasures::within(LIMITS, database)
    }

    fn within(limits: Limits, database: Database) -> Erasures {
        Erasures(Arc::new(Inner { database, limits, known: RwLock::new(Known::nothing()), looks: Flights::default() }))
    }

    /// Whether any of these is erased, as the log says now, or at `not_before` if that is later. Where no database says it,
    /// there is no answer: better none than one that names somebody who is to be forgotten.
    pub async fn include(&self, people: &[Person], not_before: Position) -> Result<bool, Problem> {
        let came = Instant::now();
        for look in 0..=LOOKS_MAX {
            match self.verdict(people, not_before, came) {
                Verdict::Erased => return Ok(true),
                Verdict::NotErased => return Ok(false),
                Verdict::TooMany => return self.ask(people, not_before).await,
                Verdict::Outdated if look == LOOKS_MAX => break,
                Verdict::Outdated => {
                    let erasures = self.clone();
                    self.0.looks.join(&(), || async move { erasures.look().await }).await?;
                }
            }
        }
        Err(problems::database(&Failure::Down))
    }

    fn verdict(&self, people: &[Person], not_before: Position, came: Instant) -> Verdict {
        let known = self.0.known.read().unwrap_or_else(PoisonError::into_inner);
        if people.iter().any(|person| known.erased.contains(&person.key())) {
            return Verdict::Erased;
        }
        let is_fresh = known.looked.is_some_and(|looked| looked >= came);
        match (known.is_full, is_fresh && known.upto >= not_before) {
            (true, _) => Verdict::TooMany,
            (false, true) => Verdict::NotErased,
            (false, false) => Verdict::Outdated,
        }
    }

    /// Reads what is new.
    async fn look(&self) -> Result<(), Problem> {
        let last = self.0.known.read().unwrap_or_else(PoisonError::into_inner).looked;
        if let Some(last) = last {
            tokio::time::sleep_until((last + BETWEEN_LOOKS).into()).await;
        }
        let began = Instant::now();
        loop {
            let after = self.0.known.read().unwrap_or_else(PoisonError::into_inner).upto;
            let rows = self.0.database.fetch_from_primary(select_after(after, self.0.limits.page)).await?;
            let read = Read::of(&rows).map_err(|error| problems::internal(&error))?;
            let mut known = self.0.known.write().unwrap_or_else(PoisonError::into_inner);
            if known.take(read, self.0.limits) {
                known.looked = Some(began);
                return Ok(());
            }
        }
    }

    /// Looks these up alone.
    async fn ask(&self, people: &[Person], not_before: Position) -> Result<bool, Problem> {
        let streams: Vec<String> = people.iter().map(|person| person.stream().as_str().to_owned()).collect();
        let select = Statement::plain(|statement| {
            statement
                .push("select position, exists(select from events where stream_id = any(")
                .bind(streams)
                .push(") and event_type in ('CustomerErased', 'OrderPersonalDataErased')) as erased from log_head");
        });
        let rows = self.0.database.fetch_from_primary(select).await?;
        let found = || {
            let row = rows.first().ok_or(sqlx::Error::RowNotFound)?;
            Ok((row.try_get("erased")?, row.try_get::<i64, _>("position")?))
        };
        match found().map_err(|error: sqlx::Error| problems::internal(&error))? {
            (true, _) => Ok(true),
            (false, head) if head >= not_before.0 => Ok(false),
            (false, _) => Err(problems::database(&Failure::Down)),
        }
    }
}

/// The erasures after a position, with where the log ends: of one snapshot, so that none is missing up to there.
fn select_after(after: Position, page: i64) -> Statement {
    Statement::plain(|statement| {
        statement
            .push(
                "select h.incarnation as life, h.position as head, e.stream_id, e.position from log_head h
                left join lateral (
                    select stream_id, position from events
                    where event_type in ('CustomerErased', 'OrderPersonalDataErased') and position > ",
            )
            .bind(after.0)
            .push(" order by position limit ")
            .bind(page)
            .push(") e on true order by e.position");
    })
}

/// A page of erasures.
#[derive(Debug)]
struct Read {
    life: Incarnation,
    head: Position,
    erased: Vec<(Category, Uuid)>,
    /// Of the last of them.
    last: Option<Position>,
}

impl Read {
    fn of(rows: &[PgRow]) -> sqlx::Result<Read> {
        let first = rows.first().ok_or(sqlx::Error::RowNotFound)?;
        let mut read = Read {
            life: Incarnation(first.try_get("life")?),
            head: Position(first.try_get("head")?),
            erased: Vec::with_capacity(rows.len()),
            last: None,
        };
        for row in rows {
            // Without erasures there is one row with a head and nothing else.
            let Some(position) = row.try_get::<Option<i64>, _>("position")? else { continue };
            read.last = Some(Position(position));
            let stream: StreamId =
                row.try_get::<&str, _>("stream_id")?.parse().map_err(|error| sqlx::Error::Decode(Box::new(error)))?;
            let id = Uuid::try_parse(stream.key()).map_err(|error| sqlx::Error::Decode(Box::new(error)))?;
            read.erased.push((stream.category(), id));
        }
        Ok(read)
    }
}

impl Known {
    /// Nothing was read of any life.
    fn nothing() -> Known {
        Known { erased: HashSet::new(), life: Incarnation(0), upto: Position::ZERO, looked: None, is_full: false }
    }

    /// Takes a page in; says whether it was the last one.
    fn take(&mut self, read: Read, limits: Limits) -> bool {
        if (read.life, read.head) < (self.life, self.upto) {
            // A database that is behind what was read before knows nothing that is new.
            return true;
        }
        if read.life > self.life {
            // Positions of the life before may have been given out again.
            let is_whole = self.upto == Position::ZERO;
            (self.life, self.upto) = (read.life, Position::ZERO);
            if !is_whole {
                return false;
            }
        }
        let is_last = (read.erased.len() as i64) < limits.page;
        self.upto = if is_last { read.head } else { read.last.unwrap_or(read.head) };
        for erased in read.erased {
            if self.erased.len() >= limits.kept {
                self.is_full = true;
                return true;
            }
            self.erased.insert(erased);
        }
        is_last
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use events::erasure::ERASING;

    use super::*;

    fn customer(number: u8) -> CustomerId {
        CustomerId::new(DateTime::UNIX_EPOCH, [number; 10])
    }

    fn read(life: i32, head: i64, erased: &[(i64, u8)]) -> Read {
        Read {
            life: Incarnation(life),
            head: Position(head),
            erased: erased.iter().map(|(_, number)| Person::Customer(customer(*number)).key()).collect(),
            last: erased.last().map(|(position, _)| Position(*position)),
        }
    }

    fn knows(known: &Known, number: u8) -> bool {
        known.erased.contains(&Person::Customer(customer(number)).key())
    }

    const SMALL: Limits = Limits { page: 2, kept: 3 };

    #[test]
    fn the_statements_ask_for_every_type_that_erases() {
        let statement = format!("{:?}", select_after(Position::ZERO, 1));
        assert!(ERASING.iter().all(|event_type| statement.contains(&format!("'{event_type}'"))), "{statement}");
    }

    #[test]
    fn pages_are_read_until_one_is_not_full() {
        let mut known = Known::nothing();
        assert!(!known.take(read(1, 9, &[(3, 1), (5, 2)]), SMALL));
        assert_eq!(known.upto, Position(5));
        assert!(known.take(read(1, 9, &[(8, 3)]), SMALL));
        assert_eq!((known.upto, known.is_full), (Position(9), false));
        assert!((1..=3).all(|number| knows(&known, number)));
    }

    #[test]
    fn a_database_that_is_behind_takes_nothing_back() {
        let mut known = Known::nothing();
        assert!(known.take(read(2, 9, &[(3, 1)]), SMALL));
        assert!(known.take(read(2, 7, &[]), SMALL) && known.take(read(1, 20, &[(12, 2)]), SMALL));
        assert_eq!((known.life, known.upto), (Incarnation(2), Position(9)));
        assert!(knows(&known, 1) && !knows(&known, 2));
    }

    #[test]
    fn in_another_life_of_the_log_everything_is_read_anew() {
        let mut known = Known::nothing();
        assert!(known.take(read(1, 9, &[(3, 1)]), SMALL));
        assert!(!known.take(read(2, 12, &[]), SMALL));
        assert!(known.take(read(2, 12, &[(7, 2)]), SMALL));
        assert_eq!((known.life, known.upto), (Incarnation(2), Position(12)));
        assert!(knows(&known, 1) && knows(&known, 2));
    }

    #[test]
    fn more_than_are_kept_are_not_called_known() {
        let mut known = Known::nothing();
        assert!(!known.take(read(1, 9, &[(1, 1), (2, 2)]), SMALL));
        assert!(known.take(read(1, 9, &[(3, 3), (4, 4)]), SMALL));
        assert!(known.is_full && knows(&known, 3) && !knows(&known, 4));
    }
}
