-- Every statement of the store, named and described. `/*rows*/ (...)` is repeated for each row of a batch, so
-- that a batch is one step of the engine however many events it holds.

-- name: begin
-- Takes the write lock at once.
begin immediate;

-- name: begin @postgres
-- Statements see what others have committed before each of them: what may not change meanwhile is held by its row.
begin isolation level read committed;

-- name: commit
-- Durable when it returns: synchronous is FULL.
commit;

-- name: rollback
-- Nothing of the transaction is kept.
rollback;

-- name: select_last_row
-- Where a strand of the journal stands: its last position, and the chain value there.
select position, chain from event where position > ?1 and position < ?2 order by position desc limit 1;

-- name: insert_events
-- Journals a batch of copies.
insert into event (position, received_at, dataset, event_name, event_id, event_time, channel, sender, tier,
                   verdict, action, late, body, chain, salt)
values /*rows*/ (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?);

-- name: insert_actions
-- Actions that a batch begins.
insert into action (id, dataset, event_name, event_id, fold_key, event_time, created_at, due_at, sealed_at, copies,
                    late_copies, tier, channels, consent, value, currency, order_id, goods, destinations_at_accept,
                    merged_into)
values /*rows*/ (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?);

-- name: replace_actions
-- Actions that later copies changed; whole rows, as read in the same transaction.
insert into action (id, dataset, event_name, event_id, fold_key, event_time, created_at, due_at, sealed_at,
                    copies, late_copies, tier, channels, consent, value, currency, order_id, goods,
                    destinations_at_accept, merged_into)
values /*rows*/ (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
on conflict (id) do update set dataset = excluded.dataset, event_name = excluded.event_name,
    event_id = excluded.event_id, fold_key = excluded.fold_key, event_time = excluded.event_time,
    created_at = excluded.created_at, due_at = excluded.due_at, sealed_at = excluded.sealed_at,
    copies = excluded.copies, late_copies = excluded.late_copies, tier = excluded.tier, channels = excluded.channels,
    consent = excluded.consent, value = excluded.value, currency = excluded.currency, order_id = excluded.order_id,
    goods = excluded.goods, destinations_at_accept = excluded.destinations_at_accept,
    merged_into = excluded.merged_into;

-- name: insert_copies
-- Copies beyond an action's first.
insert into copy (action, position) values /*rows*/ (?, ?)
on conflict do nothing;

-- name: copy_copies
-- The copies of an action that was merged become copies of the one it was merged into.
insert into copy (action, position)
select ?1, ?2 union all select ?1, position from copy where action = ?2
on conflict do nothing;

-- name: select_actions
-- Known actions by id, whole rows.
select id, dataset, event_name, event_id, fold_key, event_time, created_at, due_at, sealed_at, copies, late_copies,
       tier, channels, consent, value, currency, order_id, goods, destinations_at_accept, merged_into
from action where id in /*ids*/ (?);

-- name: select_actions @postgres
-- The same, for a writer among several: nobody else writes them before this transaction's end.
select id, dataset, event_name, event_id, fold_key, event_time, created_at, due_at, sealed_at, copies, late_copies,
       tier, channels, consent, value, currency, order_id, goods, destinations_at_accept, merged_into
from action where id in /*ids*/ (?) order by id for no key update;

-- name: insert_deliveries
-- Deliveries of new actions one by one, each with its own time: where destinations have holds of their own.
insert into delivery (id, destination, state, reason, due_at, lease_token, attempts)
values /*rows*/ (?, ?, ?, ?, ?, 0, 0);

-- name: enqueue_actions
-- One delivery for each of these new actions and each of these destinations, due when the action's hold is over.
insert into delivery (id, destination, state, reason, due_at, lease_token, attempts)
select a.id * 256 + d.value, d.value, 'waiting', '', a.due_at, 0, 0
from /*each*/ (?1) as n join action as a on a.id = n.value cross join /*each*/ (?2) as d;

-- name: enqueue_unlisted
-- The same for several destinations: none is listed as due yet, and the row of ?3, one of them, stands for all of its action. A place
-- in the list of each destination costs an accept more than its row, and a page of the disk.
insert into delivery (id, destination, state, reason, due_at, lease_token, attempts, unlisted)
select a.id * 256 + d.value, d.value, 'waiting', '', a.due_at, 0, 0, case when d.value = ?3 then 1 else 0 end
from /*each*/ (?1) as n join action as a on a.id = n.value cross join /*each*/ (?2) as d;

-- name: unlisted_due
-- Actions of which nothing is listed as due yet though it is, the longest due first.
select id / 256 from delivery where unlisted = 1 and due_at <= ?1 order by due_at, id limit ?2;

-- name: list_as_due
-- Deliveries of the actions from ?1 to ?2 that are due and not listed are put into the list of what is due.
update delivery set unlisted = null
where id between ?1 * 256 and ?2 * 256 + 255 and unlisted is not null and due_at <= ?3;

-- name: release_deliveries
-- The hold of these actions ended early: a richer copy has come. Only what was never claimed.
update delivery set due_at = least(due_at, ?1)
where state = 'waiting' and lease_token = 0 and id in (
    select a.value * 256 + d.id from /*each*/ (?2) as a cross join destination as d);

-- name: suppress_merged
-- An unsent action that was merged into another is not sent itself.
update delivery set state = 'suppressed', reason = 'merged', settled_at = ?1, leased_until = null, digest = null
where state = 'waiting' and id between ?2 * 256 and ?2 * 256 + 255;

-- name: raise_counters
-- Adds to a counter.
insert into counter (name, value) values /*rows*/ (?, ?)
on conflict (name) do update set value = counter.value + excluded.value;

-- name: select_told
-- One counter.
select value from counter where name = ?;

-- name: insert_refused
-- Keeps refused copies and bodies with their reasons.
insert into refused (received_at, door, dataset, event_name, event_id, reason, batch_index, path, expected, got, size,
                     body, trace)
values /*rows*/ (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?);

-- name: keep_trace
-- An answer of which the log has a line.
insert into trace (trace, at, entry, outcome, status, requests, position, events) values (?, ?, ?, ?, ?, ?, ?, ?);

-- name: trim_traces
-- Keeps the newest of them only.
delete from trace where id <= (select max(id) from trace) - ?;

-- name: trim_refused
-- Keeps the newest refused rows only.
delete from refused where id <= (select max(id) from refused) - ?;

-- name: select_due
-- Waiting deliveries of one destination that are due, oldest due first, and those whose lease is over: whoever had it may have
-- sent and gone, no later than its end.
select d.id, d.attempts, d.first_attempt_at, d.unsure_since, d.id / 256, coalesce(a.dataset, ''), a.event_name,
       a.created_at, a.consent,
       case when a.sealed_at is not null then a.event_id end,
       exists (select 1 from released as r where r.delivery = d.id),
       f.event_id, f.event_time, f.action_source, f.test_event_code, f.payload, f.digest,
       a.event_id, a.value, a.currency, a.order_id
from (select * from (select id, attempts, first_attempt_at, unsure_since, due_at from delivery
                     where destination = ?1 and state = 'waiting' and leased_until is null and unlisted is null and due_at <= ?2
                     order by due_at, id limit ?3) as w
      union all
      select * from (select id, attempts, first_attempt_at, coalesce(unsure_since, leased_until), leased_until from delivery
                     where destination = ?1 and leased_until is not null and leased_until <= ?2
                     order by leased_until, id limit ?3) as l
      order by 5, 1 limit ?3) as d
left join action as a on a.id = d.id / 256 left join frozen as f on f.delivery = d.id
order by d.due_at, d.id;

-- name: hold_due
-- For a writer among several: which deliveries select_due would name, and their actions.
select id, id / 256 from (
    select * from (select id, due_at as at from delivery
                   where destination = ?1 and state = 'waiting' and leased_until is null and due_at <= ?2
                   order by due_at, id limit ?3) as w
    union all
    select * from (select id, leased_until from delivery
                   where destination = ?1 and leased_until is not null and leased_until <= ?2
                   order by leased_until, id limit ?3) as l) as d
order by at, id limit ?3;

-- name: hold_due @postgres
-- For a writer among several: which deliveries select_due would name but for those that somebody else has, and their actions.
select id, id / 256 from (
    select * from (select id, due_at as at from delivery
                   where destination = ?1 and state = 'waiting' and leased_until is null and due_at <= ?2
                   order by due_at, id limit ?3 for no key update skip locked) as w
    union all
    select * from (select id, leased_until from delivery
                   where destination = ?1 and leased_until is not null and leased_until <= ?2
                   order by leased_until, id limit ?3 for no key update skip locked) as l) as d
order by at, id limit ?3;

-- name: hold_actions
-- Of these actions all.
select id from action where id in /*ids*/ (?);

-- name: hold_actions @postgres
-- Of these actions those that nobody else has, until the end of this transaction.
select id from action where id in /*ids*/ (?) order by id for no key update skip locked;

-- name: hold_settled
-- Of these deliveries all.
select id from delivery where id in /*ids*/ (?);

-- name: hold_settled @postgres
-- Of these deliveries those that nobody else has, until the end of this transaction.
select id from delivery where id in /*ids*/ (?) order by id for no key update skip locked;

-- name: select_held
-- The rows of select_due for deliveries that are held.
select d.id, d.attempts, d.first_attempt_at, coalesce(d.unsure_since, d.leased_until), d.id / 256, coalesce(a.dataset, ''), a.event_name,
       a.created_at, a.consent,
       case when a.sealed_at is not null then a.event_id end,
       exists (select 1 from released as r where r.delivery = d.id),
       f.event_id, f.event_time, f.action_source, f.test_event_code, f.payload, f.digest,
       a.event_id, a.value, a.currency, a.order_id
from delivery as d
left join action as a on a.id = d.id / 256 left join frozen as f on f.delivery = d.id
where d.id in /*ids*/ (?1) and d.state = 'waiting' and (d.leased_until is null or d.leased_until <= ?2)
order by d.due_at, d.id;

-- name: hold_delivery
-- Whether a delivery is still there to be claimed.
select id from delivery where id = ?1 and state = 'waiting' and (leased_until is null or leased_until <= ?2);

-- name: hold_delivery @postgres
-- Whether a delivery is still there to be claimed, and nobody else does so before this transaction's end.
select id from delivery where id = ?1 and state = 'waiting' and (leased_until is null or leased_until <= ?2)
for no key update skip locked;

-- name: next_due_id
-- The number of the delivery that select_due names first, and nothing of it that could be unreadable.
select id from (
    select * from (select id, due_at as at from delivery
                   where destination = ?1 and state = 'waiting' and leased_until is null and unlisted is null and due_at <= ?2
                   order by due_at, id limit 1) as w
    union all
    select * from (select id, leased_until from delivery
                   where destination = ?1 and leased_until is not null and leased_until <= ?2
                   order by leased_until, id limit 1) as l) as d
order by at, id limit 1;

-- name: select_copies
-- All copies of the given actions, in the order they came, each with what proves that it is as it was journalled: the
-- action it came for, its verdict, the chain values before and at it, its salt, and the digests of a redacted one.
select e.action, e.position, plain_body(e.body), e.action, e.verdict, b.chain, e.chain, e.salt, r.digest, r.body
from event as e left join event as b on b.position = e.position - 1 left join redaction as r on r.position = e.position
where e.position in /*ids*/ (?1)
union all
select c.action, e.position, plain_body(e.body), e.action, e.verdict, b.chain, e.chain, e.salt, r.digest, r.body
from copy as c join event as e on e.position = c.position left join event as b on b.position = e.position - 1
left join redaction as r on r.position = e.position
where c.action in /*ids*/ (?1)
union all
select c.action, e.position, plain_body(e.body), e.action, e.verdict, b.chain, e.chain, e.salt, r.digest, r.body
from carried_over as c join event as e on e.position = c.position left join event as b on b.position = e.position - 1
left join redaction as r on r.position = e.position
where c.action in /*ids*/ (?1)
order by 2;

-- name: outer_copies
-- Positions of the first and the last copies of an action, so many of each: of its own, and of those that came for another.
select position from (select position from copy where action = ?1 order by position limit ?2) as first_own
union
select position from (select position from copy where action = ?1 order by position desc limit ?2) as last_own
union
select position from (select position from carried_over where action = ?1 order by position limit ?2) as first_carried
union
select position from (select position from carried_over where action = ?1 order by position desc limit ?2) as last_carried
order by 1;

-- name: copies_at
-- The copies at these positions, in the order they came.
select e.position, plain_body(e.body) from event as e where e.position in /*ids*/ (?1) order by 1;

-- name: select_journalled_copies
-- The same for a claim, which reads very many: bodies as they lie on disk, in no order; whoever asks unpacks and sorts.
select e.action, e.position, e.body, e.action, e.verdict, b.chain, e.chain, e.salt, r.digest, r.body
from /*each*/ (?1) as a join event as e on e.position = a.value
left join event as b on b.position = e.position - 1 left join redaction as r on r.position = e.position
union all
select c.action, e.position, e.body, e.action, e.verdict, b.chain, e.chain, e.salt, r.digest, r.body
from /*each*/ (?1) as a join copy as c on c.action = a.value join event as e on e.position = c.position
left join event as b on b.position = e.position - 1 left join redaction as r on r.position = e.position
union all
select c.action, e.position, e.body, e.action, e.verdict, b.chain, e.chain, e.salt, r.digest, r.body
from /*each*/ (?1) as a join carried_over as c on c.action = a.value join event as e on e.position = c.position
left join event as b on b.position = e.position - 1 left join redaction as r on r.position = e.position;

-- name: insert_frozen
-- Fixes the bytes of a delivery; the first ones win.
insert into frozen (delivery, event_id, event_time, action_source, test_event_code, payload, keys, consent,
                              marks, stitched, digest)
values /*rows*/ (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
on conflict do nothing;

-- name: hold_deliveries
-- Not yet: looked at again at the given time, or when there is news. A person's word that let it through stays.
update delivery set due_at = v.column2, leased_until = null, unsure_since = coalesce(unsure_since, leased_until),
                    reason = case when delivery.reason = 'released' then delivery.reason else v.column3 end
from (values /*rows: bigint bigint text*/ (?, ?, ?)) as v where delivery.id = v.column1 and delivery.state = 'waiting';

-- name: seal_actions
-- From here on, further copies of these actions are late.
update action set sealed_at = ?1 where sealed_at is null and id in /*ids*/ (?2);

-- name: fix_actions
-- What an action is sent as, once its copies are united: id, money, order. Before it is sealed.
update action set event_id = v.column2, value = v.column3, currency = v.column4, order_id = v.column5
from (values /*rows: bigint text text text text*/ (?, ?, ?, ?, ?)) as v where action.id = v.column1 and action.sealed_at is null;

-- name: lease_deliveries
-- Hands deliveries to one worker until the given time; of those whose lease is over, what became of the request nobody knows.
update delivery set leased_until = ?1, lease_token = ?2, first_attempt_at = coalesce(first_attempt_at, ?3),
       unsure_since = coalesce(unsure_since, leased_until)
where state = 'waiting' and id in /*ids*/ (?4);

-- name: close_deliveries
-- Deliveries that are settled without an attempt: state, reason, time. Of those whose lease is over, one may have arrived.
update delivery set state = v.column2, reason = v.column3, settled_at = v.column4, leased_until = null,
       unsure_since = coalesce(unsure_since, leased_until), digest = v.column5
from (values /*rows: bigint text text bigint bytea*/ (?, ?, ?, ?, ?)) as v where delivery.id = v.column1 and delivery.state = 'waiting';

-- name: settle_deliveries
-- What became of claimed deliveries; ignored when the lease is no longer the settler's. One that was given up by the next claim while
-- its request was still on its way, as of a process that stood still for longer than a lease, was delivered all the same. Whoever
-- knows what became of all its requests says so by no time.
update delivery set state = v.column3, reason = v.column4, due_at = coalesce(v.column5, due_at),
       attempts = attempts + v.column6, settled_at = v.column7,
       unsure_since = case when v.column8 is not null then coalesce(unsure_since, v.column8) end,
       leased_until = null, digest = v.column9
from (values /*rows: bigint bigint text text bigint bigint bigint bigint bytea*/ (?, ?, ?, ?, ?, ?, ?, ?, ?)) as v
where delivery.id = v.column1 and delivery.lease_token = v.column2
  and (delivery.leased_until is not null or (v.column3 = 'delivered' and delivery.state in ('suppressed', 'dead')));

-- name: insert_attempts
-- What was tried, and what came back.
insert into attempt (delivery, started_at, ended_at, outcome, status, code, decision, note, digest)
values /*rows*/ (?, ?, ?, ?, ?, ?, ?, ?, ?);

-- name: attempts_of
-- Which attempts of these deliveries are written down: of a settlement that nobody answered they may be.
select delivery, started_at, ended_at, outcome from attempt where delivery in /*ids*/ (?1);

-- name: select_unanswered
-- Of one destination what was taken since a time, and of which the platform has not told yet what became of it, in a stretch of ids.
select a.delivery, a.started_at, a.note from attempt as a
where a.id > ?3 and a.id <= ?4 and a.started_at >= ?2 and a.delivery % 256 = ?1 and a.outcome = 'accepted' and a.note like 'later %'
  and not exists (select 1 from attempt as t where t.delivery = a.delivery and t.outcome = 'told');

-- name: next_due
-- When the earliest waiting delivery of a destination is due; what is not listed yet is any destination's.
select min(at) from (
    select min(due_at) as at from delivery
    where destination = ?1 and state = 'waiting' and leased_until is null and unlisted is null
    union all select min(due_at) from delivery where unlisted = 1
    union all select min(leased_until) from delivery where destination = ?1 and leased_until is not null) as d;

-- name: next_due @postgres
-- When the earliest waiting delivery of a destination is due.
select min(at) from (
    select min(due_at) as at from delivery where destination = ?1 and state = 'waiting' and leased_until is null
    union all select min(leased_until) from delivery where destination = ?1 and leased_until is not null) as d;

-- name: count_waiting
-- Of each destination how many wait, and whether it is paused: counted in the lists of what is due, what is not listed yet, and what
-- is leased.
select t.name, t.paused_for is not null,
       (select count(*) from delivery
        where destination = t.id and state = 'waiting' and leased_until is null and unlisted is null) +
       (select count(*) from delivery where destination = t.id and leased_until is not null) +
       (select count(*) from delivery as f join delivery as d on d.id = f.id - f.destination + t.id
        where f.unlisted = 1 and d.unlisted is not null and d.state = 'waiting')
from destination as t;

-- name: count_waiting @postgres
-- Of each destination how many wait, and whether it is paused: counted in the indexes of what is due and what is leased.
select t.name, t.paused_for is not null,
       (select count(*) from delivery where destination = t.id and state = 'waiting' and leased_until is null) +
       (select count(*) from delivery where destination = t.id and leased_until is not null)
from destination as t;

-- name: oldest_due
-- When the longest overdue delivery of a destination that is not paused was due.
select min(at) from (
    select min(d.due_at) as at from destination as t join delivery as d on d.destination = t.id
    and d.state = 'waiting' and d.leased_until is null and d.unlisted is null where t.paused_for is null
    union all
    select * from (
        select f.due_at from delivery as f cross join destination as t join delivery as d on d.id = f.id - f.destination + t.id
        where f.unlisted = 1 and d.unlisted is not null and d.state = 'waiting' and t.paused_for is null
        order by f.due_at limit 1) as u
    union all
    select min(d.leased_until) from destination as t join delivery as d on d.destination = t.id
    and d.leased_until is not null where t.paused_for is null) as d;

-- name: oldest_due @postgres
-- When the longest overdue delivery of a destination that is not paused was due.
select min(at) from (
    select min(d.due_at) as at from destination as t join delivery as d on d.destination = t.id
    and d.state = 'waiting' and d.leased_until is null where t.paused_for is null
    union all
    select min(d.leased_until) from destination as t join delivery as d on d.destination = t.id
    and d.leased_until is not null where t.paused_for is null) as d;

-- name: pause_destination
-- Pauses a destination with its reason, or ends the pause with nulls. The first time is kept while it lasts.
update destination set paused_at = case when cast(?2 as text) is null then null else coalesce(paused_at, ?4) end,
       paused_for = ?2, paused_until = ?3 where id = ?1;

-- name: void_leases
-- At start: whoever held one of these leases is gone, whatever its end says, and may have sent before it went: no later than now,
-- nor than its end.
update delivery set due_at = ?1, leased_until = null, unsure_since = coalesce(unsure_since, least(?1, leased_until))
where leased_until is not null and lease_token >= ?2 and lease_token < ?3;

-- name: free_claimed
-- What a claim took whose commit nobody answered, if it arrived: nobody has these, and nothing was sent under that lease.
update delivery set due_at = ?1, leased_until = null
where id in /*ids*/ (?3) and lease_token = ?2 and leased_until is not null;

-- name: revive_all
-- Dead deliveries wait again, with their frozen bytes; nobody holds a lease on them. Whoever says so takes it upon himself that one may
-- have arrived.
update delivery set state = 'waiting', reason = 'revived', due_at = ?1, settled_at = null, leased_until = null, unsure_since = null
where state = 'dead' and id in /*ids*/ (?2)
  and not exists (select 1 from frozen as f where f.delivery = delivery.id and length(f.payload) = 0);

-- name: select_meta
-- One of the store's own facts: the lease generation, keys of digests.
select value from meta where name = ?;

-- name: put_meta
-- Sets one of them.
insert into meta (name, value) values (?1, ?2) on conflict (name) do update set value = excluded.value;

-- name: select_destinations
-- All destinations ever configured.
select id, name from destination;

-- name: insert_destination
-- A destination that is configured for the first time, unless another process has just made it known.
insert into destination (id, name) values (?, ?) on conflict do nothing;

-- name: select_pauses
-- Which destinations are paused, why and until when.
select name, paused_for, paused_until from destination where paused_for is not null;

-- name: last_refused
-- The newest refused row, or the given number.
select coalesce(max(id), ?1) from refused;

-- name: last_received
-- When the last event of a strand came, by the clock of then.
select received_at from event where position > ?1 and position < ?2 order by position desc limit 1;

-- name: shift_created
-- The time moved from ?1 to ?2: actions that still wait and are stamped later than now wait from now on.
update action set created_at = ?2
where created_at > ?2 and id in (select id / 256 from delivery where state = 'waiting' and due_at > ?2);

-- name: shift_deliveries
-- The time moved from ?1 to ?2: what was to wait goes on waiting for as long, and nothing waits for a time that was wrong.
-- What was tried since ?3 was tried as long ago as it was.
update delivery set due_at = greatest(?2, due_at + ?2 - ?1),
       leased_until = greatest(?2, leased_until + ?2 - ?1),
       unsure_since = case when unsure_since between ?3 and ?1 then least(?2, unsure_since + ?2 - ?1)
                           when unsure_since > ?2 then ?2 else unsure_since end
where state = 'waiting'
  and (greatest(due_at, coalesce(leased_until, due_at)) > least(?1, ?2) or unsure_since between ?3 and ?1);

-- name: shift_pauses
-- The same for destinations that are paused.
update destination set paused_until = greatest(?2, paused_until + ?2 - ?1)
where paused_until > least(?1, ?2);

-- name: replan_created
-- Actions that wait longer than anything waits, and are stamped later than now, wait from now (?1) on.
update action set created_at = ?1
where created_at > ?1 and id in (
    select id / 256 from delivery where state = 'waiting' and leased_until is null
    and due_at > ?1 + case when lease_token = 0 and reason = '' then ?3 else ?2 end);

-- name: replan_deliveries
-- Nothing waits longer than ?2, and nothing that was never looked at longer than the longest hold (?3): what does was
-- planned by a clock that was wrong, and is looked at now (?1).
update delivery set due_at = ?1
where id in (select id from delivery where state = 'waiting' and leased_until is null
             and due_at > ?1 + case when lease_token = 0 and reason = '' then ?3 else ?2 end);

-- name: replan_pauses
-- The same for destinations that are paused.
update destination set paused_until = ?1 where paused_until > ?1 + ?2;

-- name: select_frozen_unproved
-- Waiting deliveries whose bytes were frozen before there were digests.
select f.delivery, f.event_id, f.event_time, f.action_source, f.test_event_code, f.payload
from delivery as d join frozen as f on f.delivery = d.id where d.state = 'waiting' and f.digest is null;

-- name: prove_frozen
-- From here on these bytes are held against a digest.
update frozen set digest = v.column2 from (values /*rows: bigint bytea*/ (?, ?)) as v where frozen.delivery = v.column1;
