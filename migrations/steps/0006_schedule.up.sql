-- What time will make of a stream: which of the platform's own commands is to be asked for, and when. Derived from the log by
-- the command-service: emptied by `command-service schedule rebuild`, it is made anew.

create table schedule (
    stream_id text not null,
    kind text not null,
    -- From when on the rules are to be asked; null while nothing can change before the stream's next event.
    due_at timestamptz,
    -- When to ask next: due_at, or later while an instance is at it or after an attempt that brought no reply.
    try_at timestamptz,
    attempts int not null default 0,
    -- The event that says so.
    position bigint not null,
    cause uuid not null,
    primary key (stream_id, kind),
    constraint schedule_asleep check ((due_at is null) = (try_at is null))
) with (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 5000);
create index schedule_try_at on schedule (try_at) where try_at is not null;

-- How far the log has been followed; incarnation is that of the event there. Edition is that of the program's rules for what is
-- planned: a build with newer ones begins anew, an older one leaves the tables alone.
create table schedule_checkpoint (
    only_row boolean primary key default true check (only_row),
    edition int not null,
    incarnation int not null,
    position bigint not null
) with (fillfactor = 10, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 500);
insert into schedule_checkpoint (edition, incarnation, position) values (0, 1, 0);

grant select, insert, update, delete, truncate on schedule to log_writer;
grant select, update on schedule_checkpoint to log_writer;
