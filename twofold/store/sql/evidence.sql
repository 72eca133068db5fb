-- Statements about what a higher tier's word stands for.

-- name: any_superseded
-- A row when any action ever was.
select 1 from superseded limit 1;

-- name: insert_superseded
-- An action that another one stands for from now on.
insert into superseded (action, successor, at) values (?, ?, ?)
on conflict do nothing;

-- name: select_superseded
-- Which of these actions another one stands for, and which.
select action, successor from superseded where action in /*ids*/ (?);

-- name: select_left_before
-- What these actions stand for and was sent, or may have been: the successor, and the id it left under.
select s.successor, a.event_id from /*each*/ (?) as c
cross join superseded as s on s.successor = c.value
join action as a on a.id = s.action
where a.sealed_at is not null and exists (
    select 1 from delivery as d where d.id between a.id * 256 and a.id * 256 + 255
      and (d.state = 'delivered' or d.unsure_since is not null or d.leased_until is not null))
order by a.sealed_at;

-- name: call_back
-- What has not left of an action that another one stands for now does not leave any more.
update delivery set state = 'suppressed', reason = 'superseded', settled_at = ?1, digest = null
where state = 'waiting' and leased_until is null and unsure_since is null and id between ?2 * 256 and ?2 * 256 + 255;

-- name: insert_carried_over
-- Copies of superseded actions that may be the buyer's word for the one that stands for them.
insert into carried_over (action, position) values /*rows*/ (?, ?)
on conflict do nothing;

-- name: carry_over
-- All copies of an action may be the buyer's word for the one that stands for it.
insert into carried_over (action, position)
select ?1, position from (select ?2 as position union all select position from copy where action = ?2
                          union all select position from carried_over where action = ?2) as told where true
on conflict do nothing;

-- name: list_page_purchases
-- The newest ids under which browsers reported Purchases of a dataset.
select event_id from event where position > (select max(position) from event) - 200000
  and event_name = 'Purchase' and channel = 'browser' and dataset = ?1 order by position desc limit 50;
