//! The names of all metrics. Dashboards and alerts are checked against this file. [`crate::metrics`] records them.
//!
//! Names follow Prometheus: base units, `_total` for counters. A histogram in `_seconds` gets the buckets for time, any other
//! histogram the buckets for counts.

// HTTP, recorded by `server`.

/// Counter. Responses, by `route` (the matched pattern), `method` and `status` class.
pub const HTTP_REQUESTS_TOTAL: &str = "http_requests_total";
/// Histogram. Time from the request headers to the response headers, by `route` and `method`.
pub const HTTP_REQUEST_SECONDS: &str = "http_request_seconds";
/// Counter. Requests rejected with 503 because too many requests were in flight.
pub const HTTP_REQUESTS_SHED_TOTAL: &str = "http_requests_shed_total";
/// Counter. Requests whose client closed the connection before the response.
pub const HTTP_REQUESTS_ABANDONED_TOTAL: &str = "http_requests_abandoned_total";
/// Counter. Handlers that panicked.
pub const HTTP_PANICS_TOTAL: &str = "http_panics_total";
/// Gauge. Open connections.
pub const HTTP_CONNECTIONS: &str = "http_connections";
/// Counter. Connections rejected by a limit, by `limit` (`total` or `ip`).
pub const HTTP_CONNECTIONS_REFUSED_TOTAL: &str = "http_connections_refused_total";

// The process, read from /proc by `metrics` at each scrape; the names are defined by Prometheus.

/// Gauge. Resident memory.
pub const PROCESS_RESIDENT_MEMORY_BYTES: &str = "process_resident_memory_bytes";
/// Gauge. Open file descriptors.
pub const PROCESS_OPEN_FDS: &str = "process_open_fds";
/// Counter. User and system CPU time.
pub const PROCESS_CPU_SECONDS_TOTAL: &str = "process_cpu_seconds_total";
/// Gauge. Threads.
pub const PROCESS_THREADS: &str = "process_threads";

// Health, recorded by `health`.

/// Gauge. 1 while a dependency is up, 0 while it is not, by `dependency`.
pub const DEPENDENCY_UP: &str = "dependency_up";

// Kafka, recorded by the clients of the command-service and the projector.

/// Counter. Requests that were sent to Kafka, by `client` (`relay`, or the projection of a consumer) and `request` (Kafka's name of the
/// request, such as `Produce` or `Fetch`); updated every two seconds.
pub const KAFKA_REQUESTS_TOTAL: &str = "kafka_requests_total";

// The command-service.

/// Counter. Decided commands, by `command` and `outcome` (`done`, `replayed`, `shed` or the type of the problem).
pub const COMMANDS_TOTAL: &str = "commands_total";
/// Counter. Events appended to the log.
pub const WRITER_EVENTS_TOTAL: &str = "writer_events_total";
/// Histogram. Commands in a batch.
pub const WRITER_BATCH_COMMANDS: &str = "writer_batch_commands";
/// Histogram. Duration of an append statement.
pub const WRITER_APPEND_SECONDS: &str = "writer_append_seconds";
/// Counter. Batches decided again because another instance appended first.
pub const WRITER_RACES_LOST_TOTAL: &str = "writer_races_lost_total";
/// Gauge. Time by which the last event is ahead of this instance's clock: above 0 after the clock was set back.
pub const WRITER_CLOCK_BEHIND_SECONDS: &str = "writer_clock_behind_seconds";
/// Counter. Commands that the schedule issued because they were due, by `command` and `outcome` (`done`, `replayed`, `shed`, `unknown`,
/// `unreadable` or the type of the problem).
pub const SCHEDULE_ISSUED_TOTAL: &str = "schedule_issued_total";
/// Gauge. Commands that are due and have no reply yet.
pub const SCHEDULE_DUE_ENTRIES: &str = "schedule_due_entries";
/// Gauge. Time since the oldest of these commands became due.
pub const SCHEDULE_LATE_SECONDS: &str = "schedule_late_seconds";
/// Gauge. Events of the log that the schedule has not processed.
pub const SCHEDULE_LAG_EVENTS: &str = "schedule_lag_events";

/// Counter. Received bytes of bulk imports, before decompression.
pub const IMPORT_BYTES_TOTAL: &str = "import_bytes_total";
/// Counter. Processed rows of bulk imports, by `kind` and `outcome` (`applied`, `rejected`).
pub const IMPORT_ROWS_TOTAL: &str = "import_rows_total";
/// Counter. Bulk imports that ended, by `kind` and `state` (`succeeded`, `failed`, `cancelled`).
pub const IMPORTS_TOTAL: &str = "imports_total";
/// Counter. Failed attempts to execute a bulk import; a job is retried until its attempts are used up.
pub const IMPORT_FAILURES_TOTAL: &str = "import_failures_total";

// The query-service.

/// Counter. Cache lookups, by `kind` (`order`, `product`, `stock`, `page`, `stats`), `level` (`process`, `redis`) and `result`
/// (`hit`, `miss`; `absent` where it is known that there is no document).
pub const QUERY_CACHE_REQUESTS_TOTAL: &str = "query_cache_requests_total";
/// Counter. Redis requests that failed or exceeded their time budget.
pub const QUERY_REDIS_FAILURES_TOTAL: &str = "query_redis_failures_total";
/// Histogram. Duration of a statement, including the wait for a connection, by `source` (`primary`, `replica`; of several
/// replicas `replica-1`, `replica-2` and so on).
pub const QUERY_DATABASE_SECONDS: &str = "query_database_seconds";
/// Counter. Failed statements, by `source`.
pub const QUERY_DATABASE_FAILURES_TOTAL: &str = "query_database_failures_total";
/// Counter. Rows left out of pages because this release cannot decode them, by `projection`; `log` for
/// events.
pub const QUERY_ROWS_UNREADABLE_TOTAL: &str = "query_rows_unreadable_total";
/// Counter. Database reads with a consistency token, by `outcome` (`at_once`, `waited`, `too_late`).
pub const QUERY_TOKEN_READS_TOTAL: &str = "query_token_reads_total";
/// Histogram. Time until such a read returned or timed out.
pub const QUERY_TOKEN_WAIT_SECONDS: &str = "query_token_wait_seconds";
/// Gauge. Replication lag, by `replica`; not a number while the primary or the replica is unavailable.
pub const QUERY_REPLICA_LAG_SECONDS: &str = "query_replica_lag_seconds";
/// Gauge. Events of the log that are not applied, by `projection`, in the databases that serve reads; not a number while the primary is
/// unavailable.
pub const QUERY_PROJECTION_LAG_EVENTS: &str = "query_projection_lag_events";
/// Gauge. Age of the oldest event that is not applied, by `projection`, in the databases that serve reads; not a number while the primary is
/// unavailable.
pub const QUERY_PROJECTION_LAG_SECONDS: &str = "query_projection_lag_seconds";
/// Gauge. Open streams of Server-Sent Events.
pub const QUERY_STREAMS_OPEN: &str = "query_streams_open";
/// Counter. Streams rejected with 503 because too many streams were open.
pub const QUERY_STREAMS_REFUSED_TOTAL: &str = "query_streams_refused_total";
/// Counter. Ranges of the log that streams read from a database, because they were behind the events in memory.
pub const QUERY_STREAM_DATABASE_READS_TOTAL: &str = "query_stream_database_reads_total";
/// Counter. Attempts to write an export that ended, by `outcome` (`complete`, `failed`, `retried`, `cancelled`, `released`).
pub const QUERY_EXPORTS_TOTAL: &str = "query_exports_total";
/// Gauge. Exports that this instance is writing.
pub const QUERY_EXPORTS_RUNNING: &str = "query_exports_running";
/// Counter. Rows written by exports.
pub const QUERY_EXPORT_ROWS_TOTAL: &str = "query_export_rows_total";
/// Histogram. Duration of an attempt to write an export.
pub const QUERY_EXPORT_SECONDS: &str = "query_export_seconds";

// The projector; all by `projection`, except those of the cache.

/// Counter. Events applied.
pub const PROJECTOR_EVENTS_APPLIED_TOTAL: &str = "projector_events_applied_total";
/// Counter. Messages skipped because their event was applied before.
pub const PROJECTOR_EVENTS_SEEN_TOTAL: &str = "projector_events_seen_total";
/// Counter. Events read from the log because they were missing in Kafka.
pub const PROJECTOR_EVENTS_HEALED_TOTAL: &str = "projector_events_healed_total";
/// Counter. Messages that are not events of this platform.
pub const PROJECTOR_MESSAGES_UNREADABLE_TOTAL: &str = "projector_messages_unreadable_total";
/// Counter. Messages that are events of another log, which are not applied.
pub const PROJECTOR_MESSAGES_FOREIGN_TOTAL: &str = "projector_messages_foreign_total";
/// Histogram. Events in a batch.
pub const PROJECTOR_BATCH_EVENTS: &str = "projector_batch_events";
/// Histogram. Time of one batch, from its events to its commit.
pub const PROJECTOR_BATCH_SECONDS: &str = "projector_batch_seconds";
/// Gauge. Events of the log since the oldest event that is published and not applied.
pub const PROJECTOR_LAG_EVENTS: &str = "projector_lag_events";
/// Gauge. Age of the oldest event that is published and not applied.
pub const PROJECTOR_LAG_SECONDS: &str = "projector_lag_seconds";
/// Gauge. Parked streams.
pub const PROJECTOR_PARKED_STREAMS: &str = "projector_parked_streams";
/// Gauge. Partitions assigned to this process.
pub const PROJECTOR_PARTITIONS: &str = "projector_partitions";
/// Counter. Partitions that another worker took over during a batch.
pub const PROJECTOR_CLAIMS_LOST_TOTAL: &str = "projector_claims_lost_total";
/// Counter. Values written to the cache.
pub const PROJECTOR_CACHE_WRITES_TOTAL: &str = "projector_cache_writes_total";
/// Counter. Failed writes to the cache, and values dropped because the queue was full.
pub const PROJECTOR_CACHE_FAILURES_TOTAL: &str = "projector_cache_failures_total";
/// Counter. Events that Kafka has acknowledged; without Kafka, events that the relay has read.
pub const RELAY_EVENTS_TOTAL: &str = "relay_events_total";
/// Gauge. Position of the relay's checkpoint.
pub const RELAY_CHECKPOINT_POSITION: &str = "relay_checkpoint_position";
/// Gauge. Events between the relay's checkpoint and the end of the log.
pub const RELAY_LAG_EVENTS: &str = "relay_lag_events";
/// Gauge. 1 while this instance is the relay leader.
pub const RELAY_LEADER: &str = "relay_leader";
/// Counter. Number of times that the relay returned to its checkpoint because Kafka did not accept an event.
pub const RELAY_DELIVERY_FAILURES_TOTAL: &str = "relay_delivery_failures_total";
