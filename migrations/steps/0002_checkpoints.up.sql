-- How far the relay and the projections have come. "Everything up to P is applied" is computed from these alone.
-- Few rows, updated many times a second: room on the page for new versions, and a vacuum that does not wait for more rows.

create table relay_checkpoint (
    only_row boolean primary key default true check (only_row),
    epoch bigint not null,
    leader text not null,
    lease_until timestamptz not null,
    incarnation int not null,
    position bigint not null
) with (fillfactor = 10, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 500);
insert into relay_checkpoint (epoch, leader, lease_until, incarnation, position) values (0, '', '-infinity', 1, 0);

-- Position of the last event that the relay sent to each partition.
create table relay_partitions (
    category text not null,
    partition int not null,
    position bigint not null,
    primary key (category, partition)
) with (fillfactor = 10, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 500);

create table projection_checkpoints (
    projection text not null,
    generation int not null,
    category text not null,
    partition int not null,
    epoch bigint not null,
    incarnation int not null,
    position bigint not null,
    recorded_at timestamptz not null,
    primary key (projection, generation, category, partition)
) with (fillfactor = 10, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 500);

-- A stream whose event could not be applied: it waits, in order, from this position on; the others flow.
create table parked_streams (
    projection text not null,
    generation int not null,
    stream_id text not null,
    position bigint not null,
    reason text not null,
    parked_at timestamptz not null,
    primary key (projection, generation, stream_id)
);

grant select, update on relay_checkpoint to log_writer;
grant select, insert, update on relay_partitions to log_writer;
grant select on projection_checkpoints to log_writer;
grant select on relay_checkpoint, relay_partitions to model_writer, reader;
grant select, insert, update, delete on projection_checkpoints, parked_streams to model_writer;
grant select on projection_checkpoints, parked_streams to reader;
