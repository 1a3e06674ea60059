//! [`LogFollower`]: follows the end of the log for all workers of a process.
//!
//! One task with one connection reads each event once, however many projections there are. The task polls the checkpoint
//! of the relay, because the log notifies nobody: a notification would slow down every append. The same connection holds
//! the locks of the followed generations; an instance without a lock is on standby and reads nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use events::Source;
use platform::backoff::{self, Backoff};
use platform::config::Secret;
use read_model::Generation;
use sqlx::PgConnection;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::links::Links;
use super::recent::RecentEvents;
use crate::feed::delivery::BATCH_BYTES_MAX;
use crate::feed::error::FeedError;
use crate::store::log::{self, PageLimit};
use crate::store::{self, StatementTimeout, StoreError, following, relay};

/// Interval at which the checkpoint of the relay is read, which is a statement that reads one row. The interval adds to
/// the latency of every event.
const POLL_INTERVAL: Duration = Duration::from_millis(10);

/// Interval at which an instance on standby tries to take the locks.
const LOCK_INTERVAL: Duration = Duration::from_millis(500);

/// Longest pause after a failure of the database.
const RETRY_MAX: Duration = Duration::from_secs(1);

/// Events that are read at once.
const PAGE: PageLimit = PageLimit { events: 2_000, bytes: BATCH_BYTES_MAX };

/// Handle to the follower of a process; it ends with its last handle.
#[derive(Clone)]
pub struct LogFollower(Arc<Shared>);

struct Shared {
    database_url: Secret,
    timeout: StatementTimeout,
    wanted: Arc<Wanted>,
    state: watch::Receiver<State>,
    /// The task is aborted when this set is dropped.
    _task: JoinSet<()>,
}

/// Number of feeds of each generation in this process.
#[derive(Default)]
struct Wanted(Mutex<BTreeMap<Generation, usize>>);

/// What the follower has.
#[derive(Debug, Default)]
pub(super) struct State {
    /// Number of the session. Positions in memory and locks hold only within a session.
    session: u64,
    /// The recent events; `None` without a lock.
    recent: Option<RecentEvents>,
    held: BTreeSet<Generation>,
    /// Generations whose locks another process holds.
    refused: BTreeSet<Generation>,
    /// Why there is no session, or why the last session ended.
    failure: Option<String>,
}

impl State {
    /// Number of the session, if this process may follow the generation.
    pub(super) fn session(&self, generation: Generation) -> Option<u64> {
        (self.recent.is_some() && self.held.contains(&generation)).then_some(self.session)
    }

    /// Whether another process follows the generation.
    pub(super) fn is_standby(&self, generation: Generation) -> bool {
        self.refused.contains(&generation)
    }

    /// The recent events, if the session is still the one with this number; otherwise the reason of its end.
    pub(super) fn recent(&self, session: u64) -> Result<&RecentEvents, String> {
        let reason = || self.failure.clone().unwrap_or_else(|| "starting again after the checkpoints".to_owned());
        self.recent.as_ref().filter(|_| self.session == session).ok_or_else(reason)
    }

    /// Why the database cannot be read, if there is no session.
    pub(super) fn failure(&self) -> Option<&str> {
        self.failure.as_deref()
    }
}

impl LogFollower {
    /// Starts the task, which runs until the last handle is dropped. `timeout` limits each of its statements.
    pub fn start(database_url: &Secret, timeout: StatementTimeout) -> LogFollower {
        let wanted = Arc::new(Wanted::default());
        let (sender, state) = watch::channel(State::default());
        let task = Task {
            database_url: database_url.clone(),
            timeout,
            wanted: Arc::clone(&wanted),
            state: sender,
            connection: None,
            retry_at: Instant::now(),
        };
        let mut tasks = JoinSet::new();
        tasks.spawn(task.run());
        LogFollower(Arc::new(Shared { database_url: database_url.clone(), timeout, wanted, state, _task: tasks }))
    }

    /// Takes the lock of a generation as soon as it is free, and holds it until the subscription is dropped.
    pub(super) fn subscribe(&self, generation: Generation) -> Subscription {
        *self.0.wanted.lock().entry(generation).or_default() += 1;
        Subscription { follower: self.clone(), generation, state: self.0.state.clone() }
    }
}

/// The interest of a feed in a generation.
pub(super) struct Subscription {
    follower: LogFollower,
    generation: Generation,
    state: watch::Receiver<State>,
}

impl Subscription {
    pub(super) fn generation(&self) -> Generation {
        self.generation
    }

    /// What the follower has now.
    pub(super) fn state(&self) -> watch::Ref<'_, State> {
        self.state.borrow()
    }

    /// Waits for a condition; `false` if it is not met at the deadline.
    pub(super) async fn wait_until(
        &mut self,
        deadline: tokio::time::Instant,
        condition: impl FnMut(&State) -> bool,
    ) -> Result<bool, FeedError> {
        match tokio::time::timeout_at(deadline, self.state.wait_for(condition)).await {
            Ok(Ok(_)) => Ok(true),
            Ok(Err(_)) => Err(FeedError::Interrupted("the task that follows the log has ended".to_owned())),
            Err(_) => Ok(false),
        }
    }

    /// A new connection to the database of the log.
    pub(super) async fn connect(&self) -> Result<PgConnection, StoreError> {
        store::connect(&self.follower.0.database_url).await
    }

    pub(super) fn timeout(&self) -> StatementTimeout {
        self.follower.0.timeout
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        let mut wanted = self.follower.0.wanted.lock();
        if let Some(feeds) = wanted.get_mut(&self.generation) {
            *feeds -= 1;
        }
        wanted.retain(|_, feeds| *feeds > 0);
    }
}

impl Wanted {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<Generation, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The task of a follower.
struct Task {
    database_url: Secret,
    timeout: StatementTimeout,
    wanted: Arc<Wanted>,
    state: watch::Sender<State>,
    connection: Option<PgConnection>,
    /// When to try again to take the locks that other processes hold.
    retry_at: Instant,
}

/// What a step of the task found.
#[derive(PartialEq, Eq)]
enum Found {
    /// The end of the log.
    End,
    /// The log may have more events.
    More,
}

impl Task {
    async fn run(mut self) {
        let mut backoff = Backoff::between(backoff::BASE, RETRY_MAX);
        loop {
            match self.step().await {
                Ok(found) => {
                    backoff.reset();
                    if found == Found::End {
                        tokio::time::sleep(POLL_INTERVAL).await;
                    }
                }
                Err(error) => {
                    self.end_session(error.to_string());
                    tokio::time::sleep(backoff.next_delay()).await;
                }
            }
        }
    }

    async fn step(&mut self) -> Result<Found, StoreError> {
        // While a statement runs, the connection is not in `self`: after a failure it is closed.
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => store::connect(&self.database_url).await?,
        };
        self.hold_locks(&mut connection).await?;
        let (has_lock, has_session) = {
            let state = self.state.borrow();
            (!state.held.is_empty(), state.recent.is_some())
        };
        let found = match (has_lock, has_session) {
            (false, _) => self.stand_by(),
            (true, false) => self.begin(&mut connection).await?,
            (true, true) => self.read(&mut connection).await?,
        };
        self.connection = Some(connection);
        Ok(found)
    }

    /// Takes the locks of wanted generations and releases the others.
    async fn hold_locks(&mut self, connection: &mut PgConnection) -> Result<(), StoreError> {
        let wanted: BTreeSet<Generation> = self.wanted.lock().keys().copied().collect();
        let is_due = Instant::now() >= self.retry_at;
        let (missing, unwanted): (Vec<Generation>, Vec<Generation>) = {
            let state = self.state.borrow();
            let missing = wanted.difference(&state.held).filter(|it| is_due || !state.refused.contains(it));
            (missing.copied().collect(), state.held.difference(&wanted).copied().collect())
        };
        if !unwanted.is_empty() {
            let unlocking = following::unlock(connection, &unwanted);
            self.timeout.run("releasing the locks of generations", unlocking).await?;
            self.state.send_modify(|state| state.held.retain(|held| wanted.contains(held)));
        }
        if !missing.is_empty() {
            self.retry_at = Instant::now() + LOCK_INTERVAL;
            let locking = following::try_lock(connection, &missing);
            let locked = self.timeout.run("locking generations", locking).await?;
            self.state.send_modify(|state| {
                state.refused =
                    wanted.iter().filter(|it| !state.held.contains(it) && !locked.contains(it)).copied().collect();
                state.held.extend(locked);
                state.failure = None;
            });
        }
        Ok(())
    }

    /// Without a lock nothing is read. The database can be reached again: a feed that sees an earlier failure would end
    /// before its generation is locked.
    fn stand_by(&self) -> Found {
        self.state.send_if_modified(|state| state.recent.take().is_some() | state.failure.take().is_some());
        Found::End
    }

    /// Begins a session after the checkpoint of the relay.
    async fn begin(&mut self, connection: &mut PgConnection) -> Result<Found, StoreError> {
        let id = self.timeout.run("reading the identity of the log", log::find_id(connection)).await?;
        let published = relay::find_all_published(connection);
        let (relay, partitions) = self.timeout.run("reading the checkpoint of the relay", published).await?;
        let recent = RecentEvents::after(relay, Links::new(Source::Log(id), partitions));
        self.state.send_modify(|state| {
            state.session += 1;
            state.recent = Some(recent);
            state.failure = None;
        });
        Ok(Found::End)
    }

    /// Reads the events up to the checkpoint of the relay.
    async fn read(&mut self, connection: &mut PgConnection) -> Result<Found, StoreError> {
        let relay = self.timeout.run("reading the checkpoint of the relay", relay::find_checkpoint(connection)).await?;
        let (mut continues, mut end) = (true, relay.position);
        self.state.send_if_modified(|state| {
            if let Some(recent) = &mut state.recent {
                continues = recent.publish(relay);
                end = recent.end();
            }
            false
        });
        if continues && end < relay.position {
            let range = log::list_range(connection, None, end, relay.position, PAGE);
            let range = self.timeout.run("reading the log", range).await?;
            end = range.end;
            self.state.send_modify(|state| {
                continues = state.recent.as_mut().is_none_or(|recent| recent.extend(range));
            });
        }
        if !continues {
            self.state.send_modify(|state| state.recent = None);
            return Ok(Found::More);
        }
        Ok(if end < relay.position { Found::More } else { Found::End })
    }

    /// The connection is closed, and with it the locks are lost.
    fn end_session(&self, failure: String) {
        self.state.send_modify(|state| {
            state.recent = None;
            state.held.clear();
            state.refused.clear();
            state.failure = Some(failure);
        });
    }
}
