-- What is derived from the store is made again for the days that changed.

-- One row a day of which something was written since what is derived from it was made.
create table changed_day (
    part       text    not null,            -- orders, actions, lines, touches
    day        integer not null,            -- days since 1970-01-01: when an order was placed, an action came, a line happened
    generation integer not null,            -- during which build it was written last
    erased     integer not null check (erased in (0, 1)), -- 1: an erasure wrote it, files of the state before must go
    primary key (part, day)
) strict, without rowid;

-- Which stretches of the journal came on which day: each goes on to the next one's first position.
create table journal_day (
    first_position integer primary key,
    day            integer not null
) strict;

-- Orders of a day.
create index orders_placed on orders (placed_at);
