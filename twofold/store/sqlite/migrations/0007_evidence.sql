-- What a higher tier says stands beside what a lower one said before: neither is altered by the other.

-- One row an action that another one stands for now, because a higher tier reported the same and not all that was
-- reported before is proved to be the buyer's, or it had left already. What can be is called back.
create table superseded (
    action    integer not null,
    successor integer not null,             -- several, where one copy named the orders of several
    at        integer not null,             -- ms
    primary key (action, successor)
) strict, without rowid;
create index superseded_successor on superseded (successor);

-- Copies that were another action's first, and count for this one as far as the evidence reaches.
create table carried_over (
    action   integer not null,
    position integer not null,
    primary key (action, position)
) strict, without rowid;

-- A folder that has events already keeps the form of its Purchases' ids, until the setting says otherwise.
insert into meta (name, value) select 'purchase_ids', 'order' where exists (select 1 from event);
