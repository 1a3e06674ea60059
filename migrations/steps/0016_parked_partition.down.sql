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
    if to_regclass(format('public.%I', month_table)) is not null then
        return;
    end if;
    perform pg_advisory_xact_lock(hashtext('ensure_month'), hashtext(month_table));
    -- By query and not by to_regclass, whose cache may not know yet what was committed while we waited.
    if exists (select from pg_class where relname = month_table and relnamespace = 'public'::regnamespace) then
        return;
    end if;
    execute format('create table public.%I (like public.%I including all)', month_table, parent);
    execute format('alter table public.%I add constraint month check (id >= %L and id < %L)', month_table, lower_id, upper_id);
    execute format('alter table public.%I attach partition public.%I for values from (%L) to (%L)', parent, month_table, lower_id, upper_id);
    execute format('alter table public.%I drop constraint month', month_table);
    execute format('grant select, insert, update, delete on public.%I to model_writer', month_table);
    execute format('grant select on public.%I to reader', month_table);
end $$;

alter table parked_streams drop column partition;
