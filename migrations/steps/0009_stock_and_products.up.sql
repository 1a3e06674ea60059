-- How pieces are promised and moved between locations, and what products are described by. Constant defaults: no row is
-- rewritten, and a projector of the version before goes on writing rows.
alter table stock
    add column transferred bigint not null default 0,
    add column safety bigint not null default 0,
    add column policy json not null default '{"kind":"deny"}';
alter table products
    add column tax_class text,
    add column attributes json not null default '{}',
    add column tags json not null default '[]';
