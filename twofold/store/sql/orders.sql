-- Orders and their facts. Every statement has its plain words, as in queries.sql.

-- name: select_order_names
-- Which orders go by these names.
select name, order_row from order_name where name in /*ids*/ (?);

-- name: select_orders
-- Orders by row id.
select id, dataset, order_id, placed_at, action, person, outcomes, state from orders
where id in /*ids*/ (?);

-- name: select_order_of_action
-- The order that an action stands for.
select id, dataset, order_id, placed_at, action, person, outcomes, state from orders where action = ?;

-- name: select_orders_of_person
-- A buyer's orders shortly before one, newest first, by the digest of the strongest match key. A till may name the same
-- address for everybody, so only so many are looked at.
select o.id, o.dataset, o.order_id, o.placed_at, o.action, o.person, o.outcomes, o.state
from orders as o
where o.person = ?1 and o.placed_at between ?4 and ?5 and o.dataset = ?2 and o.id <> ?3 and o.action is not null
order by o.placed_at desc limit 50;

-- name: insert_order
-- A new order, that stands for no action yet.
insert into orders (dataset, order_id, placed_at, action, person, outcomes, changed_at, state, digest)
values (?, ?, ?, null, null, 0, ?, ?, ?) returning id;

-- name: update_order
-- What an order is now, derived from all its facts.
update orders set order_id = ?2, placed_at = ?3, changed_at = ?4, state = ?5, digest = ?6 where id = ?1;

-- name: own_action
-- Which action an order stands for, and whose it is.
update orders set action = ?2, person = coalesce(?3, person) where id = ?1;

-- name: follow_merge
-- An action was merged into another: its order goes with it, unless that one has an order already.
update orders set action = ?1
where action = ?2 and not exists (select 1 from orders as o where o.action = ?1);

-- name: mark_outcome_sent
-- This end of an order has been told.
update orders set outcomes = outcomes | ?2 where id = ?1;

-- name: insert_order_names
-- Names of an order; one that another order has stays that one's.
insert into order_name (name, order_row, crc) values /*rows*/ (?, ?, ?)
on conflict do nothing;

-- name: take_order_names
-- The same for an order that is new: what another had as its number is this one's now.
insert into order_name (name, order_row, crc) values /*rows*/ (?, ?, ?)
on conflict (name) do update set order_row = excluded.order_row, crc = excluded.crc;

-- name: how_far_sent
-- Of the deliveries between two ids the one that went furthest: 3 delivered, 2 perhaps, 1 under way, 0 not sent.
select max(case when d.state = 'delivered' then 3 when d.unsure_since is not null then 2
                when d.state = 'waiting' and f.delivery is not null then 1 else 0 end)
from delivery as d left join frozen as f on f.delivery = d.id where d.id between ?1 and ?2;

-- name: is_under_way
-- A row when one of the deliveries between two ids waits or has arrived.
select 1 from delivery where id between ?1 and ?2 and state in ('waiting', 'delivered') limit 1;

-- name: insert_order_fact
-- A fact once; the same report again is the same row.
insert into order_fact (order_row, received_at, at, kind, source, reference, digest, body, row_digest)
values (?, ?, ?, ?, ?, ?, ?, ?, ?)
on conflict do nothing;

-- name: orders_with_id
-- Orders of any dataset that have this id.
select id from orders where order_id = ?;

-- name: select_order_facts
-- All that was reported about an order.
select source, body from order_fact where order_row = ? order by id;

-- name: names_of_orders
-- All names that lead to these orders.
select order_row, name from order_name where order_row in /*ids*/ (?) order by order_row, name;

-- name: names_of_order
-- All names that lead to an order.
select name from order_name where order_row = ?;

-- name: move_order_facts
-- Those that the other order has already stay behind, and go with it.
update order_fact set order_row = ?1
where order_row = ?2 and digest not in (select digest from order_fact where order_row = ?1);

-- name: drop_order_facts
-- Facts that the other order had already.
delete from order_fact where order_row = ?;

-- name: drop_order
-- An order that became part of another.
delete from orders where id = ?;

-- name: release_order
-- News of an order: look at its action again, though not before its hold is over.
update delivery set due_at = greatest(?1, (select due_at from action where id = ?2))
where state = 'waiting' and lease_token = 0 and id between ?2 * 256 and ?2 * 256 + 255;

-- name: requeue_order
-- An order that was given up counts after all: what was not sent for its sake waits again; and what a browser's word or the want of a
-- better one kept back, which counts for less now that the shop has spoken.
update delivery set state = 'waiting', reason = '', settled_at = null,
       due_at = greatest(?1, (select due_at from action where id = ?2))
where state = 'suppressed' and id between ?2 * 256 and ?2 * 256 + 255
  and (reason like 'order!_%' escape '!' or reason like 'never!_%' escape '!' or reason like 'consent!_denied%' escape '!'
       or reason in ('no_order', 'not_addressed', 'test_order', 'renewal', 'consent_withdrawn',
                     'value_over_cap', 'currency_not_listed', 'quarantine', 'unconfirmed'))
  and not exists (select 1 from frozen where frozen.delivery = delivery.id)
  and not exists (select 1 from superseded as s where s.action = delivery.id / 256);

-- name: any_order
-- A row when there is any order.
select 1 from orders limit 1;

-- name: select_tiers
-- The highest tier that spoke for these actions.
select id, tier from action where id in /*ids*/ (?);

-- name: put_buyers
-- Digests of who bought an order, each once.
insert into order_party (digest, order_row, kind, since, seal) values /*rows*/ (?, ?, ?, ?, ?)
on conflict do nothing;

-- name: select_buyers
-- Digests of who bought these orders.
select order_row, kind, digest, since from order_party where order_row in /*ids*/ (?) order by order_row, kind, digest;

-- name: select_orders_of_buyers
-- Orders that one of these bought.
select distinct order_row from order_party where digest in /*ids*/ (?);

-- name: some_orders_of_buyers
-- Some of the orders that one of these bought, the oldest first.
select distinct order_row from order_party where digest in /*ids*/ (?) order by order_row limit ?;

-- name: drop_buyers_of
-- Nobody is known to have bought these.
delete from order_party where order_row in /*ids*/ (?);

-- name: drop_numbers_of
-- Of these nobody can tell the customer.
delete from order_party where order_row in /*ids*/ (?) and kind in ('recognised', 'recognised_late');

-- name: orders_with_old_contacts
-- Orders of which an address, number or telephone is older than a time, the oldest first.
select distinct order_row from
    (select order_row from order_party where kind in ('email', 'phone', 'customer') and since < ?1
     order by since limit ?2) as o
order by order_row;

-- name: forget_contacts_of
-- By what the buyers of these orders were recognised before a time.
delete from order_party where order_row in /*ids*/ (?1) and kind in ('email', 'phone', 'customer') and since < ?2;

-- name: expire_buyers
-- Names of the buyers of orders from before a time, so many at once.
delete from order_party where (digest, order_row) in
    (select digest, order_row from order_party where kind = 'name' and since < ? order by since limit ?);

-- name: select_told_value
-- What a destination was told that an order is worth, once it was worked out.
select worth, value, currency from told_value where delivery = ?;

-- name: keep_told_values
-- The first word stands.
insert into told_value (delivery, worth, value, currency, digest) values /*rows*/ (?, ?, ?, ?, ?)
on conflict do nothing;
