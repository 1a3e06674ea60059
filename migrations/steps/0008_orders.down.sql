drop index orders_tags;
alter table orders drop column tags;
