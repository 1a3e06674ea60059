drop index orders_owed;
alter table orders drop column owed, drop column due;
