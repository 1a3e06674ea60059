-- The key of an import that is forgotten stays known, so that a repeat takes no effect again; and how many bytes of rows wait
-- to be imported is known.

-- A forgotten import is a row of its key, its digest and a few numbers, without its header and its report. It has no
-- `finished_at`: a release before this step deletes what finished long ago.
alter table imports
    add column forgotten_at timestamptz,
    -- Of the rows, unpacked; 0 for imports that were accepted before this step.
    add column bytes bigint not null default 0;

-- Imports that have not ended: what waits, and which of them have no entry in the queue.
create index imports_open on imports (id) include (bytes) where state in ('queued', 'running');
-- The list of imports, which would otherwise read every forgotten one.
create index imports_known on imports (id) where forgotten_at is null;

create or replace view import_jobs as
select i.id, i.kind, i.format, i.on_error, i.stock, i.dry_run, i.header, i.phase, i.cancel_requested, i.attempt,
    i.rows_total, i.rows_read, i.rows_applied, i.rows_rejected, i.created_at, i.started_at, i.finished_at,
    d.is_dead, case when d.is_dead then 'failed' else i.state end as state,
    coalesce(i.error, q.last_error) as error
from imports i
    left join jobs.jobs q on q.key = i.id::text
    cross join lateral (
        select i.finished_at is null and coalesce(q.locked_at is null and q.attempts >= q.max_attempts, false) as is_dead
    ) d
where i.forgotten_at is null;
