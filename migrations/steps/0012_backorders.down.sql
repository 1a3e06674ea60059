drop table waiting_orders;
alter table stock drop column backordered, drop column backorders_derived;
