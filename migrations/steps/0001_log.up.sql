-- The log: the only precious table. One row of log_head is its lock, its position and its order.

-- The group roles log_writer, model_writer and reader belong to the server, not to a database: deploy makes them.

create table log_head (
    only_row boolean primary key default true check (only_row),
    incarnation int not null check (incarnation between 1 and 4095),
    position bigint not null check (position >= 0)
);
insert into log_head (incarnation, position) values (1, 0);

create table events (
    position bigint primary key,
    incarnation int not null,
    stream_id text not null,
    version int not null,
    event_type text not null,
    schema_version smallint not null,
    payload json not null,
    metadata json,
    recorded_at timestamptz not null,
    -- The next three stand on the first event of a command only.
    command_id uuid,
    fingerprint bigint,
    command_size smallint,
    -- A name that this event takes for good, such as an order's external reference.
    claim text,
    constraint events_stream_version unique (stream_id, version)
);
-- Partial, so that the events without one cost nothing: two of the three events of an order.
create unique index events_command_id on events (command_id) where command_id is not null;
create unique index events_claim on events (claim) where claim is not null;

create function refuse_change() returns trigger language plpgsql as $$
begin
    raise exception 'the log is append-only: % is not allowed on %', tg_op, tg_table_name
        using errcode = 'insufficient_privilege', hint = 'Write a new event instead.';
end $$;

create trigger events_append_only before update or delete or truncate on events
    for each statement execute function refuse_change();

-- States of long streams and the order numbers, so that a start need not read the whole log. Can be thrown away.
create table snapshots (
    name text primary key,
    position bigint not null,
    state json not null
);

grant select, insert on events to log_writer;
grant select, update on log_head to log_writer;
grant select, insert, update, delete on snapshots to log_writer;
grant select on events, log_head to model_writer, reader;
