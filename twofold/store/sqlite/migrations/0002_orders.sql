-- Orders: facts as they came, the state derived from them, and what a delivery was made of.

-- One row an order. `state` is derived from its facts and can be made again from them.
create table orders (
    id         integer primary key,
    dataset    text    not null,
    order_id   text    not null,
    placed_at  integer not null,            -- Unix s
    action     integer,                     -- the Purchase it stands for, once there is one
    person     blob,                        -- digest of the buyer's strongest match key, for orders placed again
    outcomes   integer not null,            -- told: 1 delivered, 2 returned, 4 cancelled (chats)
    changed_at integer not null,
    state      blob    not null,
    unique (dataset, order_id)
) strict;
create index orders_action on orders (action) where action is not null;
create index orders_person on orders (person, placed_at) where person is not null;

-- Other names of an order: digest of dataset and "kind:value" to the order.
create table order_name (
    name   blob    primary key,
    orders integer not null
) strict, without rowid;

-- Append-only: one row for each thing that was reported about an order. The same report twice is one row.
create table order_fact (
    id          integer primary key,
    orders      integer not null,
    received_at integer not null,
    at          integer not null,           -- Unix s, by the source
    kind        text    not null,
    source      text    not null,
    reference   text    not null,           -- where it can be looked up again
    digest      blob    not null,           -- of the report without its reference
    body        blob    not null,
    unique (orders, digest)
) strict;

-- What a payload was made of, for the trail of what was shared.
alter table frozen add column keys text not null default '';
alter table frozen add column consent text not null default '';
alter table frozen add column marks text not null default '';
alter table frozen add column stitched text not null default '';
