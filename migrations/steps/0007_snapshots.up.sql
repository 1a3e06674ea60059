-- Snapshots of long streams. A snapshot names the last event that it holds, so that one of a lost tail is known for what it
-- is, and the shape of its state, so that a build that folds differently leaves it alone.
alter table snapshots
    add column incarnation int not null default 1,
    add column version int not null default 0,
    add column shape bigint not null default 0;
