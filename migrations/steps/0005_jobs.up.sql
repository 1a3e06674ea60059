-- Jobs: work that outlives a request, for now bulk imports. Two things: the queue and what is to be done.

-- The queue is the schema of the library graphile_worker 0.14 (its revision 22), as its own 22 steps leave it: made here so
-- that the service needs no right to make tables. A later version of the library gets a later step of ours. Without its
-- row level security, which has no policies and would hide everything from the service: grants say who may do what.

create schema jobs;

create type jobs.job_spec as (
    identifier text,
    payload json,
    queue_name text,
    run_at timestamp with time zone,
    max_attempts smallint,
    job_key text,
    priority smallint,
    flags text[]
);

create table jobs._private_jobs (
    id bigint not null generated always as identity (sequence name jobs.jobs_id_seq1),
    job_queue_id integer,
    task_id integer not null,
    payload json default '{}'::json not null,
    priority smallint default 0 not null,
    run_at timestamptz default now() not null,
    attempts smallint default 0 not null,
    max_attempts smallint default 25 not null,
    last_error text,
    created_at timestamptz default now() not null,
    updated_at timestamptz default now() not null,
    key text,
    locked_at timestamptz,
    locked_by text,
    revision integer default 0 not null,
    flags jsonb,
    is_available boolean generated always as (((locked_at is null) and (attempts < max_attempts))) stored not null,
    constraint jobs_key_check check (((length(key) > 0) and (length(key) <= 512))),
    constraint jobs_max_attempts_check check ((max_attempts >= 1))
);

create table jobs._private_job_queues (
    id integer not null generated always as identity (sequence name jobs.job_queues_id_seq),
    queue_name text not null,
    locked_at timestamptz,
    locked_by text,
    is_available boolean generated always as ((locked_at is null)) stored not null,
    constraint job_queues_queue_name_check check ((length(queue_name) <= 128))
);

create table jobs._private_job_retirements (
    id bigint not null
);

create table jobs._private_known_crontabs (
    identifier text not null,
    known_since timestamptz not null,
    last_execution timestamptz
);

create table jobs._private_tasks (
    id integer not null generated always as identity (sequence name jobs.tasks_id_seq),
    identifier text not null,
    constraint tasks_identifier_check check ((length(identifier) <= 128))
);

create table jobs._private_workers (
    id text not null,
    last_heartbeat_at timestamptz not null,
    started_at timestamptz default now() not null,
    metadata jsonb
);

create table jobs.migrations (
    id integer not null,
    ts timestamptz default now() not null,
    breaking boolean default false not null
);

alter table jobs._private_job_retirements add constraint _private_job_retirements_pkey primary key (id);
alter table jobs._private_workers add constraint _private_workers_pkey primary key (id);
alter table jobs._private_job_queues add constraint job_queues_pkey1 primary key (id);
alter table jobs._private_job_queues add constraint job_queues_queue_name_key unique (queue_name);
alter table jobs._private_jobs add constraint jobs_key_key1 unique (key);
alter table jobs._private_jobs add constraint jobs_pkey1 primary key (id);
alter table jobs._private_known_crontabs add constraint known_crontabs_pkey primary key (identifier);
alter table jobs.migrations add constraint migrations_pkey primary key (id);
alter table jobs._private_tasks add constraint tasks_identifier_key unique (identifier);
alter table jobs._private_tasks add constraint tasks_pkey primary key (id);
alter table jobs._private_job_retirements add constraint _private_job_retirements_id_fkey
    foreign key (id) references jobs._private_jobs(id) on delete cascade;
create index _private_workers_last_heartbeat_at_idx on jobs._private_workers (last_heartbeat_at);
create index jobs_main_index on jobs._private_jobs (priority, run_at)
    include (id, task_id, job_queue_id) where (is_available = true);
create index jobs_no_queue_index on jobs._private_jobs (priority, run_at)
    include (id, task_id) where ((is_available = true) and (job_queue_id is null));

create view jobs.jobs as
 select jobs.id,
    job_queues.queue_name,
    tasks.identifier as task_identifier,
    jobs.priority,
    jobs.run_at,
    jobs.attempts,
    jobs.max_attempts,
    jobs.last_error,
    jobs.created_at,
    jobs.updated_at,
    jobs.key,
    jobs.locked_at,
    jobs.locked_by,
    jobs.revision,
    jobs.flags
   from ((jobs._private_jobs as jobs
     join jobs._private_tasks tasks on ((tasks.id = jobs.task_id)))
     left join jobs._private_job_queues job_queues on ((job_queues.id = jobs.job_queue_id)));

CREATE FUNCTION jobs._private_return_jobs(worker_id text, job_ids bigint[], recovery_delay_ms bigint DEFAULT NULL::bigint, recovery_error text DEFAULT NULL::text, update_recovery_metadata boolean DEFAULT false) RETURNS void
    LANGUAGE plpgsql
    AS $$
BEGIN
    PERFORM 1 FROM jobs._private_jobs AS jobs
    WHERE jobs.id = ANY(job_ids) AND jobs.locked_by = worker_id
    ORDER BY jobs.id
    FOR UPDATE;

    WITH returned AS (
        UPDATE jobs._private_jobs AS jobs
        SET
            attempts = CASE WHEN EXISTS (
                SELECT 1 FROM jobs._private_job_retirements AS retired
                WHERE retired.id = jobs.id
            ) THEN jobs.attempts ELSE GREATEST(0, jobs.attempts - 1) END,
            locked_by = NULL,
            locked_at = NULL,
            run_at = CASE WHEN update_recovery_metadata AND recovery_delay_ms IS NOT NULL
                THEN GREATEST(jobs.run_at, now() + recovery_delay_ms * interval '1 millisecond')
                ELSE jobs.run_at END,
            last_error = CASE WHEN update_recovery_metadata
                THEN COALESCE(recovery_error, jobs.last_error) ELSE jobs.last_error END,
            updated_at = CASE WHEN update_recovery_metadata THEN now() ELSE jobs.updated_at END
        WHERE jobs.id = ANY(job_ids) AND jobs.locked_by = worker_id
        RETURNING jobs.job_queue_id
    )
    UPDATE jobs._private_job_queues AS queues
    SET locked_by = NULL, locked_at = NULL
    FROM returned
    WHERE queues.id = returned.job_queue_id AND queues.locked_by = worker_id;
END;
$$;

CREATE FUNCTION jobs.add_job(identifier text, payload json DEFAULT NULL::json, queue_name text DEFAULT NULL::text, run_at timestamp with time zone DEFAULT NULL::timestamp with time zone, max_attempts integer DEFAULT NULL::integer, job_key text DEFAULT NULL::text, priority integer DEFAULT NULL::integer, flags text[] DEFAULT NULL::text[], job_key_mode text DEFAULT 'replace'::text) RETURNS jobs._private_jobs
    LANGUAGE plpgsql
    AS $$
declare
    v_job jobs._private_jobs;
begin
    if (job_key is null or job_key_mode is null or job_key_mode in ('replace', 'preserve_run_at')) then
        select * into v_job
        from jobs.add_jobs(
            ARRAY[(
                identifier,
                payload,
                queue_name,
                run_at,
                max_attempts::smallint,
                job_key,
                priority::smallint,
                flags
            )::jobs.job_spec],
            (job_key_mode = 'preserve_run_at')
        )
        limit 1;

        if v_job.id is null then
            raise exception 'Unable to schedule job for key "%"', coalesce(job_key, '<null>') using errcode = 'GWNOR';
        end if;

        return v_job;
    elsif job_key_mode = 'unsafe_dedupe' then
        insert into jobs._private_tasks as tasks (identifier)
        select add_job.identifier
        where not exists (
            select 1 from jobs._private_tasks as existing
            where existing.identifier = add_job.identifier
        )
        on conflict do nothing;

        if queue_name is not null then
            insert into jobs._private_job_queues as job_queues (queue_name)
            select add_job.queue_name
            where not exists (
                select 1 from jobs._private_job_queues as existing
                where existing.queue_name = add_job.queue_name
            )
            on conflict do nothing;
        end if;

        insert into jobs._private_jobs as jobs (
            job_queue_id,
            task_id,
            payload,
            run_at,
            max_attempts,
            key,
            priority,
            flags
        )
        select
            job_queues.id,
            tasks.id,
            coalesce(payload, '{}'::json),
            coalesce(run_at, now()),
            coalesce(max_attempts::smallint, 25::smallint),
            job_key,
            coalesce(priority::smallint, 0::smallint),
            (
                select jsonb_object_agg(flag, true)
                from unnest(flags) as item(flag)
            )
        from jobs._private_tasks as tasks
        left join jobs._private_job_queues as job_queues
        on job_queues.queue_name = add_job.queue_name
        where tasks.identifier = add_job.identifier
        on conflict (key)
        do update set
            revision = jobs.revision + 1,
            updated_at = now()
        returning *
        into v_job;

        if v_job.revision = 0 then
            perform pg_notify('jobs:insert', '{"r":' || random()::text || ',"count":1}');
        end if;

        return v_job;
    else
        raise exception 'Invalid job_key_mode value, expected ''replace'', ''preserve_run_at'' or ''unsafe_dedupe''.' using errcode = 'GWBKM';
    end if;
end;
$$;

CREATE FUNCTION jobs.add_jobs(specs jobs.job_spec[], job_key_preserve_run_at boolean DEFAULT false) RETURNS SETOF jobs._private_jobs
    LANGUAGE plpgsql
    AS $$
declare
    locked_key text;
begin
    for locked_key in
        select distinct spec.job_key
        from unnest(specs) spec
        where spec.job_key is not null
        order by spec.job_key
    loop
        perform pg_advisory_xact_lock(hashtext(locked_key));
    end loop;

    perform 1
    from jobs._private_jobs as jobs
    where jobs.key = any(
        array(
            select distinct spec.job_key
            from unnest(specs) spec
            where spec.job_key is not null
        )
    )
    for update;

    insert into jobs._private_tasks as tasks (identifier)
    select distinct spec.identifier
    from unnest(specs) spec
    where not exists (
        select 1 from jobs._private_tasks as existing
        where existing.identifier = spec.identifier
    )
    on conflict do nothing;

    insert into jobs._private_job_queues as job_queues (queue_name)
    select distinct spec.queue_name
    from unnest(specs) spec
    where spec.queue_name is not null
    and not exists (
        select 1 from jobs._private_job_queues as existing
        where existing.queue_name = spec.queue_name
    )
    on conflict do nothing;

    with retired as (
        update jobs._private_jobs as jobs
        set
            key = null,
            attempts = jobs.max_attempts,
            updated_at = now()
        from unnest(specs) spec
        where spec.job_key is not null
        and jobs.key = spec.job_key
        and is_available is not true
        returning jobs.id
    )
    insert into jobs._private_job_retirements(id)
    select id from retired
    on conflict do nothing;

    perform pg_notify('jobs:insert', '{"r":' || random()::text || ',"count":' || array_length(specs, 1)::text || '}');

    return query insert into jobs._private_jobs as jobs (
        job_queue_id,
        task_id,
        payload,
        run_at,
        max_attempts,
        key,
        priority,
        flags
    )
        select
            job_queues.id,
            tasks.id,
            coalesce(spec.payload, '{}'::json),
            coalesce(spec.run_at, now()),
            coalesce(spec.max_attempts, 25),
            spec.job_key,
            coalesce(spec.priority, 0),
            (
                select jsonb_object_agg(flag, true)
                from unnest(spec.flags) as item(flag)
            )
        from unnest(specs) spec
        inner join jobs._private_tasks as tasks
        on tasks.identifier = spec.identifier
        left join jobs._private_job_queues as job_queues
        on job_queues.queue_name = spec.queue_name
    on conflict (key) do update set
        job_queue_id = excluded.job_queue_id,
        task_id = excluded.task_id,
        payload =
            case
            when json_typeof(jobs.payload) = 'array' and json_typeof(excluded.payload) = 'array' then
                (jobs.payload::jsonb || excluded.payload::jsonb)::json
            else
                excluded.payload
            end,
        max_attempts = excluded.max_attempts,
        run_at = (case
            when job_key_preserve_run_at is true and jobs.attempts = 0 then jobs.run_at
            else excluded.run_at
        end),
        priority = excluded.priority,
        revision = jobs.revision + 1,
        flags = excluded.flags,
        attempts = 0,
        last_error = null,
        updated_at = now()
    where jobs.locked_at is null
    returning *;
end;
$$;

CREATE FUNCTION jobs.complete_jobs(job_ids bigint[]) RETURNS SETOF jobs._private_jobs
    LANGUAGE sql
    AS $$
    delete from jobs._private_jobs as jobs
        where id = any(job_ids)
        and (
            locked_at is null
        or
            locked_at < now() - interval '4 hours'
        )
        returning *;
$$;

CREATE FUNCTION jobs.delete_stale_workers(worker_ids text[]) RETURNS void
    LANGUAGE sql
    AS $$
    DELETE FROM jobs._private_workers AS workers
    WHERE workers.id = ANY(worker_ids);
$$;

CREATE FUNCTION jobs.force_unlock_workers(worker_ids text[]) RETURNS void
    LANGUAGE sql
    AS $$
        update jobs._private_jobs as jobs
        set locked_at = null, locked_by = null
        where locked_by = any(worker_ids);
        update jobs._private_job_queues as job_queues
        set locked_at = null, locked_by = null
        where locked_by = any(worker_ids);
$$;

CREATE FUNCTION jobs.list_orphan_locked_workers(stale_threshold interval) RETURNS TABLE(worker_id text)
    LANGUAGE sql
    AS $$
    SELECT DISTINCT locks.locked_by AS worker_id
    FROM (
        SELECT jobs.locked_by, jobs.locked_at
        FROM jobs._private_jobs AS jobs
        WHERE jobs.locked_by IS NOT NULL
        UNION ALL
        SELECT job_queues.locked_by, job_queues.locked_at
        FROM jobs._private_job_queues AS job_queues
        WHERE job_queues.locked_by IS NOT NULL
    ) AS locks
    WHERE locks.locked_at < now() - stale_threshold
    AND NOT EXISTS (
        SELECT 1
        FROM jobs._private_workers AS workers
        WHERE workers.id = locks.locked_by
    );
$$;

CREATE FUNCTION jobs.list_stale_workers(stale_threshold interval) RETURNS TABLE(worker_id text)
    LANGUAGE sql
    AS $$
    SELECT workers.id AS worker_id
    FROM jobs._private_workers AS workers
    WHERE workers.last_heartbeat_at < now() - stale_threshold;
$$;

CREATE FUNCTION jobs.permanently_fail_jobs(job_ids bigint[], error_message text DEFAULT NULL::text) RETURNS SETOF jobs._private_jobs
    LANGUAGE sql
    AS $$
    WITH retired AS (
    UPDATE jobs._private_jobs AS jobs
    SET
        last_error = COALESCE(error_message, 'Manually marked as failed'),
        attempts = max_attempts,
        updated_at = now()
    WHERE id = ANY(job_ids)
    AND (
        locked_at IS NULL
    OR
        locked_at < NOW() - interval '4 hours'
    )
    RETURNING *
    ), marked AS (
        INSERT INTO jobs._private_job_retirements(id)
        SELECT id FROM retired
        ON CONFLICT DO NOTHING
    )
    SELECT * FROM retired;
$$;

CREATE FUNCTION jobs.recover_dead_worker_jobs(worker_ids text[], recovery_delay interval DEFAULT '00:00:00'::interval) RETURNS integer
    LANGUAGE plpgsql
    AS $$
DECLARE
    recovered_count integer := 0;
BEGIN
    -- Take row locks before the statement that reads retirement markers.
    PERFORM 1 FROM jobs._private_jobs AS jobs
    WHERE jobs.locked_by = ANY(worker_ids)
    ORDER BY jobs.id
    FOR UPDATE;

    WITH j AS (
        UPDATE jobs._private_jobs AS jobs
        SET
            attempts = CASE WHEN EXISTS (
                SELECT 1 FROM jobs._private_job_retirements AS retired
                WHERE retired.id = jobs.id
            ) THEN jobs.attempts
                ELSE GREATEST(0, jobs.attempts - 1) END,
            locked_by = NULL,
            locked_at = NULL,
            run_at = GREATEST(jobs.run_at, now() + recovery_delay),
            last_error = 'Job recovered after worker interruption',
            updated_at = now()
        WHERE jobs.locked_by = ANY(worker_ids)
        RETURNING jobs.job_queue_id
    )
    SELECT COUNT(*) INTO recovered_count FROM j;

    UPDATE jobs._private_job_queues AS job_queues
    SET locked_by = NULL, locked_at = NULL
    WHERE job_queues.locked_by = ANY(worker_ids);

    RETURN recovered_count;
END;
$$;

CREATE FUNCTION jobs.remove_job(job_key text) RETURNS jobs._private_jobs
    LANGUAGE plpgsql STRICT
    AS $$
declare
    v_job jobs._private_jobs;
begin
    -- Delete job if not locked
    DELETE FROM jobs._private_jobs AS jobs
    WHERE key = job_key
    AND (
        locked_at IS NULL
    OR
        locked_at < NOW() - interval '4 hours'
    )
    RETURNING * INTO v_job;
    IF NOT (v_job IS NULL) THEN
        RETURN v_job;
    END IF;
    -- Otherwise prevent job from retrying, and clear the key
    UPDATE jobs._private_jobs AS jobs
    SET
        key = NULL,
        attempts = jobs.max_attempts,
        updated_at = now()
    WHERE key = job_key
    RETURNING * INTO v_job;
    IF v_job.id IS NOT NULL THEN
        INSERT INTO jobs._private_job_retirements(id)
        VALUES (v_job.id) ON CONFLICT DO NOTHING;
    END IF;
    RETURN v_job;
end;
$$;

CREATE FUNCTION jobs.reschedule_jobs(job_ids bigint[], run_at timestamp with time zone DEFAULT NULL::timestamp with time zone, priority integer DEFAULT NULL::integer, attempts integer DEFAULT NULL::integer, max_attempts integer DEFAULT NULL::integer) RETURNS SETOF jobs._private_jobs
    LANGUAGE plpgsql
    AS $$
BEGIN
    -- Explicit revival must see and clear a concurrently committed retirement.
    PERFORM 1 FROM jobs._private_jobs AS jobs
    WHERE jobs.id = ANY(job_ids)
    AND (jobs.locked_at IS NULL OR jobs.locked_at < now() - interval '4 hours')
    ORDER BY jobs.id
    FOR UPDATE;

    RETURN QUERY WITH updated AS (
    UPDATE jobs._private_jobs AS jobs
    SET
        run_at = COALESCE(reschedule_jobs.run_at, jobs.run_at),
        priority = COALESCE(reschedule_jobs.priority::smallint, jobs.priority),
        attempts = COALESCE(reschedule_jobs.attempts::smallint, jobs.attempts),
        max_attempts = COALESCE(reschedule_jobs.max_attempts::smallint, jobs.max_attempts),
        updated_at = now()
    WHERE id = ANY(job_ids)
    AND (
        locked_at IS NULL
    OR
        locked_at < NOW() - interval '4 hours'
    )
    RETURNING *
    ), cleared AS (
        DELETE FROM jobs._private_job_retirements AS retired
        USING updated
        WHERE retired.id = updated.id
    )
    SELECT * FROM updated;
END;
$$;

CREATE FUNCTION jobs.worker_deregister(worker_id text) RETURNS void
    LANGUAGE sql
    AS $$
    DELETE FROM jobs._private_workers
    WHERE id = worker_deregister.worker_id;
$$;

CREATE FUNCTION jobs.worker_heartbeat(worker_id text, metadata json DEFAULT NULL::json) RETURNS void
    LANGUAGE sql
    AS $$
    INSERT INTO jobs._private_workers AS workers (id, last_heartbeat_at, metadata)
    VALUES (worker_heartbeat.worker_id, now(), metadata::jsonb)
    ON CONFLICT (id) DO UPDATE
    SET
        last_heartbeat_at = now(),
        metadata = COALESCE(EXCLUDED.metadata, workers.metadata);
$$;

insert into jobs.migrations (id, breaking)
select id, id in (1, 3, 11, 13, 14, 16) from generate_series(1, 22) as id;

grant usage on schema jobs to log_writer;
grant select on jobs.migrations, jobs.jobs to log_writer;
grant select, insert, update, delete on jobs._private_jobs, jobs._private_job_queues, jobs._private_job_retirements,
    jobs._private_known_crontabs, jobs._private_tasks, jobs._private_workers to log_writer;

-- What is to be done: one row per import. The queue's entry has the id as its key and goes when the import has ended; it
-- stays, out of attempts, when the import could not be worked.
create table imports (
    id uuid primary key,
    kind text not null check (kind in ('orders', 'products', 'stock', 'customers')),
    format text not null check (format in ('ndjson', 'csv')),
    on_error text not null check (on_error in ('reject_failed', 'reject_all')),
    stock text not null check (stock in ('enforce', 'force', 'skip')),
    dry_run boolean not null,
    -- The idempotency key as an id, and the SHA-256 of all that was asked under it.
    key uuid not null unique,
    digest bytea not null,
    -- The first row of a CSV file.
    header bytea,
    rows_total int not null,
    state text not null default 'queued' check (state in ('queued', 'running', 'succeeded', 'failed', 'cancelled')),
    phase text not null check (phase in ('check', 'apply')),
    cancel_requested boolean not null default false,
    -- Who works it: changes with every attempt, so that one who lost it to another saves nothing any more.
    claim uuid,
    attempt int not null default 0,
    rows_read int not null default 0,
    rows_applied int not null default 0,
    rows_rejected int not null default 0,
    error text,
    created_at timestamptz not null default now(),
    started_at timestamptz,
    finished_at timestamptz
);
create index imports_finished_at on imports (finished_at) where finished_at is not null;

-- The rows as they came, whole rows in each chunk; no foreign key, because they come before it is known whether the upload
-- will be complete.
create table import_chunks (
    import_id uuid not null,
    first_row int not null,
    first_line int not null,
    bytes bytea not null,
    primary key (import_id, first_row)
);

-- Rows that did not take effect, and why.
create table import_rejections (
    import_id uuid not null references imports on delete cascade,
    line int not null,
    key text,
    problem text not null,
    detail text not null,
    bytes bytea not null,
    primary key (import_id, line)
);

-- Imports as callers see them: one whose entry in the queue has no attempts left is a dead letter and has failed.
create view import_jobs as
select i.id, i.kind, i.format, i.on_error, i.stock, i.dry_run, i.header, i.phase, i.cancel_requested, i.attempt,
    i.rows_total, i.rows_read, i.rows_applied, i.rows_rejected, i.created_at, i.started_at, i.finished_at,
    d.is_dead, case when d.is_dead then 'failed' else i.state end as state,
    coalesce(i.error, q.last_error) as error
from imports i
    left join jobs.jobs q on q.key = i.id::text
    cross join lateral (
        select i.finished_at is null and coalesce(q.locked_at is null and q.attempts >= q.max_attempts, false) as is_dead
    ) d;

grant select on import_jobs to log_writer;
grant select, insert, update, delete on imports, import_chunks, import_rejections to log_writer;
