-- no-transaction
drop index concurrently events_erasures;
