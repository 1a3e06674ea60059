-- Words to find orders by. Few orders have any: an index of those alone costs the others nothing.
alter table orders add column tags text[] not null default '{}';
create index orders_tags on orders using gin (tags) where tags <> '{}';
