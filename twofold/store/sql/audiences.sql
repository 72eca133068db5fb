-- What lists of people are made of, read in one snapshot by a child process.

-- name: audience_events
-- A dataset's events from a position on.
select position, action, tier, plain_body(body) from event where position >= ?1 and dataset = ?2 order by position;

-- name: audience_orders
-- A dataset's orders placed since a time, in Unix s.
select id, order_id, placed_at, action, state from orders where placed_at >= ?1 and dataset = ?2 order by id;

-- name: audience_merged
-- Actions that became part of another.
select id, merged_into from action where merged_into is not null order by id;

-- name: audience_superseded
-- Actions that another one stands for: one sale, whichever of them a copy is of.
select action, min(successor) from superseded group by action order by action;

-- name: audience_withdrawals
-- How consent that was taken back stands: any change changes one of these. A mark is added, or withdrawn again, which is later than
-- before; so as long as count and first sum are as they were only grants were told, and they change the second. Times are taken from
-- 2023 on, so that the sums of a hundred million fit.
select count(*), count(granted_at), cast(coalesce(sum(withdrawn_at - 1672531200000), 0) as bigint),
       cast(coalesce(sum(granted_at - 1672531200000), 0) as bigint)
from withdrawal;

-- name: audience_erasures
-- How many erasures there are, and how many of them are still at work.
select count(*), coalesce(sum(case when state in ('asked', 'found', 'cleared') then 1 else 0 end), 0)
from erasure where kind <> 'export';
