-- Two shops of one system that report to one dataset may give one id to two orders: the id alone is not the order's own.

create table orders_of_shops (
    id         integer primary key,
    dataset    text    not null,
    order_id   text    not null,
    placed_at  integer not null,            -- Unix s
    action     integer,                     -- the Purchase it stands for, once there is one
    person     blob,                        -- digest of the buyer's strongest match key, for orders placed again
    outcomes   integer not null,            -- told: 1 delivered, 2 returned, 4 cancelled (chats)
    changed_at integer not null,
    state      blob    not null,
    digest     blob
) strict;
insert into orders_of_shops select id, dataset, order_id, placed_at, action, person, outcomes, changed_at, state, digest from orders;
drop table orders;
alter table orders_of_shops rename to orders;
create index orders_by_id on orders (order_id, dataset);
create index orders_action on orders (action) where action is not null;
create index orders_person on orders (person, placed_at) where person is not null;
