-- What the chain reads of the store itself: Purchase actions as signals.

-- name: reconcile_purchases
-- Purchase actions that were not merged away, each with the order it stands for and whether a destination took it.
select a.id, a.dataset, a.event_time, a.value, a.currency,
       (select min(o.id) from orders as o where o.action = a.id),
       exists (select 1 from delivery as d where d.id between a.id * 256 and a.id * 256 + 255 and d.state = 'delivered')
from action as a where a.event_name = 'Purchase' and a.merged_into is null order by a.id;

-- name: reconcile_day_orders
-- Orders placed between two times, and those of which something was told to have happened between two others, in Unix s.
select id from orders where placed_at >= ?1 and placed_at < ?2
union select order_row from order_fact where at >= ?3 and at < ?4 order by 1;

-- name: reconcile_day_actions
-- Purchase actions whose event lies between two times, in Unix s.
select a.id, a.dataset, a.event_time, a.value, a.currency, a.order_id, a.consent
from action as a
where a.event_name = 'Purchase' and a.merged_into is null and a.event_time >= ?1 and a.event_time < ?2 order by a.id;

-- name: reconcile_actions
-- These actions, those that were merged away left out.
select a.id, a.dataset, a.event_time, a.value, a.currency, a.order_id, a.consent
from action as a where a.id in /*ids*/ (?) and a.merged_into is null order by a.id;

-- name: reconcile_copies
-- The copies of these actions: position, channel, tier and body.
select c.value, e.position, e.channel, e.tier, plain_body(e.body)
from /*each*/ (?) as c cross join event as e
  on e.position = c.value or e.position in (select position from copy where action = c.value)
  or e.position in (select position from carried_over where action = c.value)
order by c.value, e.position;
