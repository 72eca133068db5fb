-- Statements behind reports of match quality and stitching. Ids grow with the time of receipt, so a period is a range.

-- name: first_received
-- The first copy at or behind a position, and when it was received.
select position, received_at from event where position >= ? order by position limit 1;

-- name: quality_keys
-- Which match keys left together, how often: by dataset, event, destination and source. ?1 and ?2: actions from and before.
select a.dataset, a.event_name, f.delivery & 255, f.action_source, f.keys, count(*)
from frozen as f join action as a on a.id = f.delivery / 256
where f.delivery >= ?1 * 256 and f.delivery < ?2 * 256
group by 1, 2, 3, 4, 5;

-- name: quality_copies
-- Actions, those with a browser's copy, those with a server's, those with both, those with an id of their own; the last action.
select dataset, event_name, count(*), sum(channels & 1), sum(channels >> 1), count(*) filter (where channels = 3),
       count(*) filter (where fold_key like 'id:%'), max(id)
from action where id >= ?1 and id < ?2 and merged_into is null
group by 1, 2;

-- name: sampled_bodies
-- Copies at these positions.
select plain_body(body) from event where position in /*ids*/ (?);

-- name: stitched_groups
-- What left, with what was taken over from visits: by dataset, event, destination and channels.
select a.dataset, a.event_name, f.delivery & 255, a.channels, f.keys, f.stitched, f.marks, count(*)
from frozen as f join action as a on a.id = f.delivery / 256
where f.delivery >= ?1 * 256 and f.delivery < ?2 * 256
group by 1, 2, 3, 4, 5, 6, 7;

-- name: sender_cells
-- Copies by dataset, event, sender and channel, with the first and the last, and what each was to its action.
select dataset, event_name, sender, channel, count(*), min(received_at), max(received_at),
       count(*) filter (where verdict = 'first'), count(*) filter (where verdict = 'repeat'),
       count(*) filter (where verdict = 'twin'), count(*) filter (where verdict = 'conflict')
from event where position >= ?1 and position < ?2 group by 1, 2, 3, 4;

-- name: sender_meetings
-- Actions of which two senders have copies: of the first copy, and of another. An action's number is its first copy's place.
select e.dataset, e.event_name, f.sender, e.sender, count(distinct e.action)
from event as e join event as f on f.position = e.action
where e.position >= ?1 and e.position < ?2 and e.verdict <> 'first' and e.sender <> f.sender group by 1, 2, 3, 4;

-- name: newest_payloads
-- The newest bytes that left for a platform, with what their action is, and when they were first tried: of actions from one id to
-- before another.
select f.delivery / 256, f.payload, a.dataset, a.event_name, a.created_at, a.value, a.currency, coalesce(d.first_attempt_at, a.created_at)
from frozen as f join action as a on a.id = f.delivery / 256 join delivery as d on d.id = f.delivery
where f.delivery >= ?1 * 256 and f.delivery < ?2 * 256 and length(f.payload) > 0 order by f.delivery desc limit ?3;

-- name: given_up
-- Deliveries that were given up or kept back: by destination, state, reason and event, with their times.
select t.name, d.state, d.reason, a.dataset, a.event_name, count(*), min(a.created_at), max(a.created_at)
from delivery as d join destination as t on t.id = d.destination join action as a on a.id = d.id / 256
where d.id >= ?1 * 256 and d.id < ?2 * 256 and d.state in ('dead', 'suppressed') group by 1, 2, 3, 4, 5;

-- name: given_up_money
-- The money of the Purchases among those that were given up or kept back.
select t.name, d.state, d.reason, a.dataset, a.id, a.value, a.currency
from delivery as d join destination as t on t.id = d.destination join action as a on a.id = d.id / 256
where d.id >= ?1 * 256 and d.id < ?2 * 256 and d.state in ('dead', 'suppressed') and a.event_name = 'Purchase';

-- name: refused_since
-- What was not let in since a time, by reason and event.
select reason, dataset, event_name, count(*), min(received_at), max(received_at) from refused where received_at >= ?
group by 1, 2, 3;

-- name: last_browser_copy
-- When a browser's copy of a dataset was received last, among the last half million copies.
select received_at from event where position > (select coalesce(max(position), 0) - 500000 from event) and dataset = ?1
and channel = 'browser' order by position desc limit 1;

-- name: ids_told
-- Which sender told which id of which event: copies of a stretch of the journal.
select distinct dataset, event_name, event_id, sender from event where position >= ? and position < ?;
