-- Statements behind the pages of the console: small, read-only, on connections of their own.

-- name: console_delivery_states
-- Deliveries of the actions from one id to before another, by destination and state.
select t.name, case when d.state = 'waiting' and t.paused_for is not null then 'paused' else d.state end, count(*)
from delivery as d join destination as t on t.id = d.destination
where d.id >= ?1 * 256 and d.id < ?2 * 256 group by 1, 2 order by 1, 2;

-- name: console_copies
-- Copies behind a position, the oldest first.
select position, received_at, dataset, event_name, event_id, channel, sender, verdict, action
from event where position > ?1 order by position limit ?2;

-- name: console_waiting
-- Deliveries that wait, by destination: how many are due, why it is paused, when the longest was due.
-- Each part is one of the indexes of what waits: what was delivered is not read.
select t.name, t.paused_for, cast(sum(w.deliveries) as integer), min(w.since)
from (select destination, count(*) as deliveries, min(due_at) as since from delivery
      where state = 'waiting' and leased_until is null and unlisted is null group by destination
      union all
      select d.destination, count(*), min(d.due_at)
      from delivery as f join delivery as d on d.id between f.id - f.destination and f.id - f.destination + 255
      where f.unlisted = 1 and d.unlisted is not null and d.state = 'waiting' group by d.destination
      union all
      select destination, count(*), min(leased_until) from delivery
      where state = 'waiting' and leased_until is not null group by destination) as w
join destination as t on t.id = w.destination group by 1, 2;

-- name: console_waiting @postgres
-- Deliveries that wait, by destination: how many are due, why it is paused, when the longest was due.
-- Each half is one of the indexes of what waits: what was delivered is not read.
select t.name, t.paused_for, cast(sum(w.deliveries) as integer), min(w.since)
from (select destination, count(*) as deliveries, min(due_at) as since from delivery
      where state = 'waiting' and leased_until is null group by destination
      union all
      select destination, count(*), min(leased_until) from delivery
      where state = 'waiting' and leased_until is not null group by destination) as w
join destination as t on t.id = w.destination group by 1, 2;

-- name: console_only_files
-- Of these orders, those that only imported files told, and couriers of their parcels: no event was ever to be made of them.
select order_row from order_fact where order_row in /*ids*/ (?) group by order_row having count(*) filter (where source not like '%:file' and source not like 'courier:%') = 0;

-- name: console_action_copies
-- The copies of one action, those that were carried over to it included, in the order of arrival.
select e.position, e.received_at, e.event_id, e.event_time, e.channel, e.sender, e.tier, e.verdict, e.late, plain_body(e.body)
from event as e where e.position = ?1 or e.position in (select position from copy where action = ?1)
   or e.position in (select position from carried_over where action = ?1) order by e.position;

-- name: console_cell_copies
-- The newest copies of one event name by one sender, from one position to before another.
select position, received_at, dataset, event_name, event_id, channel, sender, verdict, action from event
where position >= ?1 and position < ?2 and event_name = ?3 and sender = ?4 order by position desc limit ?5;

-- name: console_bodies_after
-- Copies behind a position, the oldest first, with their bodies.
select position, received_at, event_name, channel, sender, action, plain_body(body)
from event where dataset = ?1 and position > ?2 order by position limit ?3;

-- name: console_action
-- One action: its name, id and channels, its money, what it turned out to be the same as.
select event_name, event_id, channels, value, currency, order_id, merged_into from action where id = ?;

-- name: console_action_deliveries
-- The deliveries of one action.
select d.id, t.name, d.state, d.reason, d.settled_at
from delivery as d join destination as t on t.id = d.destination where d.id between ?1 * 256 and ?1 * 256 + 255 order by d.id;

-- name: console_same_purchase
-- Purchases behind a position that carry the same id or order.
select id from action where id > ?1 and dataset = ?2 and event_name = 'Purchase'
   and (event_id = ?3 or (order_id is not null and order_id = ?4));

-- name: console_last_of_channel
-- The newest copy of a channel behind a position: when, and whose.
select received_at, sender from event where position > ?1 and channel = ?2 order by position desc limit 1;

-- name: console_last_answers
-- Behind an attempt's number, by destination: the newest attempt, its status and code, and the newest that was accepted.
select t.name, max(a.started_at), max(a.id), max(case when a.outcome = 'accepted' then a.ended_at end)
from attempt as a join delivery as d on d.id = a.delivery join destination as t on t.id = d.destination
where a.id > ?1 group by 1;

-- name: console_attempt
-- What came of one attempt.
select status, code, outcome, note from attempt where id = ?;

-- name: console_first_joined
-- The first Purchase behind a position that browser and server told.
select id, created_at from action where id > ? and event_name = 'Purchase' and channels = 3 and merged_into is null limit 1;

-- name: console_first_event
-- When the first copy was received.
select received_at from event order by position limit 1;

-- name: console_consent
-- Actions from one id to before another by what was said about consent.
select dataset, consent, count(*), count(*) filter (where event_name = 'Purchase') from action
where id >= ?1 and id < ?2 and merged_into is null group by 1, 2;

-- name: console_shared
-- What arrived where, of actions from one id to before another: with which keys, how often, when last.
select t.name, f.keys, count(*), max(d.settled_at)
from delivery as d join destination as t on t.id = d.destination join frozen as f on f.delivery = d.id
where d.id >= ?1 * 256 and d.id < ?2 * 256 and d.state = 'delivered' group by 1, 2;

-- name: console_requests
-- Requests of people, the newest first: asked when, by whom, how far, done when.
select id, kind, state, requested_at, requested_by, dataset, named, counts, done_at from erasure order by requested_at desc limit ?;

-- name: console_ends
-- The last report of an order, the last order, the last attempt.
select (select coalesce(max(id), 0) from order_fact), (select coalesce(max(id), 0) from orders), (select coalesce(max(id), 0) from attempt);

-- name: console_orders_before
-- The orders before one, by the time they were placed, newest first.
select id from orders where (placed_at, id) < (?1, ?2) order by placed_at desc, id desc limit ?3;

-- name: console_orders_reported
-- The orders of which something was reported between two reports.
select distinct order_row from order_fact where id > ?1 and id <= ?2;

-- name: console_orders_new
-- The orders that were made since one.
select id from orders where id > ?;

-- name: console_orders_tried
-- The orders whose Purchase was tried between two attempts.
select o.id from (select distinct delivery / 256 as action from attempt where id between ?1 and ?2) as t
join orders as o on o.action = t.action;

-- name: console_told
-- The deliveries of these actions: each with its state and why.
select c.value, d.id, case when d.state = 'waiting' and t.paused_for is not null then 'paused' else d.state end,
       case when d.state = 'waiting' and t.paused_for is not null then t.paused_for else d.reason end
from /*each*/ (?) as c cross join delivery as d on d.id between c.value * 256 and c.value * 256 + 255
join destination as t on t.id = d.destination order by d.id;

-- name: console_actions_of_copies
-- The actions that the copies behind one position, up to another, belong to.
select distinct action from event where position > ?1 and position <= ?2;

-- name: console_tries
-- Attempts behind one, up to another: by five minutes and outcome, with the last that was accepted (ms).
select started_at / 300000, outcome, count(*), max(case when outcome = 'accepted' then ended_at end)
from attempt where id > ?1 and id <= ?2 group by 1, 2;

-- name: console_given_up
-- Deliveries that were given up between two moments (ms), of one destination or reason where they are named: what each is of and worth.
select d.id, t.name, d.reason, d.settled_at, a.event_name, a.value, a.currency, coalesce(f.event_time, a.event_time), coalesce(f.action_source, '')
from delivery as d join action as a on a.id = d.id / 256 join destination as t on t.id = d.destination
left join frozen as f on f.delivery = d.id
where d.state = 'dead' and coalesce(d.settled_at, 0) between ?1 and ?2 and (?3 = '' or t.name = ?3) and (?4 = '' or d.reason = ?4)
  and (?5 = '' or a.dataset = ?5) order by d.id;
