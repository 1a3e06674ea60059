//! Every metric's name, in one file: dashboards and alerts are checked against it. Recorded through [`crate::metrics`].
//!
//! Names follow Prometheus: base units, `_total` for counters. A histogram in `_seconds` gets the buckets for time, any other
//! histogram the buckets for counts.

// HTTP, recorded by `server`.

/// Counter. Requests answered, by `route` (the matched pattern), `method` and `status` class.
pub const HTTP_REQUESTS_TOTAL: &str = "http_requests_total";
/// Histogram. Time from the request's head to the answer's head, by `route` and `method`.
pub const HTTP_REQUEST_SECONDS: &str = "http_request_seconds";
/// Counter. Requests answered 503 because too many were in flight.
pub const HTTP_REQUESTS_SHED_TOTAL: &str = "http_requests_shed_total";
/// Counter. Requests whose client went away before the answer.
pub const HTTP_REQUESTS_ABANDONED_TOTAL: &str = "http_requests_abandoned_total";
/// Counter. Handlers that panicked.
pub const HTTP_PANICS_TOTAL: &str = "http_panics_total";
/// Gauge. Connections open now.
pub const HTTP_CONNECTIONS: &str = "http_connections";
/// Counter. Connections refused at a limit, by `limit` (`total` or `ip`).
pub const HTTP_CONNECTIONS_REFUSED_TOTAL: &str = "http_connections_refused_total";

// The process, read from /proc by `metrics` at each scrape; the names are Prometheus's own.

/// Gauge. Resident memory.
pub const PROCESS_RESIDENT_MEMORY_BYTES: &str = "process_resident_memory_bytes";
/// Gauge. Open file descriptors.
pub const PROCESS_OPEN_FDS: &str = "process_open_fds";
/// Counter. User and system time together.
pub const PROCESS_CPU_SECONDS_TOTAL: &str = "process_cpu_seconds_total";
/// Gauge. Threads.
pub const PROCESS_THREADS: &str = "process_threads";

// Health, recorded by `health`.

/// Gauge. 1 while a dependency is up, 0 while it is not, by `dependency`.
pub const DEPENDENCY_UP: &str = "dependency_up";

// The command-service.

/// Counter. Commands answered, by `command` and `outcome` (`done`, `replayed`, `shed` or the kind of the refusal).
pub const COMMANDS_TOTAL: &str = "commands_total";
/// Counter. Events appended to the log.
pub const WRITER_EVENTS_TOTAL: &str = "writer_events_total";
/// Histogram. Commands in a batch.
pub const WRITER_BATCH_COMMANDS: &str = "writer_batch_commands";
/// Histogram. Time of one append, from the statement to its answer.
pub const WRITER_APPEND_SECONDS: &str = "writer_append_seconds";
/// Counter. Batches decided again because another instance appended first.
pub const WRITER_RACES_LOST_TOTAL: &str = "writer_races_lost_total";
/// Gauge. How far the time of the last event is ahead of this instance's clock: above 0 after a clock was set back.
pub const WRITER_CLOCK_BEHIND_SECONDS: &str = "writer_clock_behind_seconds";
/// Counter. Commands that the platform gave itself because their time had come, by `command` and `outcome` (`done`,
/// `replayed`, `shed`, `unknown`, `unreadable` or the kind of the refusal).
pub const SCHEDULE_ISSUED_TOTAL: &str = "schedule_issued_total";
/// Gauge. Commands that are due and have no reply yet.
pub const SCHEDULE_DUE_ENTRIES: &str = "schedule_due_entries";
/// Gauge. How long the first of them has been due.
pub const SCHEDULE_LATE_SECONDS: &str = "schedule_late_seconds";
/// Gauge. Events of the log that the schedule has not seen yet.
pub const SCHEDULE_LAG_EVENTS: &str = "schedule_lag_events";

/// Counter. Bytes of bulk imports received, as they came.
pub const IMPORT_BYTES_TOTAL: &str = "import_bytes_total";
/// Counter. Rows of bulk imports worked, by `kind` and `outcome` (`applied`, `rejected`).
pub const IMPORT_ROWS_TOTAL: &str = "import_rows_total";
/// Counter. Bulk imports that ended, by `kind` and `state` (`succeeded`, `failed`, `cancelled`).
pub const IMPORTS_TOTAL: &str = "imports_total";
/// Counter. Attempts to work a bulk import that failed; each is tried again until it is a dead letter.
pub const IMPORT_FAILURES_TOTAL: &str = "import_failures_total";

// The query-service.

/// Counter. Look-ups in a cache, by `kind` (`order`, `product`, `stock`), `level` (`process`, `redis`) and `result`
/// (`hit`, `miss`).
pub const QUERY_CACHE_REQUESTS_TOTAL: &str = "query_cache_requests_total";
/// Counter. Redis did not answer within the budget, or with an error.
pub const QUERY_REDIS_FAILURES_TOTAL: &str = "query_redis_failures_total";
/// Histogram. Time of one statement, waiting for a connection included, by `source` (`primary`, `replica`).
pub const QUERY_DATABASE_SECONDS: &str = "query_database_seconds";
/// Counter. Statements that brought no rows, by `source`.
pub const QUERY_DATABASE_FAILURES_TOTAL: &str = "query_database_failures_total";
/// Counter. Rows left out of pages because this build cannot read them, by `projection`.
pub const QUERY_ROWS_UNREADABLE_TOTAL: &str = "query_rows_unreadable_total";
/// Counter. Database reads with a consistency token, by `outcome` (`at_once`, `waited`, `too_late`).
pub const QUERY_TOKEN_READS_TOTAL: &str = "query_token_reads_total";
/// Histogram. Time until such a read was answered or given up.
pub const QUERY_TOKEN_WAIT_SECONDS: &str = "query_token_wait_seconds";
/// Gauge. How far the replica is behind the primary; not a number while one of them cannot be seen.
pub const QUERY_REPLICA_LAG_SECONDS: &str = "query_replica_lag_seconds";
/// Gauge. Events between what is applied and the end of the log, by `projection`, in the database that is read; not a number
/// while the primary cannot be seen.
pub const QUERY_PROJECTION_LAG_EVENTS: &str = "query_projection_lag_events";
/// Gauge. How long the oldest event that is not applied has waited, by `projection`, in the database that is read; not a number
/// while the primary cannot be seen.
pub const QUERY_PROJECTION_LAG_SECONDS: &str = "query_projection_lag_seconds";

// The projector; all by `projection`, but for the cache's.

/// Counter. Events applied.
pub const PROJECTOR_EVENTS_APPLIED_TOTAL: &str = "projector_events_applied_total";
/// Counter. Messages passed over because their event was applied before.
pub const PROJECTOR_EVENTS_SEEN_TOTAL: &str = "projector_events_seen_total";
/// Counter. Events read from the log because Kafka did not bring them.
pub const PROJECTOR_EVENTS_HEALED_TOTAL: &str = "projector_events_healed_total";
/// Counter. Messages that are not events of ours.
pub const PROJECTOR_MESSAGES_UNREADABLE_TOTAL: &str = "projector_messages_unreadable_total";
/// Counter. Messages that are events of another log, which are not applied.
pub const PROJECTOR_MESSAGES_FOREIGN_TOTAL: &str = "projector_messages_foreign_total";
/// Histogram. Events in a batch.
pub const PROJECTOR_BATCH_EVENTS: &str = "projector_batch_events";
/// Histogram. Time of one batch, from its events to its commit.
pub const PROJECTOR_BATCH_SECONDS: &str = "projector_batch_seconds";
/// Gauge. Events of the log, of whatever kind, since the oldest that is sent and not applied.
pub const PROJECTOR_LAG_EVENTS: &str = "projector_lag_events";
/// Gauge. Age of the oldest event that is sent and not applied.
pub const PROJECTOR_LAG_SECONDS: &str = "projector_lag_seconds";
/// Gauge. Streams that wait because an event could not be applied.
pub const PROJECTOR_PARKED_STREAMS: &str = "projector_parked_streams";
/// Gauge. Partitions held by this process.
pub const PROJECTOR_PARTITIONS: &str = "projector_partitions";
/// Counter. Partitions lost to another worker in the middle of a batch.
pub const PROJECTOR_CLAIMS_LOST_TOTAL: &str = "projector_claims_lost_total";
/// Counter. Values written to the cache.
pub const PROJECTOR_CACHE_WRITES_TOTAL: &str = "projector_cache_writes_total";
/// Counter. Attempts to write to the cache that failed, and values dropped because too many wait.
pub const PROJECTOR_CACHE_FAILURES_TOTAL: &str = "projector_cache_failures_total";
/// Counter. Events that Kafka has acknowledged.
pub const RELAY_EVENTS_TOTAL: &str = "relay_events_total";
/// Gauge. Position of the relay's checkpoint.
pub const RELAY_CHECKPOINT_POSITION: &str = "relay_checkpoint_position";
/// Gauge. Events between the relay's checkpoint and the end of the log.
pub const RELAY_LAG_EVENTS: &str = "relay_lag_events";
/// Gauge. 1 while this instance relays.
pub const RELAY_LEADER: &str = "relay_leader";
/// Counter. Times that the relay went back to its checkpoint because Kafka did not take an event.
pub const RELAY_DELIVERY_FAILURES_TOTAL: &str = "relay_delivery_failures_total";
