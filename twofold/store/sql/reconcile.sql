-- What the chain reads of the store itself: Purchase actions as signals.

-- name: reconcile_purchases
-- Purchase actions that were not merged away, each with the order it stands for and whether a destination took it.
select a.id, a.dataset, a.event_time, a.value, a.currency,
       (select min(o.id) from orders as o where o.action = a.id),
       exists (select 1 from delivery as d where d.id between a.id * 256 and a.id * 256 + 255 and d.state = 'delivered')
from action as a where a.event_name = 'Purchase' and a.merged_into is null order by a.id;
