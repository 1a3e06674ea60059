drop table parked_streams;
drop table projection_checkpoints;
drop table relay_partitions;
drop table relay_checkpoint;
