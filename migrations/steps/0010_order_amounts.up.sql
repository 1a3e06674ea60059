-- What an order comes to without cancelled units, and what the buyer still has to pay.
alter table orders
    add column due bigint not null default 0,
    add column owed bigint not null default 0;
create index orders_owed on orders (owed, id desc) where owed > 0;

-- Documents have members that earlier builds did not write: the projector folds all orders from the log again.
truncate orders;
delete from projection_checkpoints where projection = 'orders';
delete from parked_streams where projection = 'orders';
