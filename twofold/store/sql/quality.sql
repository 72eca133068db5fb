-- Statements behind reports of match quality and stitching. Ids grow with the time of receipt, so a period is a range.

-- name: first_received
-- The first copy at or behind a position, and when it was received.
select position, received_at from event where position >= ? order by position limit 1;

-- name: last_position
-- Where the journal stands.
select max(position) from event;

-- name: quality_keys
-- Which match keys left together, how often: by dataset, event, destination and source. ?1 and ?2: actions from and before.
select a.dataset, a.event_name, f.delivery & 255, f.action_source, f.keys, count(*)
from frozen as f join action as a on a.id = f.delivery / 256
where f.delivery >= ?1 * 256 and f.delivery < ?2 * 256
group by 1, 2, 3, 4, 5;

-- name: quality_copies
-- Actions, those with a browser's copy, those with a server's, those with both, those with an id of their own.
select dataset, event_name, count(*), sum(channels & 1), sum(channels >> 1), sum(channels = 3), sum(fold_key like 'id:%')
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
