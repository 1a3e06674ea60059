//! Leader lease, checkpoint and last position of every partition: the tables `relay_checkpoint` and `relay_partitions`. Owner module of
//! sqlx. [`take_over`] takes the lease from a relay.
//!
//! Leadership is a lease with an epoch. An instance that acquires the lease increments the epoch, and every write has the epoch of its
//! writer in its `where` clause: a leader that was paused, disconnected or replaced updates no row and thereby detects that it is not
//! the leader any more.

pub mod take_over;

use std::time::{Duration, Instant};

use events::{Category, Incarnation, Position};

use super::watermark::{TopicPartition, Watermark};
use crate::database::{self, Database, during};

/// Access of one instance to the lease and the checkpoint.
#[derive(Debug, Clone)]
pub struct Checkpoint {
    database: Database,
    instance: String,
    lease: Duration,
    partitions: i32,
}

/// The leader lease.
#[derive(Debug)]
pub struct Lease {
    /// Epoch of the leader. Every acquisition of the lease has a new epoch.
    pub epoch: i64,
    /// End of the lease by the clock of this process, counted from before the request, so that the lease ends for the leader before it
    /// ends for other instances. This clock stops while the machine is suspended, so a suspended leader may use its lease for too long.
    /// The events that it then sends are repeats of events that the next leader sends too, which is allowed; the epoch prevents it
    /// from saving a checkpoint, and thereby it detects that it is not the leader any more.
    pub until: Instant,
    /// Saved watermark, after which the leader continues.
    pub watermark: Watermark,
}

/// Result of a saved checkpoint.
#[derive(Debug, Clone, Copy)]
pub struct Saved {
    /// New end of the lease; see [`Lease::until`].
    pub until: Instant,
    /// Position of the head of the log.
    pub head: Position,
}

/// The checkpoint could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Database(#[from] database::Error),
    #[error(
        "events of category {category} were published to {found} partitions, but {configured} are configured: with another \
         number of partitions, message keys move to other partitions and lose their order. Set the number of partitions to \
         {found}; to change it, create a new topic and switch over to it"
    )]
    Partitions { category: String, found: i64, configured: i32 },
}

impl Checkpoint {
    /// `instance` must be unique among the running instances.
    pub fn new(database: Database, instance: String, lease: Duration, partitions: i32) -> Checkpoint {
        Checkpoint { database, instance, lease, partitions }
    }

    /// Inserts a row for every partition, because readers count the partitions. An error if the configured number of partitions differs
    /// from the number of existing rows.
    pub async fn prepare(&self) -> Result<(), Error> {
        const INSERT: &str = "
            insert into relay_partitions (category, partition, position)
            select c, p, 0 from unnest($1::text[]) as c, generate_series(0, $2 - 1) as p
            where not exists (select from relay_partitions known where known.category = c)
            on conflict do nothing";
        const DIFFERENT_COUNT: &str = "
            select category, count(*) from relay_partitions where category = any($1)
            group by category having count(*) <> $2 order by category limit 1";
        let categories = Category::ALL.map(Category::as_str);
        sqlx::query(INSERT)
            .bind(categories)
            .bind(self.partitions)
            .execute(&self.database)
            .await
            .map_err(during("inserting the relay partitions"))?;
        let different = sqlx::query_as::<_, (String, i64)>(DIFFERENT_COUNT)
            .bind(categories)
            .bind(self.partitions)
            .fetch_optional(&self.database)
            .await
            .map_err(during("counting the relay partitions"))?;
        match different {
            Some((category, found)) => Err(Error::Partitions { category, found, configured: self.partitions }),
            None => Ok(()),
        }
    }

    /// Acquires the lease if it is free or already held by this instance; `None` while another instance is the leader.
    pub async fn acquire(&self) -> Result<Option<Lease>, Error> {
        const ACQUIRE: &str = "
            update relay_checkpoint
            set epoch = epoch + 1, leader = $1, lease_until = clock_timestamp() + make_interval(secs => $2)
            where lease_until < clock_timestamp() or leader = $1
            returning epoch, incarnation, position";
        let requested = Instant::now();
        let acquired = sqlx::query_as::<_, (i64, i32, i64)>(ACQUIRE)
            .bind(&self.instance)
            .bind(self.lease.as_secs_f64())
            .fetch_optional(&self.database)
            .await
            .map_err(during("acquiring the relay leader lease"))?;
        let Some((epoch, incarnation, position)) = acquired else { return Ok(None) };
        let watermark = self.watermark_at(Incarnation(incarnation), Position(position)).await?;
        Ok(Some(Lease { epoch, until: requested + self.lease, watermark }))
    }

    /// The saved watermark, whose log position was read before. The partitions are read by a separate statement after the epoch was
    /// incremented: the same statement could see rows from before the last save of the previous leader.
    async fn watermark_at(&self, incarnation: Incarnation, position: Position) -> Result<Watermark, Error> {
        let mut watermark = Watermark::new(self.partitions);
        watermark.incarnation = incarnation;
        watermark.position = position;
        let rows =
            sqlx::query_as::<_, (String, i32, i64)>("select category, partition, position from relay_partitions")
                .fetch_all(&self.database)
                .await
                .map_err(during("loading the relay partitions"))?;
        for (name, partition, position) in rows {
            let Some(category) = Category::ALL.into_iter().find(|category| category.as_str() == name) else { continue };
            if (0..self.partitions).contains(&partition) {
                watermark.restore(TopicPartition { category, partition }, Position(position));
            }
        }
        Ok(watermark)
    }

    /// Moves the checkpoint and renews the lease. `None` if another instance is the leader or the database has lost an earlier save; the
    /// caller must then acquire the lease again.
    ///
    /// The commit does not wait for the disk, so that it does not delay the commits of the writer. If a crash loses a save, events are
    /// sent to Kafka again, which is allowed. A save whose response was lost can be repeated, hence `in ($2, $3)`.
    pub async fn save(&self, epoch: i64, from: &Watermark, to: &Watermark) -> Result<Option<Saved>, Error> {
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
        let changes: Vec<(TopicPartition, Position)> = to.changes_since(from).collect();
        let categories: Vec<&str> = changes.iter().map(|(partition, _)| partition.category.as_str()).collect();
        let partitions: Vec<i32> = changes.iter().map(|(partition, _)| partition.partition).collect();
        let positions: Vec<i64> = changes.iter().map(|(_, position)| position.0).collect();
        let requested = Instant::now();
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
            .map_err(during("saving the relay checkpoint"))?;
        Ok(head.map(|head| Saved { until: requested + self.lease, head: Position(head) }))
    }

    /// Releases the lease, so that another instance can acquire it at once.
    pub async fn release(&self, epoch: i64) -> Result<(), Error> {
        sqlx::query("update relay_checkpoint set leader = '', lease_until = '-infinity' where epoch = $1")
            .bind(epoch)
            .execute(&self.database)
            .await
            .map_err(during("releasing the relay leader lease"))?;
        Ok(())
    }

    /// Duration of the lease.
    pub fn lease(&self) -> Duration {
        self.lease
    }
}
