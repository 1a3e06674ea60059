drop table product_prices;
drop table products;
drop table stock_ledger;
drop table stock;
drop table orders;
drop function ensure_month(text, timestamptz);
drop function uuid_at(timestamptz);
