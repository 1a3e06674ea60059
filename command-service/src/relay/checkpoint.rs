//! Who leads, how far Kafka has acknowledged the log, and the last event of every partition: `relay_checkpoint` and
//! `relay_partitions`. A sqlx door.
//!
//! Leadership is a lease with an epoch. Whoever takes the lease raises the epoch, and every write carries the epoch of its
//! writer in its `where`: a leader that was paused, cut off or robbed of its lease finds no row and knows.

use std::time::{Duration, Instant};

use events::{Category, Incarnation, Position};

use super::chain::{Mark, Slot};
use crate::database::Database;

/// The relay's rows, seen by one instance.
#[derive(Debug, Clone)]
pub struct Checkpoint {
    database: Database,
    instance: String,
    lease: Duration,
    partitions: i32,
}

/// The right to relay.
#[derive(Debug)]
pub struct Lease {
    /// Which leadership this is; nobody else has it or ever had it.
    pub epoch: i64,
    /// Until when by our own clock, counted from before we asked, so it ends for us before it ends for others. A clock of this
    /// kind stands still while its machine is suspended: a leader that was suspended takes its lease to be longer than it was. What
    /// it hands to Kafka then are repeats of events that the next leader sends too, which is allowed; the epoch keeps it from
    /// saving, and that tells it that it leads no more.
    pub until: Instant,
    /// From where to go on.
    pub mark: Mark,
}

/// What a save brought.
#[derive(Debug, Clone, Copy)]
pub struct Renewed {
    /// See [`Lease::until`].
    pub until: Instant,
    /// Where the log ended.
    pub head: Position,
}

/// Why the checkpoint could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The database did not answer, or refused.
    #[error("{doing}")]
    Database {
        /// What we were doing.
        doing: &'static str,
        /// What came back.
        #[source]
        source: sqlx::Error,
    },
    /// The configuration has changed.
    #[error(
        "the {category} events were relayed to {found} partitions, and {configured} are configured: with another number \
         keys move to other partitions and lose their order. Set the number back; a new topic and a cut-over change it"
    )]
    Partitions {
        /// Whose topic.
        category: String,
        /// Partitions in `relay_partitions`.
        found: i64,
        /// Partitions in the configuration.
        configured: i32,
    },
}

fn database(doing: &'static str) -> impl FnOnce(sqlx::Error) -> Error {
    move |source| Error::Database { doing, source }
}

impl Checkpoint {
    /// The rows as `instance` sees them; instances need names of their own.
    pub fn new(database: Database, instance: String, lease: Duration, partitions: i32) -> Checkpoint {
        Checkpoint { database, instance, lease, partitions }
    }

    /// Makes a row for every partition, because readers count them, and refuses another number of partitions than there
    /// ever was.
    pub async fn prepare(&self) -> Result<(), Error> {
        const INSERT: &str = "
            insert into relay_partitions (category, partition, position)
            select c, p, 0 from unnest($1::text[]) as c, generate_series(0, $2 - 1) as p
            where not exists (select from relay_partitions known where known.category = c)
            on conflict do nothing";
        const OTHER_NUMBER: &str = "
            select category, count(*) from relay_partitions where category = any($1)
            group by category having count(*) <> $2 order by category limit 1";
        let categories = Category::ALL.map(Category::as_str);
        sqlx::query(INSERT)
            .bind(categories)
            .bind(self.partitions)
            .execute(&self.database)
            .await
            .map_err(database("making the relay's partitions"))?;
        let other = sqlx::query_as::<_, (String, i64)>(OTHER_NUMBER)
            .bind(categories)
            .bind(self.partitions)
            .fetch_optional(&self.database)
            .await
            .map_err(database("counting the relay's partitions"))?;
        match other {
            Some((category, found)) => Err(Error::Partitions { category, found, configured: self.partitions }),
            None => Ok(()),
        }
    }

    /// Takes the lease if it is free or ours already; `None` while another instance leads.
    pub async fn acquire(&self) -> Result<Option<Lease>, Error> {
        const ACQUIRE: &str = "
            update relay_checkpoint
            set epoch = epoch + 1, leader = $1, lease_until = clock_timestamp() + make_interval(secs => $2)
            where lease_until < clock_timestamp() or leader = $1
            returning epoch, incarnation, position";
        let asked = Instant::now();
        let taken = sqlx::query_as::<_, (i64, i32, i64)>(ACQUIRE)
            .bind(&self.instance)
            .bind(self.lease.as_secs_f64())
            .fetch_optional(&self.database)
            .await
            .map_err(database("taking the relay's lease"))?;
        let Some((epoch, incarnation, position)) = taken else { return Ok(None) };
        let mut mark = Mark::new(self.partitions);
        mark.incarnation = Incarnation(incarnation);
        mark.position = Position(position);
        self.load_partitions(&mut mark).await?;
        Ok(Some(Lease { epoch, until: asked + self.lease, mark }))
    }

    /// A statement of its own, after the epoch is ours: within the same statement it could see rows from before the last
    /// save of the leader before us.
    async fn load_partitions(&self, mark: &mut Mark) -> Result<(), Error> {
        let rows =
            sqlx::query_as::<_, (String, i32, i64)>("select category, partition, position from relay_partitions")
                .fetch_all(&self.database)
                .await
                .map_err(database("loading the relay's partitions"))?;
        for (name, partition, position) in rows {
            let Some(category) = Category::ALL.into_iter().find(|category| category.as_str() == name) else { continue };
            if (0..self.partitions).contains(&partition) {
                mark.restore(Slot { category, partition }, Position(position));
            }
        }
        Ok(())
    }

    /// Moves the checkpoint and renews the lease, which is all it does where nothing moved. `None`: somebody else leads, or
    /// the database has lost a save; either way go back to [`Checkpoint::acquire`].
    ///
    /// Does not wait for the disk: a save that a crash loses is sent to Kafka again, which is allowed, and the writer's
    /// commits would wait in the same line. Repeating a save whose answer was lost is safe, hence `in ($2, $3)`.
    pub async fn save(&self, epoch: i64, from: &Mark, to: &Mark) -> Result<Option<Renewed>, Error> {
        const SAVE: &str = "
            with no_wait as (select set_config('synchronous_commit', 'off', true)),
            moved as (
                update relay_checkpoint
                set position = $3, incarnation = $4, lease_until = clock_timestamp() + make_interval(secs => $5)
                from no_wait
                where epoch = $1 and position in ($2, $3)
                returning 1
            ),
            changed as (
                update relay_partitions p set position = c.position
                from moved, unnest($6::text[], $7::int[], $8::bigint[]) as c(category, partition, position)
                where p.category = c.category and p.partition = c.partition
            )
            select log_head.position from log_head, moved";
        let changes: Vec<(Slot, Position)> = to.changes_since(from).collect();
        let categories: Vec<&str> = changes.iter().map(|(slot, _)| slot.category.as_str()).collect();
        let partitions: Vec<i32> = changes.iter().map(|(slot, _)| slot.partition).collect();
        let positions: Vec<i64> = changes.iter().map(|(_, position)| position.0).collect();
        let asked = Instant::now();
        let head = sqlx::query_scalar::<_, i64>(SAVE)
            .bind(epoch)
            .bind(from.position.0)
            .bind(to.position.0)
            .bind(to.incarnation.0)
            .bind(self.lease.as_secs_f64())
            .bind(categories)
            .bind(partitions)
            .bind(positions)
            .fetch_optional(&self.database)
            .await
            .map_err(database("saving the relay's checkpoint"))?;
        Ok(head.map(|head| Renewed { until: asked + self.lease, head: Position(head) }))
    }

    /// Gives the lease back, so that another instance can take it at once.
    pub async fn release(&self, epoch: i64) -> Result<(), Error> {
        sqlx::query("update relay_checkpoint set leader = '', lease_until = '-infinity' where epoch = $1")
            .bind(epoch)
            .execute(&self.database)
            .await
            .map_err(database("giving the relay's lease back"))?;
        Ok(())
    }

    /// How long a lease lasts.
    pub fn lease(&self) -> Duration {
        self.lease
    }
}
