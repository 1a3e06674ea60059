-- Taken back, the identity is lost: taking the step again gives the log another one.
alter table log_head drop column recorded_at;
drop table log_identity;
