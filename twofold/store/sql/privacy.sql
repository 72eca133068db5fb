-- Statements of erasing, retention and the trail.

-- name: select_redacted
-- Which of these rows were redacted before: their digest is the one to keep.
select position from redaction where position in /*ids*/ (?);

-- name: upsert_redactions
-- Redacted rows: the digest that the chain was made with is kept from the first time, that of what is left is renewed.
insert into redaction (position, digest, body) values /*rows*/ (?, ?, ?)
on conflict (position) do update set body = excluded.body;

-- name: redact_events
-- The new body takes the old one's place; the salt of the old one's digest goes with it.
update event set body = v.column2, event_id = v.column3, salt = null
from (values /*rows: bigint bytea text*/ (?, ?, ?)) as v where event.position = v.column1;

-- name: select_bodies
-- Rows of the journal that an erasure is to redact.
select position, dataset, event_name, event_id, action, plain_body(body), salt, event_time, received_at, channel, sender,
       tier
from event
where position in /*ids*/ (?) order by position;

-- name: insert_audit
-- One more entry of the log, chained to the one before.
insert into audit (id, at, kind, facts, chain) values (?, ?, ?, ?, ?);

-- name: audit_of_kind
-- Entries of the log of one kind, in the order in which they were made.
select id, at, facts from audit where kind = ? order by id;

-- name: last_audit
-- Where the log stands.
select id, chain from audit order by id desc limit 1;

-- name: insert_erasure
-- The same request twice is one.
insert into erasure (id, kind, requested_at, requested_by, dataset, named, state, scanned, orders_at, refused_at, salt, counts)
values (?, ?, ?, ?, ?, ?, ?, 0, 0, 0, ?, '{}')
on conflict do nothing;

-- name: insert_erasure_keys
-- What an erasure looks for, as digests.
insert into erasure_key (erasure, kind, digest) values /*rows*/ (?, ?, ?)
on conflict do nothing;

-- name: insert_erasure_rows
-- The whole of a row is more than a mention in it.
insert into erasure_row (erasure, position, whole) values /*rows*/ (?, ?, ?)
on conflict (erasure, position) do update set whole = greatest(erasure_row.whole, excluded.whole);

-- name: insert_erasure_actions
-- What became the person's after it only mentioned them is looked at again.
insert into erasure_action (erasure, action, whole, stopped) values /*rows*/ (?, ?, ?, 0)
on conflict (erasure, action) do update set whole = greatest(erasure_action.whole, excluded.whole),
                                            stopped = case when excluded.whole > erasure_action.whole then 0 else erasure_action.stopped end;

-- name: next_erasure_rows
-- Journal rows that an erasure has found and not done yet.
select position, whole from erasure_row where erasure = ? order by position limit ?;

-- name: drop_erasure_rows
-- Rows that are done.
delete from erasure_row where erasure = ?1 and position in /*ids*/ (?2);

-- name: next_erasure_actions
-- Actions of an erasure whose sending is not stopped yet.
select action, whole from erasure_action where erasure = ? and stopped = 0 order by action limit ?;

-- name: sends_in_flight
-- Deliveries of these actions that a worker holds now: their request may be on its way.
select distinct d.id / 256 from /*each*/ (?1) as a cross join delivery as d on d.id between a.value * 256 and a.value * 256 + 255
where d.leased_until > ?2;

-- name: suppress_erased
-- Nothing of these actions is sent any more, and nobody can revive it.
update delivery set state = 'suppressed', reason = 'erased', leased_until = null, digest = null,
       settled_at = coalesce(settled_at, ?1)
where state in ('waiting', 'dead') and id in (
    select d.id from /*each*/ (?2) as a cross join delivery as d on d.id between a.value * 256 and a.value * 256 + 255);

-- name: empty_payloads_of
-- The bytes that were, or would have been, sent of these actions.
update frozen set payload = /*no_bytes*/, test_event_code = null, digest = null where length(payload) > 0 and delivery in (
    select d.id from /*each*/ (?) as a cross join delivery as d on d.id between a.value * 256 and a.value * 256 + 255);

-- name: empty_notes_of
-- What a platform said of these actions, in its own words, may quote the person.
update attempt set note = '', digest = null where note != '' and delivery in (
    select d.id from /*each*/ (?) as a cross join delivery as d on d.id between a.value * 256 and a.value * 256 + 255);

-- name: mark_stopped
-- Nothing of these actions is sent any more.
update erasure_action set stopped = 1 where erasure = ?1 and action in /*ids*/ (?2);

-- name: rename_actions
-- Actions whose ids named an erased person.
update action set event_id = v.column2, fold_key = v.column3, order_id = v.column4
from (values /*rows: bigint text text text*/ (?, ?, ?, ?)) as v where action.id = v.column1;

-- name: rename_frozen
-- The same ids beside the frozen bytes.
update frozen set event_id = v.column2, digest = null from (values /*rows: bigint text*/ (?, ?)) as v where frozen.delivery = v.column1;

-- name: insert_erased_ids
-- Ids that were erased, as keyed digests, so that a late copy of theirs is not sent.
insert into erased_id (digest, at) values /*rows*/ (?, ?)
on conflict do nothing;

-- name: insert_erasure_orders
-- Orders that an erasure has found; the whole of one is more than a mention in it.
insert into erasure_order (erasure, order_row, whole) values /*rows*/ (?, ?, ?)
on conflict (erasure, order_row) do update set whole = greatest(erasure_order.whole, excluded.whole);

-- name: next_erasure_orders
-- Orders that an erasure has found and not done yet.
select e.order_row, e.whole, o.order_id, o.state, o.dataset from erasure_order as e join orders as o on o.id = e.order_row
where e.erasure = ? limit ?;

-- name: drop_erasure_orders
-- Orders that are done.
delete from erasure_order where erasure = ?1 and order_row in /*ids*/ (?2);

-- name: redact_orders
-- Orders of an erased person: another name, no buyer.
update orders set order_id = v.column2, state = v.column3, person = null, digest = null
from (values /*rows: bigint text bytea*/ (?, ?, ?)) as v where orders.id = v.column1;

-- name: select_facts_of
-- All reports of these orders.
select id, body from order_fact where order_row in /*ids*/ (?);

-- name: redact_facts
-- Reports of an erased person's orders: the amounts stay, who and where to look it up go.
update order_fact set body = v.column2, reference = '', digest = v.column3, row_digest = null
from (values /*rows: bigint bytea bytea*/ (?, ?, ?)) as v where order_fact.id = v.column1;

-- name: drop_names_of
-- Nothing leads to these orders any more.
delete from order_name where order_row in /*ids*/ (?);

-- name: drop_refused
-- Refused bodies whose days are over, or that speak of an erased person.
delete from refused where id in /*ids*/ (?);

-- name: select_erasure
-- One request, whole.
select id, kind, requested_at, requested_by, dataset, named, state, scanned, orders_at, refused_at, salt, counts, done_at
from erasure where id = ?;

-- name: next_erasure
-- The oldest that is not finished; an export is the operator's, and what is held waits for a word.
select id from erasure where state in ('asked', 'found', 'cleared') and kind != 'export' order by requested_at, id limit 1;

-- name: select_erasure_keys
-- What an erasure looks for.
select kind, digest from erasure_key where erasure = ?;

-- name: update_erasure
-- How far an erasure has come.
update erasure set state = ?2, scanned = ?3, orders_at = ?4, refused_at = ?5, counts = ?6 where id = ?1;

-- name: close_erasure
-- Nothing that could name an erased id again is kept.
update erasure set state = ?2, salt = null, done_at = ?3 where id = ?1;

-- name: drop_erasure_keys
-- The digests that were looked for, once everything is found and gone.
delete from erasure_key where erasure = ?;

-- name: drop_erasure_tails
-- How far it has looked through the strands of further writers.
delete from progress where name like ?;

-- name: drop_erasure_actions
-- An erasure that is done needs none of its working rows.
delete from erasure_action where erasure = ?;

-- name: tail_bodies
-- Rows that came after an erasure had looked.
select position, dataset, action, plain_body(body) from event where position > ? order by position limit ?;

-- name: redact_fact_bodies
-- Reports of orders in which only a mention was taken out.
update order_fact set body = v.column2, row_digest = null from (values /*rows: bigint bytea*/ (?, ?)) as v where order_fact.id = v.column1;

-- name: bodies_after
-- The next rows of the journal for retention.
select position, received_at, event_id, plain_body(body), salt, dataset, event_name, event_time, channel, sender, tier
from event where position > ? order by position limit ?;

-- name: bodies_at
-- Rows of the journal by position, for what retention passed over before.
select position, received_at, event_id, plain_body(body), salt, dataset, event_name, event_time, channel, sender, tier
from event where position in /*ids*/ (?);

-- name: actions_waiting
-- Those of these actions of which something still waits to be sent.
select distinct a.value from /*each*/ (?) as a cross join delivery as d on d.id between a.value * 256 and a.value * 256 + 255
where d.state = 'waiting';

-- name: retention_reached
-- How far one kind of retention has come.
insert into progress (name, value) values (?1, ?2) on conflict (name) do update set value = excluded.value;

-- name: retention_count
-- So many rows more were redacted since the log last said so.
insert into progress (name, value) values ('redacted', ?1)
on conflict (name) do update set value = progress.value + excluded.value;

-- name: retention_reset
-- The log has said it: counted from nothing again.
update progress set value = 0 where name = ?;

-- name: retention_horizon
-- Deliveries settled before this time have no trail any more.
insert into progress (name, value) values ('trail_before', ?1)
on conflict (name) do update set value = greatest(progress.value, excluded.value);

-- name: retention_pass_over
-- Rows that something still waits for: looked at again later.
insert into retention_later (what, row_number) values /*rows*/ (?, ?)
on conflict do nothing;

-- name: retention_passed_over
-- Rows to be looked at again.
select row_number from retention_later where what = ? order by row_number;

-- name: retention_done_later
-- Rows that were passed over and are done now.
delete from retention_later where what = ?1 and row_number in /*ids*/ (?2);

-- name: payloads_after
-- The next frozen bytes for retention, with what decides whether they are still needed.
select f.delivery, a.created_at, d.state, d.settled_at, f.event_time from frozen as f join delivery as d on d.id = f.delivery
join action as a on a.id = f.delivery / 256 where f.delivery > ? order by f.delivery limit ?;

-- name: payloads_passed_over
-- Payloads that were needed when retention came by and are not needed any more: sent before the first time, or of what came before the second.
select l.row_number from retention_later as l join delivery as d on d.id = l.row_number
join action as a on a.id = l.row_number / 256
where l.what = 'payload' and d.state != 'waiting' and (d.settled_at < ? or a.created_at < ?) limit ?;

-- name: empty_payloads
-- Bytes that nobody sends any more and whose days are over.
update frozen set payload = /*no_bytes*/, test_event_code = null, digest = null
where length(payload) > 0 and delivery in /*ids*/ (?);

-- name: forget_buyers
-- Orders last changed so long ago forget the digest of who bought.
update orders set person = null
where id in (select id from orders where person is not null and changed_at < ? limit ?);

-- name: next_seal
-- The first seal after the given attempt.
select json_extract(facts, '$.first'), json_extract(facts, '$.last') from audit
where kind = 'shared' and json_extract(facts, '$.last') > ? order by id limit 1;

-- name: next_seal @postgres
-- The first seal after the given attempt.
select (facts::json ->> 'first')::bigint, (facts::json ->> 'last')::bigint from audit
where kind = 'shared' and (facts::json ->> 'last')::bigint > ? order by id limit 1;

-- name: empty_trail
-- Of deliveries that no later attempt speaks of.
update frozen set keys = '', consent = '', marks = '', stitched = '' where delivery in (
    select distinct delivery from attempt where id between ?1 and ?2
    except select delivery from attempt where id > ?2 and delivery in (
        select delivery from attempt where id between ?1 and ?2));

-- name: drop_attempts
-- Attempts whose days are over; the log keeps what was sealed of them.
delete from attempt where id between ? and ?;

-- name: drop_erased_ids
-- Digests of erased ids that no late copy can bring again.
delete from erased_id where at < ?;

-- name: payloads_of
-- Sent and frozen bytes of these actions, and whether they may still be sent.
select f.delivery, d.state, f.payload from /*each*/ (?) as a
cross join frozen as f on f.delivery between a.value * 256 and a.value * 256 + 255 join delivery as d on d.id = f.delivery
where length(f.payload) > 0;

-- name: unfreeze
-- These are built again, from what is left of their copies, when they are claimed next.
delete from frozen where delivery in /*ids*/ (?);

-- name: count_requests
-- How often the same request was asked before, and whether the last one is still open.
select count(*), max(case when state in ('cleared', 'done') then 0 else 1 end) from erasure where id like ? escape '!';

-- name: release_request
-- The operator's word for a request that was held.
update erasure set state = 'asked' where id = ? and state = 'held';

-- name: select_erasure_actions
-- Actions that are the person's own.
select action from erasure_action where erasure = ? and whole = 1;

-- name: last_position_or_zero
-- Where the journal stands; 0 when it is empty.
select coalesce(max(position), 0) from event;

-- name: last_position_of
-- Where a strand of the journal stands; the number before its first when it is empty.
select coalesce(max(position), ?1) from event where position > ?1 and position < ?2;

-- name: erasure_has_left
-- Whether an erasure has found something that is not done yet.
select exists (select 1 from erasure_row where erasure = ?1) or exists (select 1 from erasure_order where erasure = ?1)
    or exists (select 1 from erasure_action where erasure = ?1 and stopped = 0);

-- name: select_frozen_of
-- The frozen deliveries of these actions, and the id each is sent under.
select f.delivery, f.event_id from /*each*/ (?) as a
cross join frozen as f on f.delivery between a.value * 256 and a.value * 256 + 255;

-- name: select_erased_ids
-- Digests of all erased ids.
select digest from erased_id;

-- name: count_erasure_rows
-- How many journal rows an erasure still has to do.
select count(*) from erasure_row where erasure = ?;

-- name: last_attempt
-- The newest attempt.
select coalesce(max(id), 0) from attempt;

-- name: last_seal
-- Up to which attempt the log has sealed.
select json_extract(facts, '$.last') from audit where kind = 'shared' order by id desc limit 1;

-- name: last_seal @postgres
-- Up to which attempt the log has sealed.
select (facts::json ->> 'last')::bigint from audit where kind = 'shared' order by id desc limit 1;

-- name: select_shared
-- What attempts of a range say, for their seal.
select a.id, a.delivery, a.started_at, a.ended_at, a.outcome, coalesce(a.status, 0), a.code, a.decision,
       coalesce(f.keys, ''), coalesce(f.consent, ''), coalesce(f.stitched, ''), coalesce(f.marks, '')
from attempt as a left join frozen as f on f.delivery = a.delivery where a.id between ? and ? order by a.id;

-- name: select_audit
-- The whole log.
select id, at, kind, facts, chain from audit order by id;

-- name: select_progress
-- How far one kind of retention has come.
select value from progress where name = ?;

-- name: list_shared
-- Where an action went, with what it was made of.
select a.id, a.dataset, a.event_name, coalesce(f.event_id, a.event_id), a.order_id, t.name, d.id, d.state,
       d.reason, f.keys, f.consent, f.stitched, f.marks, f.event_time, length(f.payload)
from action as a join delivery as d on d.id between a.id * 256 and a.id * 256 + 255
join destination as t on t.id = d.destination left join frozen as f on f.delivery = d.id where a.id = ? order by d.id;

-- name: list_attempts
-- What was tried for a delivery, oldest first.
select started_at, ended_at, outcome, status, code, decision from attempt where delivery = ? order by id;

-- name: actions_of_rows
-- The action of each of these journal rows.
select position, action from event where position in /*ids*/ (?);

-- name: oldest_refused
-- The oldest refused rows.
select id, received_at from refused order by id limit ?;

-- name: last_sealed_at
-- When the log last sealed what was shared.
select coalesce(max(at), 0) from audit where kind = 'shared';

-- name: newest_of_attempts
-- When the last of a range of attempts ended.
select max(ended_at) from attempt where id between ? and ?;

-- name: put_word_index
-- The words of a block of rows, all of them or made again.
insert into word_index (block, entries, checksum) values (?, ?, ?)
on conflict (block) do update set entries = excluded.entries, checksum = excluded.checksum;

-- name: select_word_index
-- The words of a block of rows.
select entries, checksum from word_index where block = ?;

-- name: last_word_index
-- The last block of a strand's rows whose words are there.
select max(block) from word_index where block >= ?1 and block < ?2;

-- name: bodies_between
-- Bodies of rows after one position up to another.
select plain_body(body) from event where position > ? and position <= ? order by position;

-- name: mark_stale_parts
-- Parts whose rows were changed; what somebody waits for stays urgent.
insert into word_index_stale (part, because) values /*rows*/ (?, ?)
on conflict (part) do update set because = greatest(word_index_stale.because, excluded.because);

-- name: stale_parts
-- Some parts of a strand's blocks before one that have to be made again, those that somebody waits for first.
select part from word_index_stale where part >= ?1 and part < ?2 and because >= ?3 order by because desc, part limit ?4;

-- name: stale_parts_of
-- The stale parts of one block.
select part from word_index_stale where part between ?1 * 16 and ?1 * 16 + 15;

-- name: drop_stale_parts
-- These were made again.
delete from word_index_stale where part in /*ids*/ (?);
