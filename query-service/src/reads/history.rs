//! Events of the log as a projection applies them: those that an operator has skipped in the live generation are marked.

use events::Recorded;
use read_model::Projection;
use sqlx::Row;
use sqlx::postgres::PgRow;

use crate::reads::database::statement::Statement;
use crate::reads::events::decode_event;

/// An event, and whether the projection skips it.
#[derive(Debug)]
pub struct HistoricEvent {
    /// The event.
    pub recorded: Recorded,
    /// Whether it is skipped in the live generation of the projection.
    pub is_skipped: bool,
}

/// Adds the columns of `events` that [`HistoricEvent::decode`] reads.
pub fn push_columns(projection: Projection, statement: &mut Statement) {
    statement
        .push(
            "position, incarnation, stream_id, version, event_type, schema_version, payload::text as payload,
                metadata::text as metadata, command_id, recorded_at, exists (
                    select from skipped_events s
                    join projection_generations g on g.projection = s.projection and g.generation = s.generation
                    where g.state = 'live' and s.retired_at is null and s.projection = ",
        )
        .bind(projection.name())
        .push(
            " and s.stream_id = events.stream_id and s.incarnation = events.incarnation
                and s.position = events.position) as is_skipped",
        );
}

impl HistoricEvent {
    /// Decodes a row.
    pub fn decode(row: &PgRow) -> sqlx::Result<HistoricEvent> {
        Ok(HistoricEvent { recorded: decode_event(row)?, is_skipped: row.try_get("is_skipped")? })
    }
}
