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
    primary key (projection, generation)
);
create unique index projection_generations_live on projection_generations (projection) where state = 'live';

grant select, insert, update, delete on projection_generations to model_writer;
grant select on projection_generations to reader, log_writer;

-- The projector creates schemas, and views in `public`.
do $$ begin
    execute format('grant create on database %I to model_writer', current_database());
end $$;
grant create on schema public to model_writer;
