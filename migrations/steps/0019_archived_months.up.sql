-- Months of read models that were archived: their tables were written to files and dropped. An event that needs such a month
-- parks its stream until the month is restored.
create table archived_months (
    projection text not null,
    generation int not null,
    -- First day of the month.
    month date not null check (extract(day from month) = 1),
    -- Folder that the files were written to, as the operator named it.
    folder text not null,
    -- The manifest of the archive: tables, rows and checksums.
    manifest json not null,
    archived_at timestamptz not null default now(),
    primary key (projection, generation, month),
    foreign key (projection, generation) references projection_generations on delete cascade
);
grant select, insert, delete on archived_months to model_writer;
grant select on archived_months to reader, log_writer;
