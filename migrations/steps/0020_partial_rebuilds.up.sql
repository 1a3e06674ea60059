-- Rebuilds that fold only some streams and copy the rows of all others from the live generation.

-- Incarnation of the event at position `upto`, by which a rebuild notices that the log has lost the events that it reads; null
-- in rebuilds that an earlier release began. The streams that are folded: those with an event from a position on, or those of
-- months; all streams if both are null. The generation whose rows are copied.
alter table projection_rebuilds
    add column incarnation int,
    add column from_position bigint,
    add column months text[],
    add column copied_generation int;

-- What a step does, and the number of rows that it copied. Steps of an earlier release have `first_stream` and `end_stream`.
alter table projection_rebuild_segments
    add column step json,
    add column rows bigint,
    alter column first_stream drop not null,
    alter column end_stream drop not null;
