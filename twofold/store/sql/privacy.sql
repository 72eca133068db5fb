-- Statements of erasing, retention and the trail.

-- name: select_redacted
-- Which of these rows were redacted before: their digest is the one to keep.
select position from redaction where position in (select value from carray(?));

-- name: upsert_redactions
insert into redaction (position, digest, body) values /*rows*/ (?, ?, ?)
on conflict (position) do update set body = excluded.body;

-- name: redact_events
-- The new body takes the old one's place; the salt of the old one's digest goes with it.
update event set body = v.column2, event_id = v.column3, salt = null
from (values /*rows*/ (?, ?, ?)) as v where event.position = v.column1;

-- name: select_bodies
select position, dataset, event_name, event_id, action, body, salt from event
where position in (select value from carray(?)) order by position;

-- name: insert_audit
insert into audit (id, at, kind, facts, chain) values (?, ?, ?, ?, ?);

-- name: last_audit
select id, chain from audit order by id desc limit 1;

-- name: insert_erasure
-- The same request twice is one.
insert or ignore into erasure (id, kind, requested_at, requested_by, dataset, named, state, scanned, orders_at, refused_at, salt, counts)
values (?, ?, ?, ?, ?, ?, ?, 0, 0, 0, ?, '{}');

-- name: insert_erasure_keys
insert or ignore into erasure_key (erasure, kind, digest) values /*rows*/ (?, ?, ?);

-- name: insert_erasure_rows
-- The whole of a row is more than a mention in it.
insert into erasure_row (erasure, position, whole) values /*rows*/ (?, ?, ?)
on conflict (erasure, position) do update set whole = max(whole, excluded.whole);

-- name: insert_erasure_actions
-- What became the person's after it only mentioned them is looked at again.
insert into erasure_action (erasure, action, whole, stopped) values /*rows*/ (?, ?, ?, 0)
on conflict (erasure, action) do update set whole = max(whole, excluded.whole),
                                            stopped = case when excluded.whole > whole then 0 else stopped end;

-- name: next_erasure_rows
select position, whole from erasure_row where erasure = ? order by position limit ?;

-- name: drop_erasure_rows
delete from erasure_row where erasure = ?1 and position in (select value from carray(?2));

-- name: next_erasure_actions
select action, whole from erasure_action where erasure = ? and stopped = 0 order by action limit ?;

-- name: sends_in_flight
-- Deliveries of these actions that a worker holds now: their request may be on its way.
select distinct d.id / 256 from carray(?1) as a cross join delivery as d on d.id between a.value * 256 and a.value * 256 + 255
where d.leased_until > ?2;

-- name: suppress_erased
-- Nothing of these actions is sent any more, and nobody can revive it.
update delivery set state = 'suppressed', reason = 'erased', leased_until = null,
       settled_at = coalesce(settled_at, ?1)
where state in ('waiting', 'dead') and id in (
    select d.id from carray(?2) as a cross join delivery as d on d.id between a.value * 256 and a.value * 256 + 255);

-- name: empty_payloads_of
update frozen set payload = zeroblob(0), test_event_code = null where length(payload) > 0 and delivery in (
    select d.id from carray(?) as a cross join delivery as d on d.id between a.value * 256 and a.value * 256 + 255);

-- name: empty_notes_of
update attempt set note = '' where note != '' and delivery in (
    select d.id from carray(?) as a cross join delivery as d on d.id between a.value * 256 and a.value * 256 + 255);

-- name: mark_stopped
update erasure_action set stopped = 1 where erasure = ?1 and action in (select value from carray(?2));

-- name: rename_actions
update action set event_id = v.column2, fold_key = v.column3, order_id = v.column4
from (values /*rows*/ (?, ?, ?, ?)) as v where action.id = v.column1;

-- name: rename_frozen
update frozen set event_id = v.column2 from (values /*rows*/ (?, ?)) as v where frozen.delivery = v.column1;

-- name: insert_erased_ids
insert or ignore into erased_id (digest, at) values /*rows*/ (?, ?);

-- name: insert_erasure_orders
insert into erasure_order (erasure, order_row, whole) values /*rows*/ (?, ?, ?)
on conflict (erasure, order_row) do update set whole = max(whole, excluded.whole);

-- name: next_erasure_orders
select e.order_row, e.whole, o.order_id, o.state from erasure_order as e join orders as o on o.id = e.order_row
where e.erasure = ? limit ?;

-- name: drop_erasure_orders
delete from erasure_order where erasure = ?1 and order_row in (select value from carray(?2));

-- name: redact_orders
update orders set order_id = v.column2, state = v.column3, person = null
from (values /*rows*/ (?, ?, ?)) as v where orders.id = v.column1;

-- name: select_facts_of
select id, body from order_fact where order_row in (select value from carray(?));

-- name: redact_facts
update order_fact set body = v.column2, reference = '', digest = v.column3
from (values /*rows*/ (?, ?, ?)) as v where order_fact.id = v.column1;

-- name: drop_names_of
delete from order_name where order_row in (select value from carray(?));

-- name: drop_refused
delete from refused where id in (select value from carray(?));

-- name: select_erasure
select id, kind, requested_at, requested_by, dataset, named, state, scanned, orders_at, refused_at, salt, counts, done_at
from erasure where id = ?;

-- name: next_erasure
-- The oldest that is not finished; an export is the operator's, and what is held waits for a word.
select id from erasure where state in ('asked', 'found', 'cleared') and kind != 'export' order by requested_at, id limit 1;

-- name: select_erasure_keys
select kind, digest from erasure_key where erasure = ?;

-- name: update_erasure
update erasure set state = ?2, scanned = ?3, orders_at = ?4, refused_at = ?5, counts = ?6 where id = ?1;

-- name: close_erasure
-- Nothing that could name an erased id again is kept.
update erasure set state = ?2, salt = null, done_at = ?3 where id = ?1;

-- name: drop_erasure_keys
delete from erasure_key where erasure = ?;

-- name: drop_erasure_actions
delete from erasure_action where erasure = ?;

-- name: tail_bodies
select position, dataset, action, body from event where position > ? order by position limit ?;

-- name: redact_fact_bodies
update order_fact set body = v.column2 from (values /*rows*/ (?, ?)) as v where order_fact.id = v.column1;

-- name: bodies_after
-- The next rows of the journal for retention.
select position, received_at, event_id, body, salt from event where position > ? order by position limit ?;

-- name: bodies_at
select position, received_at, event_id, body, salt from event where position in (select value from carray(?));

-- name: actions_waiting
-- Those of these actions of which something still waits to be sent.
select distinct a.value from carray(?) as a cross join delivery as d on d.id between a.value * 256 and a.value * 256 + 255
where d.state = 'waiting';

-- name: retention_reached
insert into progress (name, value) values (?1, ?2) on conflict (name) do update set value = excluded.value;

-- name: retention_count
insert into progress (name, value) values ('redacted', ?1)
on conflict (name) do update set value = value + excluded.value;

-- name: retention_reset
update progress set value = 0 where name = ?;

-- name: retention_horizon
-- Deliveries settled before this time have no trail any more.
insert into progress (name, value) values ('trail_before', ?1)
on conflict (name) do update set value = max(value, excluded.value);

-- name: retention_pass_over
insert or ignore into retention_later (what, row_number) values /*rows*/ (?, ?);

-- name: retention_passed_over
select row_number from retention_later where what = ? order by row_number;

-- name: retention_done_later
delete from retention_later where what = ?1 and row_number in (select value from carray(?2));

-- name: payloads_after
select f.delivery, a.created_at, d.state, d.settled_at from frozen as f join delivery as d on d.id = f.delivery
join action as a on a.id = f.delivery / 256 where f.delivery > ? order by f.delivery limit ?;

-- name: payloads_passed_over
-- Payloads that were needed when retention came by and are not needed any more.
select l.row_number from retention_later as l join delivery as d on d.id = l.row_number
where l.what = 'payload' and d.state != 'waiting' and d.settled_at < ? limit ?;

-- name: empty_payloads
update frozen set payload = zeroblob(0), test_event_code = null
where length(payload) > 0 and delivery in (select value from carray(?));

-- name: forget_buyers
update orders set person = null
where id in (select id from orders where person is not null and changed_at < ? limit ?);

-- name: next_seal
-- The first seal after the given attempt.
select json_extract(facts, '$.first'), json_extract(facts, '$.last') from audit
where kind = 'shared' and json_extract(facts, '$.last') > ? order by id limit 1;

-- name: empty_trail
-- Of deliveries that no later attempt speaks of.
update frozen set keys = '', consent = '', marks = '', stitched = '' where delivery in (
    select distinct delivery from attempt where id between ?1 and ?2
    except select delivery from attempt where id > ?2 and delivery in (
        select delivery from attempt where id between ?1 and ?2));

-- name: drop_attempts
delete from attempt where id between ? and ?;

-- name: drop_erased_ids
delete from erased_id where at < ?;

-- name: payloads_of
-- Sent and frozen bytes of these actions, and whether they may still be sent.
select f.delivery, d.state, f.payload from carray(?) as a
cross join frozen as f on f.delivery between a.value * 256 and a.value * 256 + 255 join delivery as d on d.id = f.delivery
where length(f.payload) > 0;

-- name: unfreeze
-- These are built again, from what is left of their copies, when they are claimed next.
delete from frozen where delivery in (select value from carray(?));
