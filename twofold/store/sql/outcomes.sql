-- What operators see of orders, and what is told of their ends. Every statement has its plain words, as in queries.sql.

-- name: select_sent_actions
-- Which of these actions were sent, or are on their way with their bytes fixed; their consent, since when, and under which id.
select a.id, a.consent, a.sealed_at, a.event_id from /*each*/ (?) as c cross join action as a on a.id = c.value
where a.sealed_at is not null and a.merged_into is null and exists (
    select 1 from delivery as d where d.id between a.id * 256 and a.id * 256 + 255 and (d.state = 'delivered'
        or (d.state = 'waiting' and exists (select 1 from frozen as f where f.delivery = d.id))));

-- name: list_order_ids
-- Orders of a dataset, or of all, placed since a time; newest first.
select id from orders where (cast(?1 as text) is null or dataset = ?1) and placed_at >= ?2 order by placed_at desc, id desc;

-- name: list_orders_placed
-- Orders of a dataset, or of all, placed in a stretch of time, newest first.
select id from orders where (cast(?1 as text) is null or dataset = ?1) and placed_at >= ?2 and placed_at < ?3
order by placed_at desc, id desc;

-- name: list_orders
-- Orders by row id.
select id, dataset, order_id, placed_at, action, person, outcomes, state from orders
where id in /*ids*/ (?);

-- name: list_orders_alike
-- Orders whose id another order of the dataset has, too: two of its shops number alike.
select o.id from orders as o join
    (select dataset, order_id from orders group by dataset, order_id having count(*) > 1) as a
    on a.dataset = o.dataset and a.order_id = o.order_id;

-- name: list_order_datasets
-- Which datasets have orders.
select distinct dataset from orders;

-- name: find_order
-- An order by its own id, in any dataset.
select id from orders where order_id = ?;

-- name: list_facts
-- The history of an order, oldest first.
select received_at, at, kind, source, reference, body from order_fact where order_row = ? order by received_at, id;

-- name: list_facts_of
-- The reports of several orders, each with when it came in.
select order_row, received_at, source, body from order_fact where order_row in /*ids*/ (?) order by id;

-- name: list_purchases
-- The deliveries of actions, with what was sent in those that arrived.
select a.id, d.id, t.name, case when d.state = 'waiting' and t.paused_for is not null then 'paused' else d.state end,
       case when d.state = 'waiting' and t.paused_for is not null then t.paused_for else d.reason end,
       a.sealed_at, a.value, a.currency, coalesce(f.marks, ''), case when d.state = 'delivered' then f.payload end,
       coalesce(f.event_id, a.event_id)
from /*each*/ (?) as c cross join action as a on a.id = c.value
join delivery as d on d.id between a.id * 256 and a.id * 256 + 255 join destination as t on t.id = d.destination
left join frozen as f on f.delivery = d.id order by d.id;

-- name: list_unowned_purchases
-- Purchases that arrived and that no order stands for.
select a.id, a.dataset, a.order_id, a.event_id from action as a
where a.event_name = 'Purchase' and a.merged_into is null and a.event_time >= ?2 and (cast(?1 as text) is null or a.dataset = ?1)
  and not exists (select 1 from orders as o where o.action = a.id)
  and exists (select 1 from delivery as d where d.id between a.id * 256 and a.id * 256 + 255 and d.state = 'delivered')
order by a.id;

-- name: list_copies
-- The copies of an action, in the order they came.
select e.position, e.received_at, e.channel, e.sender, e.tier, e.verdict, e.event_name, e.event_id, e.late
from event as e where e.position = ?1 or e.position in (select position from copy where action = ?1)
   or e.position in (select position from carried_over where action = ?1) order by 1;

-- name: list_deliveries
-- Where an action went.
select d.id, t.name, case when d.state = 'waiting' and t.paused_for is not null then 'paused' else d.state end,
       case when d.state = 'waiting' and t.paused_for is not null then t.paused_for else d.reason end,
       d.attempts, d.due_at, d.settled_at, coalesce(f.event_id, a.event_id), coalesce(f.marks, ''), a.event_name
from action as a join delivery as d on d.id between a.id * 256 and a.id * 256 + 255
join destination as t on t.id = d.destination left join frozen as f on f.delivery = d.id where a.id = ? order by d.id;
