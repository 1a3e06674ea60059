-- Orders with a return are few and asked for by that; without this a list of them reads every month.
create index orders_returns on orders (returns, id desc) where returns <> 'none';
