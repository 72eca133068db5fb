-- One column, one meaning; names that say what is in them.

-- A column that holds one order's row number is no plural.
alter table order_name rename column orders to order_row;
alter table order_fact rename column orders to order_row;
alter table erasure_order rename column orders to order_row;

-- Where a refused copy stood in its batch, and at which door it knocked.
alter table refused rename column place to batch_index;
alter table refused rename column entry to door;

-- Counters kept in the same transactions as the rows they count.
alter table tally rename to counter;
alter table counter rename column n to value;

alter table action rename column routes to destinations_at_accept;
alter table action rename column late to late_copies;

-- When a delivery is due, until when a worker holds it, and under which fencing number, are three things.
alter table delivery rename column lease to lease_token;
alter table delivery add column leased_until integer;
drop index delivery_due;
update delivery set leased_until = due_at where state = 'waiting' and lease_token > 0;
update delivery set lease_token = -lease_token where lease_token < 0;
create index delivery_due on delivery (destination, due_at) where state = 'waiting' and leased_until is null;
create index delivery_leased on delivery (destination, leased_until) where leased_until is not null;

-- The chain value and the salt of the body's digest. A redacted row has no salt.
alter table event add column salt blob;
update event set salt = substr(chain, 9), chain = substr(chain, 1, 8) where length(chain) > 8;

-- How far each kind of retention has come: journal positions, delivery ids, counts or times, as the name says.
create table progress (
    name  text    primary key,
    value integer not null
) strict, without rowid;
insert into progress (name, value) select what, position from retention where what <> 'trail_before';
insert into progress (name, value) select what, done_at from retention where what = 'trail_before';
drop table retention;
alter table retention_later rename column position to row_number;
