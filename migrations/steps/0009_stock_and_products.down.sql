alter table products drop column tax_class, drop column attributes, drop column tags;
alter table stock drop column transferred, drop column safety, drop column policy;
