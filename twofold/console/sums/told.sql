-- In memory. One row an order: where it stands in the bridge; what is needed to take it out of the sums again.
create table told (
    row       integer primary key,          -- of the store's orders
    day       integer not null,             -- on which it was placed, in the shop's zone
    placed_at integer not null,             -- Unix s
    dataset   text    not null,
    fate      text    not null,
    currency  text    not null,             -- empty where it has no value
    value     text    not null,
    again_at  integer,                      -- when time alone makes it another one
    is_open   integer not null              -- it changes without a report: its delivery is under way
) strict;
create index told_placed on told (placed_at, row);
create index told_fate on told (fate, placed_at, row);
create index told_again on told (again_at) where again_at is not null;
create index told_open on told (row) where is_open = 1;

-- How many orders of a day came to what, and what they are worth.
create table day_sum (
    day      integer not null,
    dataset  text    not null,
    fate     text    not null,
    currency text    not null,
    orders   integer not null,
    amount   text    not null,              -- exact
    primary key (day, dataset, fate, currency)
) strict, without rowid;
