-- An earlier build would create an archived month again, with nothing but the rows of later events.
do $$ begin
    if exists (select from archived_months) then
        raise exception 'months are archived, which an earlier build does not support: run `projector months list` and restore them first';
    end if;
end $$;
drop table archived_months;
