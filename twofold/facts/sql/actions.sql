-- Questions about actions and what became of them.

-- name: actions_by_event
-- Actions that came on some days in UTC, by day, dataset and event, without those that became part of another.
-- asks: since text, until text
-- answers: day text, dataset text, event_name text, actions bigint, copies bigint, delivered bigint, suppressed bigint, dead bigint
select s.day, s.dataset, s.event_name, count(*) as actions, sum(s.copies) as copies, sum(s.delivered) as delivered,
       sum(s.suppressed) as suppressed, sum(s.dead) as dead
from signals as s
where s.day between $since and $until and s.merged_into is null
group by s.day, s.dataset, s.event_name
order by s.day, s.dataset, s.event_name

-- name: purchases_by_state
-- Where the Purchases of some days went, by destination, state and reason, with what was sent.
-- asks: since text, until text
-- answers: destination text, state text, reason text, purchases bigint, sent decimal(18,4)
with kept as (
    select p.action from purchases as p
    where p.day between $since and $until and p.merged_into is null
)
select d.destination, d.state, d.reason, count(*) as purchases, coalesce(sum(d.sent_value), 0) as sent
from purchase_deliveries as d join kept as k on k.action = d.action
where d.day between $since and $until
group by d.destination, d.state, d.reason
order by d.destination, d.state, d.reason
