drop table schedule_checkpoint;
drop table schedule;
