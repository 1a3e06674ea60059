//! The erased customers and orders, whose personal data must not be returned any more.
//!
//! Read from the log itself and not from a projection: an erasure takes effect as soon as it is in the log, also while Kafka
//! or the projector is down, and neither a parked stream nor a cache delays it. Every representation with personal data is
//! checked by [`Erasures::apply`], whichever cache or database it comes from, and every page with personal data by
//! [`Erasures::find`].
//!
//! A request for personal data waits for a refresh that began after the request arrived, so a client that has received the
//! response to an erasure sees its effect in every later response. Erasures are final, so what was read is kept and a refresh
//! reads only new erasures. A refresh is shared by all waiting requests and begins at least [`REFRESH_INTERVAL_MIN`] after the
//! previous one, so that thousands of cached responses per second cost the primary a small, bounded number of statements.

use std::collections::HashSet;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use bytes::Bytes;
use events::{Category, Incarnation, LogPosition, Position, StreamId};
use sqlx::Row;
use sqlx::postgres::PgRow;
use uuid::Uuid;

use crate::reads::cache::in_flight::InFlight;
use crate::reads::consistency::Required;
use crate::reads::data_subject::DataSubject;
use crate::reads::database::failure::Failure;
use crate::reads::database::routing::Database;
use crate::reads::database::row::log_position;
use crate::reads::database::statement::Statement;
use crate::reads::error::Error;
use crate::reads::representation::Representation;

/// Limits the refreshes to 200 small statements per second. Under load a response with personal data is delayed by up to this
/// time; on an idle service it is not.
const REFRESH_INTERVAL_MIN: Duration = Duration::from_millis(5);

/// Refreshes that a request may have to wait for: one that had begun before the request arrived, and one more.
const REFRESHES_MAX: usize = 2;

/// How many erasures are read and kept.
#[derive(Debug, Clone, Copy)]
struct Limits {
    /// Erasures read with one statement.
    page: i64,
    /// Erasures kept in memory, about 50 bytes each. Beyond that number every check reads the log.
    kept: usize,
}

const LIMITS: Limits = Limits { page: 10_000, kept: 1_000_000 };

/// The known erasures. Cheap to clone.
#[derive(Clone)]
pub struct Erasures(Arc<Inner>);

struct Inner {
    database: Database,
    limits: Limits,
    known: RwLock<Known>,
    refreshes: InFlight<(), ()>,
}

/// The erasures read so far.
#[derive(Debug)]
struct Known {
    erased: HashSet<(Category, Uuid)>,
    /// The incarnation of the log that was read.
    incarnation: Incarnation,
    /// Every erasure up to this position is known.
    upto: Position,
    /// When the last refresh began.
    refreshed_at: Option<Instant>,
    /// Whether the log has more erasures than are kept.
    is_full: bool,
}

/// What the known erasures say of a request.
#[derive(Debug, PartialEq, Eq)]
enum Knowledge {
    /// Every erasure that the request must respect is known.
    Complete,
    /// The known erasures are older than the request.
    Outdated,
    /// The log has more erasures than are kept in memory.
    TooMany,
}

impl Erasures {
    /// Starts without known erasures.
    pub fn new(database: Database) -> Erasures {
        Erasures::within(LIMITS, database)
    }

    fn within(limits: Limits, database: Database) -> Erasures {
        Erasures(Arc::new(Inner {
            database,
            limits,
            known: RwLock::new(Known::none()),
            refreshes: InFlight::default(),
        }))
    }

    /// The representation without personal data that is erased. Every representation with personal data passes through here,
    /// whichever cache or database it comes from, so an erasure also applies to what was cached before it. `erase` removes the
    /// personal data from the document.
    pub async fn apply(
        &self,
        found: Arc<Representation>,
        required: Option<&Required>,
        erase: impl FnOnce(&[u8]) -> serde_json::Result<Bytes>,
    ) -> Result<Arc<Representation>, Error> {
        let not_before = required.map_or(Position::ZERO, |required| required.position);
        if found.data_subjects.is_empty() || !self.include_any(&found.data_subjects, not_before).await? {
            return Ok(found);
        }
        let json = erase(&found.body)?;
        Ok(Arc::new(found.without_personal_data(json)))
    }

    /// Whether one of these is erased, according to the log as it is now, or at `not_before` if that is later. An error if no
    /// database can be reached: personal data must not be returned unchecked.
    async fn include_any(&self, subjects: &[DataSubject], not_before: Position) -> Result<bool, Error> {
        // Erasures are final, so one that is known already suffices.
        let erased = self.find_until(subjects, not_before, |erased| !erased.is_empty()).await?;
        Ok(!erased.is_empty())
    }

    /// Those of the subjects that are erased, according to the log as it is now, or at `not_before` if that is later. An error
    /// if no database can be reached.
    pub async fn find(&self, subjects: &[DataSubject], not_before: Position) -> Result<Vec<DataSubject>, Error> {
        self.find_until(subjects, not_before, |_| false).await
    }

    /// The end of the log, up to which every erasure is found from now on.
    pub async fn log_end(&self) -> Result<LogPosition, Error> {
        let select = Statement::plain(|statement| {
            statement.push("select incarnation, position from log_head");
        });
        let rows = self.0.database.fetch_from_primary(select).await?;
        Ok(log_position(rows.first().ok_or(sqlx::Error::RowNotFound)?)?)
    }

    /// Whether a customer was erased after a position of the log, or the log lost events since, according to the primary.
    pub async fn has_customer_erased_since(&self, position: LogPosition) -> Result<bool, Error> {
        let select = Statement::plain(|statement| {
            statement
                .push("select incarnation, exists (select from events where event_type = 'CustomerErased' and position > ")
                .bind(position.position.0)
                .push(") as is_erased from log_head");
        });
        let rows = self.0.database.fetch_from_primary(select).await?;
        let row = rows.first().ok_or(sqlx::Error::RowNotFound)?;
        let (incarnation, is_erased) = (Incarnation(row.try_get("incarnation")?), row.try_get("is_erased")?);
        Ok(is_erased || incarnation != position.incarnation)
    }

    /// The erased subjects, as far as they are found until they suffice.
    async fn find_until(
        &self,
        subjects: &[DataSubject],
        not_before: Position,
        suffice: impl Fn(&[DataSubject]) -> bool,
    ) -> Result<Vec<DataSubject>, Error> {
        let arrived_at = Instant::now();
        for refreshes in 0..=REFRESHES_MAX {
            let (erased, knowledge) = self.check(subjects, not_before, arrived_at);
            match knowledge {
                _ if suffice(&erased) => return Ok(erased),
                Knowledge::Complete => return Ok(erased),
                Knowledge::TooMany => return self.read_log(subjects, not_before, suffice).await,
                Knowledge::Outdated if refreshes == REFRESHES_MAX => break,
                Knowledge::Outdated => {
                    let erasures = self.clone();
                    self.0.refreshes.join(&(), || async move { erasures.refresh().await }).await?;
                }
            }
        }
        Err(Failure::Down.into())
    }

    /// The subjects that are known to be erased, and what is known.
    fn check(
        &self,
        subjects: &[DataSubject],
        not_before: Position,
        arrived_at: Instant,
    ) -> (Vec<DataSubject>, Knowledge) {
        let known = self.0.known.read().unwrap_or_else(PoisonError::into_inner);
        let erased = subjects.iter().filter(|subject| known.erased.contains(&subject.key())).copied().collect();
        let is_fresh = known.refreshed_at.is_some_and(|refreshed_at| refreshed_at >= arrived_at);
        let knowledge = match (known.is_full, is_fresh && known.upto >= not_before) {
            (true, _) => Knowledge::TooMany,
            (false, true) => Knowledge::Complete,
            (false, false) => Knowledge::Outdated,
        };
        (erased, knowledge)
    }

    /// Reads the new erasures.
    async fn refresh(&self) -> Result<(), Error> {
        let last = self.0.known.read().unwrap_or_else(PoisonError::into_inner).refreshed_at;
        if let Some(last) = last {
            tokio::time::sleep_until((last + REFRESH_INTERVAL_MIN).into()).await;
        }
        let began = Instant::now();
        loop {
            let after = self.0.known.read().unwrap_or_else(PoisonError::into_inner).upto;
            let rows = self.0.database.fetch_from_primary(select_after(after, self.0.limits.page)).await?;
            let page = ErasurePage::decode(&rows)?;
            let mut known = self.0.known.write().unwrap_or_else(PoisonError::into_inner);
            if known.add(page, self.0.limits) {
                known.refreshed_at = Some(began);
                return Ok(());
            }
        }
    }

    /// Checks the log itself, without the known erasures.
    async fn read_log(
        &self,
        subjects: &[DataSubject],
        not_before: Position,
        suffice: impl Fn(&[DataSubject]) -> bool,
    ) -> Result<Vec<DataSubject>, Error> {
        let streams: Vec<String> = subjects.iter().map(|subject| subject.stream().as_str().to_owned()).collect();
        let select = Statement::plain(|statement| {
            statement
                .push("select position, array(select stream_id from events where stream_id = any(")
                .bind(streams)
                .push(") and event_type in ('CustomerErased', 'OrderPersonalDataErased')) as erased from log_head");
        });
        let rows = self.0.database.fetch_from_primary(select).await?;
        let row = rows.first().ok_or(sqlx::Error::RowNotFound)?;
        let (streams, head): (Vec<String>, i64) = (row.try_get("erased")?, row.try_get("position")?);
        let is_erased = |subject: &&DataSubject| streams.iter().any(|stream| *stream == subject.stream().as_str());
        let erased: Vec<DataSubject> = subjects.iter().filter(is_erased).copied().collect();
        match head >= not_before.0 || suffice(&erased) {
            true => Ok(erased),
            false => Err(Failure::Down.into()),
        }
    }
}

/// Selects the erasures after a position and the end of the log from one snapshot, so that no erasure up to that end is missing.
fn select_after(after: Position, page: i64) -> Statement {
    Statement::plain(|statement| {
        statement
            .push(
                "select h.incarnation, h.position as head, e.stream_id, e.position from log_head h
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
struct ErasurePage {
    incarnation: Incarnation,
    head: Position,
    erased: Vec<(Category, Uuid)>,
    /// Position of the last erasure on the page.
    last: Option<Position>,
}

impl ErasurePage {
    fn decode(rows: &[PgRow]) -> sqlx::Result<ErasurePage> {
        let first = rows.first().ok_or(sqlx::Error::RowNotFound)?;
        let mut page = ErasurePage {
            incarnation: Incarnation(first.try_get("incarnation")?),
            head: Position(first.try_get("head")?),
            erased: Vec::with_capacity(rows.len()),
            last: None,
        };
        for row in rows {
            // Without erasures the statement returns one row with only the end of the log.
            let Some(position) = row.try_get::<Option<i64>, _>("position")? else { continue };
            page.last = Some(Position(position));
            let stream: StreamId =
                row.try_get::<&str, _>("stream_id")?.parse().map_err(|error| sqlx::Error::Decode(Box::new(error)))?;
            let id = Uuid::try_parse(stream.key()).map_err(|error| sqlx::Error::Decode(Box::new(error)))?;
            page.erased.push((stream.category(), id));
        }
        Ok(page)
    }
}

impl Known {
    fn none() -> Known {
        Known {
            erased: HashSet::new(),
            incarnation: Incarnation(0),
            upto: Position::ZERO,
            refreshed_at: None,
            is_full: false,
        }
    }

    /// Adds a page; returns whether it was the last one.
    fn add(&mut self, page: ErasurePage, limits: Limits) -> bool {
        if (page.incarnation, page.head) < (self.incarnation, self.upto) {
            // The database is behind what was read before, so the page has nothing new.
            return true;
        }
        if page.incarnation > self.incarnation {
            // Positions of the previous incarnation may have been assigned again, so everything is read again.
            let starts_at_zero = self.upto == Position::ZERO;
            (self.incarnation, self.upto) = (page.incarnation, Position::ZERO);
            if !starts_at_zero {
                return false;
            }
        }
        let is_last = (page.erased.len() as i64) < limits.page;
        self.upto = if is_last { page.head } else { page.last.unwrap_or(page.head) };
        for erased in page.erased {
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
    use events::CustomerId;
    use events::erasure::ERASING;

    use super::*;

    fn customer(number: u8) -> CustomerId {
        CustomerId::new(DateTime::UNIX_EPOCH, [number; 10])
    }

    fn page(incarnation: i32, head: i64, erased: &[(i64, u8)]) -> ErasurePage {
        ErasurePage {
            incarnation: Incarnation(incarnation),
            head: Position(head),
            erased: erased.iter().map(|(_, number)| DataSubject::Customer(customer(*number)).key()).collect(),
            last: erased.last().map(|(position, _)| Position(*position)),
        }
    }

    fn knows(known: &Known, number: u8) -> bool {
        known.erased.contains(&DataSubject::Customer(customer(number)).key())
    }

    const SMALL: Limits = Limits { page: 2, kept: 3 };

    #[test]
    fn the_statements_select_every_type_of_event_that_erases() {
        let statement = format!("{:?}", select_after(Position::ZERO, 1));
        assert!(ERASING.iter().all(|event_type| statement.contains(&format!("'{event_type}'"))), "{statement}");
    }

    #[test]
    fn pages_are_read_until_one_is_not_full() {
        let mut known = Known::none();
        assert!(!known.add(page(1, 9, &[(3, 1), (5, 2)]), SMALL));
        assert_eq!(known.upto, Position(5));
        assert!(known.add(page(1, 9, &[(8, 3)]), SMALL));
        assert_eq!((known.upto, known.is_full), (Position(9), false));
        assert!((1..=3).all(|number| knows(&known, number)));
    }

    #[test]
    fn a_database_that_is_behind_revokes_nothing() {
        let mut known = Known::none();
        assert!(known.add(page(2, 9, &[(3, 1)]), SMALL));
        assert!(known.add(page(2, 7, &[]), SMALL) && known.add(page(1, 20, &[(12, 2)]), SMALL));
        assert_eq!((known.incarnation, known.upto), (Incarnation(2), Position(9)));
        assert!(knows(&known, 1) && !knows(&known, 2));
    }

    #[test]
    fn in_a_new_incarnation_of_the_log_everything_is_read_again() {
        let mut known = Known::none();
        assert!(known.add(page(1, 9, &[(3, 1)]), SMALL));
        assert!(!known.add(page(2, 12, &[]), SMALL));
        assert!(known.add(page(2, 12, &[(7, 2)]), SMALL));
        assert_eq!((known.incarnation, known.upto), (Incarnation(2), Position(12)));
        assert!(knows(&known, 1) && knows(&known, 2));
    }

    #[test]
    fn more_erasures_than_are_kept_are_not_assumed_to_be_known() {
        let mut known = Known::none();
        assert!(!known.add(page(1, 9, &[(1, 1), (2, 2)]), SMALL));
        assert!(known.add(page(1, 9, &[(3, 3), (4, 4)]), SMALL));
        assert!(known.is_full && knows(&known, 3) && !knows(&known, 4));
    }
}
