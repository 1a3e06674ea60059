-- An earlier release cannot continue these rebuilds; the rows go with their generations.
do $$ declare building record; begin
    for building in select projection, generation from projection_generations where state = 'building' loop
        execute format('drop schema %I cascade', building.projection || '_' || building.generation);
    end loop;
end $$;
delete from projection_generations where state = 'building';
delete from projection_rebuild_segments;
alter table projection_rebuild_segments
    drop column step,
    drop column rows,
    alter column first_stream set not null,
    alter column end_stream set not null;
alter table projection_rebuilds
    drop column incarnation,
    drop column from_position,
    drop column months,
    drop column copied_generation;
