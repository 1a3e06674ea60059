drop index orders_channel;
