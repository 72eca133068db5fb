-- Statements behind the rules of the router. Days are counted back from a time: 0 is the last 24 hours before it.

-- name: router_purchases
-- Purchases of actions from one id to before another: when, whose copies, what was said about consent, which order they are of,
-- and where it was made, as the platform was told. What robots told is none. A delivery's number begins with its action's.
select a.id, a.created_at, a.dataset, a.channels, a.consent, a.order_id, o.id, a.value, a.currency,
       (select min(f.action_source) from frozen as f where f.delivery >= a.id * 256 and f.delivery < a.id * 256 + 256)
from action as a left join orders as o on o.action = a.id
where a.id >= ?1 and a.id < ?2 and a.event_name = 'Purchase' and a.merged_into is null
  and not exists (select 1 from delivery as d where d.id >= a.id * 256 and d.id < a.id * 256 + 256 and d.reason = 'bot');

-- name: router_copies
-- Copies from one position to before another, by event, sender, channel and day before ?3 (ms): how many, how many came more
-- than an hour after they happened, how many more than ten minutes before, how many of both by whole hours, how many are loads
-- of one page again, and of how many actions these are.
select dataset, event_name, sender, channel, (?3 - received_at) / 86400000, count(*),
       count(*) filter (where received_at / 1000 - event_time > 3600),
       count(*) filter (where event_time - received_at / 1000 > 600),
       count(*) filter (where abs(received_at / 1000 - event_time) > 1800
           and abs(received_at / 1000 - event_time - round((received_at / 1000 - event_time) / 3600.0) * 3600) <= 300),
       count(*) filter (where verdict = 'repeat'), count(distinct action), count(distinct case when verdict = 'repeat' then action end)
from event where position >= ?1 and position < ?2 group by 1, 2, 3, 4, 5;

-- name: router_events_by_day
-- Copies from one position to before another, by dataset, event and day in UTC.
select dataset, event_name, received_at / 86400000, count(*) from event
where position >= ?1 and position < ?2 group by 1, 2, 3;

-- name: router_unmatched_copies
-- Copies of the newest Purchases from one action to before another that browsers alone tell and that no order is of. An action's
-- number is its first copy's.
with unmatched as (
    select a.id from action as a left join orders as o on o.action = a.id
    where a.id >= ?1 and a.id < ?2 and a.event_name = 'Purchase' and a.merged_into is null and a.channels = 1 and o.id is null
    order by a.id desc limit ?3),
mine as (
    select id, id as position from unmatched
    union all select u.id, c.position from unmatched as u join copy as c on c.action = u.id)
select m.id, plain_body(e.body) from mine as m join event as e on e.position = m.position;

-- name: router_told_purchases
-- The newest copies of Purchases that no signed webhook told, each with its order where there is one.
select e.position, e.received_at, e.dataset, e.sender, e.channel, plain_body(e.body), o.id, o.state
from event as e left join orders as o on o.action = e.action
where e.position >= ?1 and e.position < ?2 and e.event_name = 'Purchase' and e.tier < 3 and e.verdict <> 'repeat'
order by e.position desc limit ?3;

-- name: router_cart_copies
-- The newest copies of what happens before a checkout.
select plain_body(body) from event
where position >= ?1 and position < ?2 and channel = 'browser' and event_name in ('ViewContent', 'AddToCart')
order by position desc limit ?3;

-- name: router_test_codes
-- What left, by destination and day before ?3 (ms): how many, how many of them with a test code of their sender's, the first and the last.
select t.name, (?3 - a.created_at) / 86400000, count(*), count(f.test_event_code),
       min(a.created_at), max(a.created_at)
from frozen as f join action as a on a.id = f.delivery / 256 join destination as t on t.id = (f.delivery & 255)
where f.delivery >= ?1 * 256 and f.delivery < ?2 * 256 group by 1, 2;

-- name: router_visits
-- Visits since ?1 (Unix s), by day before ?2 (Unix s), source and medium: how many, and how many with a click's id.
select dataset, (?2 - at) / 86400, source, medium, count(*), count(*) filter (where click <> ''), min(at), max(at)
from touch where at >= ?1 and at < ?2 and kind in ('click', 'visit') group by 1, 2, 3, 4;
