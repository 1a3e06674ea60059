drop table snapshots;
drop table events;
drop function refuse_change();
drop table log_head;
