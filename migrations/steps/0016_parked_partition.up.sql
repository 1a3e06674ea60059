-- The partition of a parked stream, so that trying it again takes this partition from its worker and no other. Null for
-- streams that an earlier release parked.
alter table parked_streams add column partition int;

-- As before, and a month that is there without being a partition (an operator has detached it) is attached again: without it
-- the read model is not what the log says, and every event that needs the month would park its stream. Where that cannot be
-- done within a second it is refused with 55000, which parks what needs the month.
create or replace function ensure_month(parent text, instant timestamptz) returns void language plpgsql security definer
    set search_path = pg_catalog, public, pg_temp as $$
declare
    first_day timestamptz := date_trunc('month', instant, 'UTC');
    lower_id uuid := public.uuid_at(first_day);
    upper_id uuid := public.uuid_at((first_day at time zone 'UTC' + interval '1 month') at time zone 'UTC');
    month_table text := parent || to_char(first_day at time zone 'UTC', '"_"YYYY"_"MM');
begin
    if parent not in ('orders', 'stock_ledger', 'product_prices') then
        raise exception 'no partitioned read model is called %', parent;
    end if;
    if exists (select from pg_inherits where inhrelid = to_regclass(format('public.%I', month_table))) then
        return;
    end if;
    perform pg_advisory_xact_lock(hashtext('ensure_month'), hashtext(month_table));
    -- By query and not by to_regclass, whose cache may not know yet what was committed while we waited.
    if exists (
        select from pg_inherits i join pg_class c on c.oid = i.inhrelid
        where c.relname = month_table and c.relnamespace = 'public'::regnamespace
    ) then
        return;
    end if;
    if exists (select from pg_class where relname = month_table and relnamespace = 'public'::regnamespace) then
        begin
            set local lock_timeout = '1s';
            execute format('alter table public.%I attach partition public.%I for values from (%L) to (%L)', parent, month_table, lower_id, upper_id);
        exception when others then
            raise exception using errcode = 'object_not_in_prerequisite_state',
                message = format('month %s is detached and cannot be attached again: %s', month_table, sqlerrm);
        end;
        return;
    end if;
    execute format('create table public.%I (like public.%I including all)', month_table, parent);
    execute format('alter table public.%I add constraint month check (id >= %L and id < %L)', month_table, lower_id, upper_id);
    execute format('alter table public.%I attach partition public.%I for values from (%L) to (%L)', parent, month_table, lower_id, upper_id);
    execute format('alter table public.%I drop constraint month', month_table);
    execute format('grant select, insert, update, delete on public.%I to model_writer', month_table);
    execute format('grant select on public.%I to reader', month_table);
end $$;
