-- The identity of the log and the time of its last event.

-- Names this log for good, so that its events can be told apart from those of another platform on the same Kafka. A backup
-- and a restore keep it: the restored copy is the same log, in another incarnation.
create table log_identity (
    only_row boolean primary key default true check (only_row),
    id uuid not null
);
insert into log_identity (id) values (gen_random_uuid());

create trigger log_identity_is_permanent before insert or update or delete or truncate on log_identity
    for each statement execute function refuse_change();

grant select on log_identity to log_writer, model_writer, reader;

-- recorded_at of the last event: the next one is never recorded earlier, whatever the clock says. Null while there is none.
alter table log_head add column recorded_at timestamptz;
update log_head set recorded_at = (select recorded_at from events order by position desc limit 1);
