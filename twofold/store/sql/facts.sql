-- What the derived tables are made of, read in one snapshot: a day of orders, a stretch of the journal.

-- name: facts_orders
-- Orders placed between two times, in Unix s.
select id, dataset, order_id, placed_at, action, person, changed_at, state from orders
where placed_at >= ?1 and placed_at < ?2 order by id;

-- name: facts_orders_of
-- These orders: row, dataset, id, and when they were placed.
select id, dataset, order_id, placed_at from orders where id in /*ids*/ (?);

-- name: facts_order_days
-- The days that have orders.
select distinct placed_at / 86400 from orders;

-- name: facts_actions
-- Actions of a stretch of the journal.
select id, dataset, event_name, event_time, channels, tier, copies, late_copies, merged_into, value, currency
from action where id >= ?1 and id < ?2 order by id;

-- name: facts_deliveries
-- Their deliveries' states.
select id / 256, state from delivery where id >= ?1 * 256 and id < ?2 * 256 order by id;

-- name: facts_purchases
-- Their Purchases, each with the order it stands for and whether another action stands for it.
select a.id, a.dataset, a.event_id, a.event_time, a.sealed_at, a.copies, a.late_copies, a.tier, a.channels, a.consent, a.value,
       a.currency, a.order_id, a.merged_into,
       (select min(o.id) from orders as o where o.action = a.id),
       exists (select 1 from superseded as s where s.action = a.id)
from action as a where a.id >= ?1 and a.id < ?2 and a.event_name = 'Purchase' order by a.id;

-- name: facts_copies
-- The copies of those Purchases, and those of actions whose place they took.
select c.action, e.received_at, e.channel, e.sender, e.tier, c.carried, plain_body(e.body)
from (select a.id as action, a.id as position, 0 as carried from action as a
      where a.id >= ?1 and a.id < ?2 and a.event_name = 'Purchase'
      union
      select c.action, c.position, 0 from copy as c join action as a on a.id = c.action
      where c.action >= ?1 and c.action < ?2 and a.event_name = 'Purchase'
      union
      select c.action, c.position, 1 from carried_over as c join action as a on a.id = c.action
      where c.action >= ?1 and c.action < ?2 and a.event_name = 'Purchase') as c
join event as e on e.position = c.position order by c.action, c.position;

-- name: facts_purchase_deliveries
-- The deliveries of those Purchases: what was sent, the last answer, and what a destination is told that has a value of its own.
select d.id / 256, t.name, d.state, d.reason, d.first_attempt_at, d.settled_at, d.attempts, f.event_id, f.event_time,
       f.payload, f.consent,
       (select case when x.code <> '' then x.code else coalesce(cast(x.status as text), '') end
        from attempt as x where x.delivery = d.id and x.outcome <> 'told' order by x.id desc limit 1), v.worth, v.value, v.currency
from action as a cross join delivery as d on d.id between a.id * 256 and a.id * 256 + 255
join destination as t on t.id = d.destination left join frozen as f on f.delivery = d.id left join told_value as v on v.delivery = d.id
where a.id >= ?1 and a.id < ?2 and a.event_name = 'Purchase'
order by a.id, d.id;

-- name: facts_first_link
-- The first link of the journal's chain.
select chain from event where position = 1;

-- name: facts_touches
-- Signs between two times, in Unix s.
select who, key, dataset, slot, at, kind, source, medium, campaign, content, term, utm_id, click, campaign_id, adset_id, ad_id,
       referrer, landing, device, country, consent
from touch where at >= ?1 and at < ?2 order by dataset, who, slot, key;

-- name: facts_touch_days
-- The days that have signs.
select distinct at / 86400 from touch;

-- name: facts_line_seals
-- Every state of the lines of a day: its number, name and digest, and whether it stands.
select l.id, l.name, l.digest,
       not exists (select 1 from line_again as a where a.name = l.name)
       or not exists (select 1 from line as o where o.name = l.name and o.id <> l.id
                      and (o.as_of, o.step, o.id) > (l.as_of, l.step, l.id)
                      and (o.file = 0 or exists (select 1 from line_file as f where f.id = o.file))) as stands
from line as l
where l.kind in ('money', 'batch', 'statement', 'spend', 'site_day', 'parcel', 'rate', 'cost', 'survey', 'decision') and l.day = ?1
and (l.file = 0 or exists (select 1 from line_file as f where f.id = l.file))
order by l.id;

-- name: facts_line_days
-- The days that have lines.
select distinct day from line;

-- name: facts_touch_links
-- Whose Purchases of a stretch of the journal these are.
select action, who, kind from touch_link where action >= ?1 and action < ?2 order by action, kind, who;

-- name: number_of_buyer
-- The customer number of the first order that carries a digest of its buyer, and that order.
select f.order_row, (select n.digest from order_party as n
                     where n.order_row = f.order_row and n.kind in ('recognised', 'recognised_late')
                     order by n.digest limit 1)
from (select min(order_row) as order_row from order_party where digest = ?) as f;

-- name: first_order_at
-- When the first order of all was placed.
select min(placed_at) from orders;
