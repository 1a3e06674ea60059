drop index orders_returns;
