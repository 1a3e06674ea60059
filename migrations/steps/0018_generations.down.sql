-- The read models as they were, empty: the projector derives them from the log.
do $$
declare
    generation record;
begin
    for generation in select projection, generation as number from projection_generations loop
        execute format('drop schema if exists %I cascade', generation.projection || '_' || generation.number);
    end loop;
    execute format('revoke create on database %I from model_writer', current_database());
end $$;
revoke create on schema public from model_writer;
drop table projection_rebuild_segments, projection_rebuilds;
drop table projection_generations cascade;
delete from projection_checkpoints;
delete from parked_streams;

create table orders (
    id uuid not null,
    code text not null,
    channel text not null,
    customer_id uuid,
    external_ref text,
    currency text not null,
    total bigint not null,
    lifecycle text not null,
    payment text not null,
    fulfilment text not null,
    returns text not null,
    placed_at timestamptz not null,
    updated_at timestamptz not null,
    version int not null,
    incarnation int not null,
    position bigint not null,
    document json not null,
    tags text[] not null default '{}',
    due bigint not null default 0,
    owed bigint not null default 0,
    primary key (id)
) partition by range (id);
create index orders_code on orders (code);
create index orders_lifecycle on orders (lifecycle, id desc);
create index orders_payment on orders (payment, id desc);
create index orders_fulfilment on orders (fulfilment, id desc);
create index orders_customer on orders (customer_id, id desc) where customer_id is not null;
create index orders_external_ref on orders (external_ref) where external_ref is not null;

create index orders_returns on orders (returns, id desc) where returns <> 'none';
create index orders_tags on orders using gin (tags) where tags <> '{}';
create index orders_owed on orders (owed, id desc) where owed > 0;
create index orders_channel on orders (channel, id desc);

create table stock (
    sku text not null,
    location text not null,
    on_hand bigint not null,
    reserved bigint not null,
    received bigint not null,
    restocked bigint not null,
    adjusted bigint not null,
    shipped bigint not null,
    updated_at timestamptz not null,
    version int not null,
    incarnation int not null,
    position bigint not null,
    transferred bigint not null default 0,
    safety bigint not null default 0,
    policy json not null default '{"kind":"deny"}',
    backordered bigint not null default 0,
    backorders_derived boolean not null default false,
    primary key (sku, location)
) with (fillfactor = 70);

-- Every movement of stock, keyed by event id.
create table stock_ledger (
    id uuid not null,
    sku text not null,
    location text not null,
    kind text not null,
    quantity bigint not null,
    order_id uuid,
    occurred_at timestamptz not null,
    position bigint not null,
    primary key (id)
) partition by range (id);
create index stock_ledger_item on stock_ledger (sku, location, id desc);

create table products (
    sku text primary key,
    name text not null,
    active boolean not null,
    prices json not null,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    version int not null,
    incarnation int not null,
    position bigint not null,
    tax_class text,
    attributes json not null default '{}',
    tags json not null default '[]'
);

-- Every price that a product ever had, keyed by event id; a product with two currencies has two rows of one event.
create table product_prices (
    id uuid not null,
    sku text not null,
    currency text not null,
    price bigint not null,
    valid_from timestamptz not null,
    position bigint not null,
    primary key (id, currency)
) partition by range (id);
create index product_prices_item on product_prices (sku, currency, id desc);

create function ensure_month(parent text, instant timestamptz) returns void language plpgsql security definer
    set search_path = pg_catalog, public, pg_temp as $$
declare
    first_day timestamptz := date_trunc('month', instant, 'UTC');
    lower_id uuid := public.uuid_at(first_day);
    upper_id uuid := public.uuid_at((first_day at time zone 'UTC' + interval '1 month') at time zone 'UTC');
    month_table text := parent || to_char(first_day at time zone 'UTC', '"_"YYYY"_"MM');
begin
    if parent not in ('orders', 'stock_ledger', 'product_prices') then
        raise exception 'no partitioned read model is called %', parent;
    end if;
    if exists (select from pg_inherits where inhrelid = to_regclass(format('public.%I', month_table))) then
        return;
    end if;
    perform pg_advisory_xact_lock(hashtext('ensure_month'), hashtext(month_table));
    -- By query and not by to_regclass, whose cache may not know yet what was committed while we waited.
    if exists (
        select from pg_inherits i join pg_class c on c.oid = i.inhrelid
        where c.relname = month_table and c.relnamespace = 'public'::regnamespace
    ) then
        return;
    end if;
    if exists (select from pg_class where relname = month_table and relnamespace = 'public'::regnamespace) then
        begin
            set local lock_timeout = '1s';
            execute format('alter table public.%I attach partition public.%I for values from (%L) to (%L)', parent, month_table, lower_id, upper_id);
        exception when others then
            raise exception using errcode = 'object_not_in_prerequisite_state',
                message = format('month %s is detached and cannot be attached again: %s', month_table, sqlerrm);
        end;
        return;
    end if;
    execute format('create table public.%I (like public.%I including all)', month_table, parent);
    execute format('alter table public.%I add constraint month check (id >= %L and id < %L)', month_table, lower_id, upper_id);
    execute format('alter table public.%I attach partition public.%I for values from (%L) to (%L)', parent, month_table, lower_id, upper_id);
    execute format('alter table public.%I drop constraint month', month_table);
    execute format('grant select, insert, update, delete on public.%I to model_writer', month_table);
    execute format('grant select on public.%I to reader', month_table);
end $$;
revoke execute on function ensure_month(text, timestamptz) from public;
grant execute on function ensure_month(text, timestamptz) to model_writer;

grant select, insert, update, delete on orders, stock, stock_ledger, products, product_prices to model_writer;
grant select on orders, stock, stock_ledger, products, product_prices to reader;
