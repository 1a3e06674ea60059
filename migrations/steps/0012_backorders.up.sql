-- Which units of a stock item are backordered, and which orders wait for them.

-- Constant defaults: no row is rewritten by them, and a projector of the version before goes on writing rows.
alter table stock
    add column backordered bigint not null default 0,
    add column backorders_derived boolean not null default false;
-- Events so far do not say how many units are backordered: it follows from the totals.
update stock s
set backordered = greatest(0, s.reserved - s.on_hand), backorders_derived = true
where exists (
    select from stock_ledger l
    where l.sku = s.sku and l.location = s.location and l.kind in ('reserved', 'released', 'held', 'hold_released'));

-- Orders that wait for units of a stock item. Derived from the log, like the schedule, and thrown away with it.
create table waiting_orders (
    stream_id text not null,
    order_id uuid not null,
    -- Units that the order waits for.
    backordered bigint not null,
    -- The event since which it waits: the first to come is the first to be served.
    position bigint not null,
    primary key (stream_id, order_id)
) with (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 5000);
create index waiting_orders_turn on waiting_orders (stream_id, position);
create index waiting_orders_order on waiting_orders (order_id);

grant select, insert, update, delete, truncate on waiting_orders to log_writer;
