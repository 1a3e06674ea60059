-- no-transaction
-- The events after which nothing personal of their stream may be shown. The query-service looks for new ones all the time: an
-- index of those alone costs every other event nothing.
create index concurrently events_erasures on events (position)
    where event_type in ('CustomerErased', 'OrderPersonalDataErased');
