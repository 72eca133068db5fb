-- Statements about withdrawn consent, and about deliveries that a trusted copy brings back.

-- name: insert_withdrawals
-- Consent is withdrawn for these marks; whatever was granted before no longer counts.
insert into withdrawal (name, withdrawn_at) values /*rows*/ (?, ?)
on conflict (name) do update set withdrawn_at = greatest(excluded.withdrawn_at, withdrawal.withdrawn_at, coalesce(withdrawal.granted_at, 0)),
                                 granted_at = null;

-- name: grant_again
-- Consent is given again; later than the withdrawal by the order of things, whatever the clock says.
update withdrawal set granted_at = greatest(?1, withdrawn_at + 1)
where granted_at is null and name in /*ids*/ (?2);

-- name: select_withdrawals
-- What is known of these marks.
select name, withdrawn_at, granted_at from withdrawal where name in /*ids*/ (?1);

-- name: all_withdrawals
-- What is known of every mark.
select name, withdrawn_at, granted_at from withdrawal;

-- name: put_withdrawals
-- How marks stand by the file beside the database, which knows it later.
insert into withdrawal (name, withdrawn_at, granted_at) values /*rows*/ (?, ?, ?)
on conflict (name) do update set withdrawn_at = excluded.withdrawn_at, granted_at = excluded.granted_at;

-- name: any_withdrawal
-- Whether anybody ever withdrew consent here.
select 1 from withdrawal limit 1;

-- name: purge_withdrawals
-- A grant older than any event that could still be sent.
delete from withdrawal where granted_at < ?1;

-- name: requeue_deliveries
-- A further copy has come for actions that were kept back because only an untrusted one spoke for them, or for what none had said:
-- delivery by delivery, as one platform may have been told what another lacked something for. Not what another action stands for.
update delivery set state = 'waiting', reason = '', due_at = ?1, settled_at = null
where state = 'suppressed' and reason in ('bot', 'value_over_cap', 'currency_not_listed', 'quarantine', 'unconfirmed',
                                               'no_order', 'not_addressed', 'consent_unstated', 'missing_currency', 'missing_order_id',
                                               'missing_source_url', 'missing_value', 'no_client_id', 'no_identifier',
                                               'too_broad', 'unknown_device') and id in (
    select a.value * 256 + d.id from /*each*/ (?2) as a cross join destination as d)
  and not exists (select 1 from frozen as f where f.delivery = delivery.id)
  and not exists (select 1 from superseded as s where s.action = delivery.id / 256);

-- name: requeue_denied
-- A further copy has come for actions that only browsers name: each no is about the browser that said it, and another may tell the order.
update delivery set state = 'waiting', reason = '', due_at = ?1, settled_at = null
where state = 'suppressed' and (reason like 'consent!_denied%' escape '!' or reason = 'consent_withdrawn') and id in (
    select a.value * 256 + d.id from /*each*/ (?2) as a cross join destination as d)
  and not exists (select 1 from frozen as f where f.delivery = delivery.id)
  and not exists (select 1 from superseded as s where s.action = delivery.id / 256);

-- name: requeue_dropped
-- A trusted copy has come for actions whose deliveries a person had dropped.
update delivery set state = 'waiting', reason = '', due_at = ?1, settled_at = null
where state = 'suppressed' and reason = 'dropped_by_hand' and id in (
    select a.value * 256 + d.id from /*each*/ (?2) as a cross join destination as d)
  and not exists (select 1 from frozen as f where f.delivery = delivery.id)
  and not exists (select 1 from superseded as s where s.action = delivery.id / 256);

-- name: let_through
-- A person's word for deliveries that were kept back: they wait, and the gates of trust ask them nothing more. Not for what another
-- action stands for: that one was told.
update delivery set state = 'waiting', reason = 'released', due_at = ?1, settled_at = null
where state = 'suppressed' and reason in ('bot', 'value_over_cap', 'currency_not_listed', 'quarantine', 'unconfirmed',
                                          'dropped_by_hand') and id in /*ids*/ (?2)
  and not exists (select 1 from frozen as f where f.delivery = delivery.id)
  and not exists (select 1 from superseded as s where s.action = delivery.id / 256);

-- name: select_kept_back
-- Which of these deliveries are kept back, nothing was built of them yet, and no other action stands for theirs.
select d.id from /*each*/ (?1) as c cross join delivery as d on d.id = c.value
where d.state = 'suppressed' and d.reason in ('bot', 'value_over_cap', 'currency_not_listed', 'quarantine', 'unconfirmed',
                                              'dropped_by_hand')
  and not exists (select 1 from frozen as f where f.delivery = d.id)
  and not exists (select 1 from superseded as s where s.action = d.id / 256);

-- name: keep_released
-- A person's word for these deliveries.
insert into released (delivery, released_at, digest) values /*rows*/ (?, ?, ?)
on conflict (delivery) do update set released_at = excluded.released_at, digest = excluded.digest;

-- name: select_released
-- Words for the deliveries between two numbers.
select delivery, released_at, digest from released where delivery between ?1 and ?2 order by delivery;

-- name: turn_away
-- A person's word against deliveries that were kept back. Only a trusted copy brings them back after this.
update delivery set reason = 'dropped_by_hand', settled_at = ?1, digest = null
where state = 'suppressed' and reason in ('bot', 'value_over_cap', 'currency_not_listed', 'quarantine', 'unconfirmed')
  and id in /*ids*/ (?2);
