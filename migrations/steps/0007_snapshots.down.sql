-- The older build reads no snapshots of streams; those of the order numbers it reads as before.
delete from snapshots where shape <> 0;
alter table snapshots drop column incarnation, drop column version, drop column shape;
