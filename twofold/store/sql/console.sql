-- Statements behind the pages of the console: small, read-only, on connections of their own.

-- name: console_newest
-- When a copy came last and a delivery arrived last, how many deliveries wait.
select (select received_at from event order by position desc limit 1),
       (select max(settled_at) from (select settled_at from delivery where state = 'delivered' order by id desc limit 1000)),
       (select count(*) from delivery where state = 'waiting');

-- name: console_delivery_states
-- Deliveries of the actions from one id to before another, by destination and state.
select t.name, case when d.state = 'waiting' and t.paused_for is not null then 'paused' else d.state end, count(*)
from delivery as d join destination as t on t.id = d.destination
where d.id >= ?1 * 256 and d.id < ?2 * 256 group by 1, 2 order by 1, 2;

-- name: console_copies
-- Copies behind a position, the oldest first.
select position, received_at, dataset, event_name, event_id, channel, sender, verdict, action
from event where position > ?1 order by position limit ?2;

-- name: console_kept
-- Entries of the log of one kind: what people said through the console.
select id, at, facts from audit where kind = ? order by id;
