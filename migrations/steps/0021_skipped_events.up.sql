-- Events that an operator has skipped in a generation because they could not be applied. Rows are never deleted: they record who
-- skipped what, when and why.
create table skipped_events (
    projection text not null,
    generation int not null,
    stream_id text not null,
    -- Log position of the event: positions of lost events are assigned again in the next incarnation.
    incarnation int not null,
    position bigint not null,
    -- Reason why the event could not be applied.
    failure text not null,
    skipped_by text not null,
    reason text not null,
    skipped_at timestamptz not null default now(),
    -- When the generation was removed; a later generation may have the same number.
    retired_at timestamptz
);
create unique index skipped_events_active on skipped_events (projection, generation, stream_id, incarnation, position)
    where retired_at is null;

grant select, insert, update (retired_at) on skipped_events to model_writer;
grant select on skipped_events to reader, log_writer;
