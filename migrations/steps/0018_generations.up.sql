-- Generations of projections. The projector creates the tables of a generation in a schema of their own, such as `orders_1`,
-- and a view in `public` shows those of the live generation, so that a rebuild can replace all tables of a projection at once.

-- The read models so far have no generation: the projector creates the first generations and derives them from the log.
drop table orders, stock, stock_ledger, products, product_prices;
drop function ensure_month(text, timestamptz);
delete from projection_checkpoints;
delete from parked_streams;

create table projection_generations (
    projection text not null,
    generation int not null check (generation > 0),
    -- Version of the fold and of the tables: only a build with this version can write the generation.
    version int not null,
    -- building: a rebuild fills the tables; following: new events are applied; live: shown by the views; retained: was live,
    -- new events are applied, so that it can be live again.
    state text not null check (state in ('building', 'following', 'live', 'retained')),
    created_at timestamptz not null default now(),
    -- The last verification: when, up to which position of the log, and how many rows differed.
    verified_at timestamptz,
    verified_position bigint,
    differences bigint,
    primary key (projection, generation)
);
create unique index projection_generations_live on projection_generations (projection) where state = 'live';

-- A worker that has not noticed the end of its generation must not bring it back.
alter table projection_checkpoints
    add foreign key (projection, generation) references projection_generations on delete cascade;
alter table parked_streams
    add foreign key (projection, generation) references projection_generations on delete cascade;

-- The rebuild that fills a generation from the log up to position `upto`.
create table projection_rebuilds (
    projection text not null,
    generation int not null,
    upto bigint not null,
    -- Number of partitions of the topic of the projection.
    partitions int not null,
    -- Set by operators: whether the rebuild waits, and the maximum number of events per second (0: no limit).
    paused boolean not null default false,
    throttle bigint not null default 0,
    started_at timestamptz not null default now(),
    primary key (projection, generation),
    foreign key (projection, generation) references projection_generations on delete cascade
);

-- The parts of a rebuild. A part and its rows are committed together, so a rebuild continues after the last one.
create table projection_rebuild_segments (
    projection text not null,
    generation int not null,
    segment int not null,
    -- Ids of streams: the first (inclusive) and the end (exclusive).
    first_stream text not null,
    end_stream text not null,
    events bigint,
    -- Last position of each partition in the segment, as a JSON object.
    positions json,
    done_at timestamptz,
    primary key (projection, generation, segment),
    foreign key (projection, generation) references projection_generations on delete cascade
);

grant select, insert, update, delete on projection_generations, projection_rebuilds, projection_rebuild_segments to model_writer;
grant select on projection_generations, projection_rebuilds, projection_rebuild_segments to reader, log_writer;

-- The projector creates schemas, and views in `public`.
do $$ begin
    execute format('grant create on database %I to model_writer', current_database());
end $$;
grant create on schema public to model_writer;
