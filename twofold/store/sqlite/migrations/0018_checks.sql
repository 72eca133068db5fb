-- What stitching, the ladder and the days of reports rest on has a check, too: no single flipped bit leaves it as it was.

-- Over the whole row (CRC-32); none on rows from before.
alter table browser add column crc integer;
alter table visit add column crc integer;
alter table sighting add column crc integer;

-- Rows of whole numbers that statements write: the engine works out the sum, a flipped bit makes another one.
create table checked_superseded (
    action    integer not null,
    successor integer not null,             -- several, where one copy named the orders of several
    at        integer not null,             -- ms
    tally     integer generated always as (action * 1000003 + successor * 8209 + at) stored,
    primary key (action, successor)
) strict, without rowid;
insert into checked_superseded (action, successor, at) select action, successor, at from superseded;
drop table superseded;
alter table checked_superseded rename to superseded;
create index superseded_successor on superseded (successor);

create table checked_carried_over (
    action   integer not null,
    position integer not null,
    tally    integer generated always as (action * 1000003 + position) stored,
    primary key (action, position)
) strict, without rowid;
insert into checked_carried_over (action, position) select action, position from carried_over;
drop table carried_over;
alter table checked_carried_over rename to carried_over;

create table checked_changed_day (
    part       text    not null,            -- orders, actions, lines, touches
    day        integer not null,            -- days since 1970-01-01: when an order was placed, an action came, a line happened
    generation integer not null,            -- during which build it was written last
    erased     integer not null check (erased in (0, 1)), -- 1: an erasure wrote it, files of the state before must go
    tally      integer generated always as (
        day * 1000003 + generation * 8209 + erased * 131
        + case part when 'orders' then 1 when 'actions' then 2 when 'lines' then 3 when 'touches' then 4 end
    ) stored,
    primary key (part, day)
) strict, without rowid;
insert into checked_changed_day (part, day, generation, erased) select part, day, generation, erased from changed_day;
drop table changed_day;
alter table checked_changed_day rename to changed_day;
