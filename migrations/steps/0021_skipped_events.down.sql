drop table skipped_events;
