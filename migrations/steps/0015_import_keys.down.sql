create or replace view import_jobs as
select i.id, i.kind, i.format, i.on_error, i.stock, i.dry_run, i.header, i.phase, i.cancel_requested, i.attempt,
    i.rows_total, i.rows_read, i.rows_applied, i.rows_rejected, i.created_at, i.started_at, i.finished_at,
    d.is_dead, case when d.is_dead then 'failed' else i.state end as state,
    coalesce(i.error, q.last_error) as error
from imports i
    left join jobs.jobs q on q.key = i.id::text
    cross join lateral (
        select i.finished_at is null and coalesce(q.locked_at is null and q.attempts >= q.max_attempts, false) as is_dead
    ) d;

-- Before this step a forgotten import left nothing.
delete from imports where forgotten_at is not null;
drop index imports_known;
drop index imports_open;
alter table imports
    drop column bytes,
    drop column forgotten_at;
