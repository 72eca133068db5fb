-- The chain of a period: what stood at a time of the orders placed on some days, and what happened in a period.

-- name: chain_lives
-- The orders of some days as they stood at a time: how many were where, with their money, by group.
-- asks: since text, until text, as_of bigint, by text, dataset text
-- answers: grp text, cod boolean, station text, confirmed boolean, shipped boolean, is_delivered boolean, is_collected boolean, is_banked boolean, is_final boolean, costed boolean, orders bigint, total decimal(28,12), delivered decimal(28,12), refunds decimal(28,12), due decimal(28,12), taken decimal(28,12), collected decimal(28,12), banked decimal(28,12), at_stake decimal(28,12), net_revenue decimal(28,12), cm1 decimal(28,12), cm2 decimal(28,12), cm3 decimal(28,12)
with told as (
    select case $by when 'day' then l.day when 'week' then l.week when 'month' then l.month when 'channel' then l.channel
                    when 'method' then l.method when 'source' then l.source when 'sale' then l.sale
                    when 'currency' then l.currency else '' end as grp,
           l.method = 'cod' as cod, l.cm3 is not null as costed, l.station, l.confirmed, l.shipped, l.is_delivered, l.is_collected,
           l.is_banked, l.is_final, l.total, l.delivered, l.refunds, l.due, l.taken, l.collected, l.banked, l.at_stake,
           l.net_revenue, l.cm1, l.cm2, l.cm3
    from lives as l
    where l.day between $since and $until and l.from_at <= $as_of and l.until_at > $as_of
      and ($dataset = '' or l.dataset = $dataset)
)
select t.grp, t.cod, t.station, t.confirmed, t.shipped, t.is_delivered, t.is_collected, t.is_banked, t.is_final, t.costed,
       count(*) as orders, sum(t.total) as total, sum(t.delivered) as delivered, sum(t.refunds) as refunds, sum(t.due) as due,
       sum(t.taken) as taken, sum(t.collected) as collected, sum(t.banked) as banked, sum(t.at_stake) as at_stake,
       coalesce(sum(t.net_revenue), 0) as net_revenue, coalesce(sum(t.cm1), 0) as cm1, coalesce(sum(t.cm2), 0) as cm2,
       coalesce(sum(t.cm3), 0) as cm3
from told as t
group by t.grp, t.cod, t.station, t.confirmed, t.shipped, t.is_delivered, t.is_collected, t.is_banked, t.is_final, t.costed
order by t.grp, t.cod, t.station, t.confirmed, t.shipped, t.is_delivered, t.is_collected, t.is_banked, t.is_final, t.costed

-- name: chain_terms
-- What those orders were less and waited for at that time, and lines of those days that are no order's, by group and reason.
-- asks: since text, until text, as_of bigint, by text, dataset text
-- answers: grp text, bridge text, reason text, courier text, days bigint, amount decimal(28,12), orders bigint, concerned bigint, since_first bigint, since_last bigint, expected bigint
with told as (
    select case $by when 'day' then t.day when 'week' then t.week when 'month' then t.month when 'channel' then t.channel
                    when 'method' then t.method when 'source' then t.source when 'sale' then t.sale
                    when 'currency' then t.currency else '' end as grp,
           case when t.reason = 'courier_holds' or t.bridge = 'habit' then t.courier else '' end as courier,
           t.bridge, t.reason, t.days, t.amount, t.orders, t.concerned, t.since_first, t.since_last, t.expected
    from life_terms as t
    where t.day between $since and $until and t.from_at <= $as_of and t.until_at > $as_of
      and ($dataset = '' or t.dataset = $dataset or t.dataset = '')
)
select t.grp, t.bridge, t.reason, t.courier, t.days, sum(t.amount) as amount, sum(t.orders) as orders,
       sum(t.concerned) as concerned, min(t.since_first) as since_first, max(t.since_last) as since_last,
       max(t.expected) as expected
from told as t
group by t.grp, t.bridge, t.reason, t.courier, t.days
order by t.grp, t.bridge, t.reason, t.courier, t.days

-- name: chain_unrated
-- How many orders of some days a missing rate left out at a time.
-- asks: since text, until text, as_of bigint, dataset text
-- answers: orders bigint
select count(*) as orders
from unrated_lives as u
where u.day between $since and $until and u.from_at <= $as_of and u.until_at > $as_of
  and ($dataset = '' or u.dataset = $dataset)

-- name: chain_buyers
-- Who bought on some days: new, returning, unknown; and with which orders somebody was won by a delivery.
-- asks: since text, until text, as_of bigint, history_s bigint, dataset text
-- answers: new_customers bigint, unsure bigint, returning bigint, first_delivered bigint, first_due decimal(28,12), orders_returning bigint, orders_of_unknown bigint
with mine as (
    select l.order_row, l.is_delivered, l.due, b.customer, b.place, b.placed_at, b.unsure
    from lives as l join buyers as b on b.order_row = l.order_row
    where l.day between $since and $until and l.from_at <= $as_of and l.until_at > $as_of
      and ($dataset = '' or l.dataset = $dataset)
), wall as (
    select min(b.placed_at) + $history_s as ends from buyers as b where $dataset = '' or b.dataset = $dataset
), firsts as (
    select b.customer, min(case when b.counts then b.place end) as counted,
           min(case when b.delivered then b.place end) as delivered
    from buyers as b
    where b.customer is not null and ($dataset = '' or b.dataset = $dataset)
    group by b.customer
), told as (
    select m.customer, m.due,
           case when m.customer is null then 'unknown' when f.counted < m.place then 'returning'
                when m.placed_at < w.ends or m.unsure then 'unsure' else 'new' end as kind,
           m.is_delivered and f.delivered is not null and f.delivered = m.place as won
    from mine as m cross join wall as w left join firsts as f on f.customer = m.customer
)
select count(distinct case when t.kind in ('new', 'unsure') then t.customer end) as new_customers,
       coalesce(sum(case when t.kind = 'unsure' then 1 else 0 end), 0) as unsure,
       count(distinct case when t.kind = 'returning' then t.customer end) as returning,
       coalesce(sum(case when t.won then 1 else 0 end), 0) as first_delivered,
       coalesce(sum(case when t.won then t.due end), 0) as first_due,
       coalesce(sum(case when t.kind = 'returning' then 1 else 0 end), 0) as orders_returning,
       coalesce(sum(case when t.kind = 'unknown' then 1 else 0 end), 0) as orders_of_unknown
from told as t

-- name: chain_signals_whole
-- Purchases whose event lies between two times, without those that became part of another, by quarter of an hour.
-- asks: from_s bigint, to_s bigint, dataset text
-- answers: grp text, slot bigint, currency text, purchases bigint, sent bigint, value decimal(28,12)
with taken as (
    select distinct d.action from purchase_deliveries as d where d.state = 'delivered'
)
select '' as grp, p.event_time - p.event_time % 900 as slot, coalesce(p.currency, '') as currency, count(*) as purchases,
       sum(case when t.action is not null then 1 else 0 end) as sent, coalesce(sum(p.value), 0) as value
from purchases as p left join taken as t on t.action = p.action
where p.merged_into is null and p.event_time >= $from_s and p.event_time <= $to_s
  and ($dataset = '' or p.dataset = $dataset)
group by 2, 3
order by slot, currency

-- name: chain_signals
-- Purchases whose event lies between two times, without those that became part of another, by quarter of an hour and group.
-- asks: from_s bigint, to_s bigint, by text, dataset text
-- answers: grp text, slot bigint, currency text, purchases bigint, sent bigint, value decimal(28,12)
with taken as (
    select distinct d.action from purchase_deliveries as d where d.state = 'delivered'
), told as (
    select case when $by in ('', 'day', 'week', 'month') then ''
                when o.order_row is null or ($dataset <> '' and o.dataset <> $dataset) then 'none'
                when $by = 'channel' then case when o.channel = '' then 'none' else o.channel end
                when $by = 'method' then o.method
                when $by = 'source' then case when o.source = '' then 'none' else o.source end
                when $by = 'sale' then o.sale
                else coalesce(o.currency, 'none') end as grp,
           p.event_time - p.event_time % 900 as slot, coalesce(p.currency, '') as currency, p.value,
           t.action is not null as was_sent
    from purchases as p
    left join orders as o on o.order_row = p.order_row
    left join taken as t on t.action = p.action
    where p.merged_into is null and p.event_time >= $from_s and p.event_time <= $to_s
      and ($dataset = '' or p.dataset = $dataset)
)
select t.grp, t.slot, t.currency, count(*) as purchases, sum(case when t.was_sent then 1 else 0 end) as sent,
       coalesce(sum(t.value), 0) as value
from told as t
group by t.grp, t.slot, t.currency
order by t.grp, t.slot, t.currency

-- name: chain_advertising
-- What advertising cost on some days of its accounts, and what its platforms claim by their own setting.
-- asks: since text, until text
-- answers: local_day text, currency text, amount decimal(28,12), claims bigint, claimed decimal(28,12)
select s.local_day, s.currency, sum(s.amount) as amount, count(s.claimed_value) as claims,
       coalesce(sum(s.claimed_value), 0) as claimed
from spend as s
where s.counts and s.local_day between $since and $until
group by s.local_day, s.currency
order by s.local_day, s.currency

-- name: chain_open_batches
-- How many payouts and remittances do not close.
-- answers: batches bigint
select count(*) as batches from settlements as s where not s.closes

-- name: chain_undelivered
-- Orders of some days, to be paid on delivery, that were refused, came back or were lost by a time, with what of them.
-- asks: since text, until text, as_of bigint, dataset text
-- answers: number text, order_row bigint, amount decimal(28,12)
select l.number, l.order_row, -sum(t.amount) as amount
from lives as l join life_terms as t on t.order_row = l.order_row and t.from_at = l.from_at and t.day = l.day
where l.day between $since and $until and l.from_at <= $as_of and l.until_at > $as_of and l.method = 'cod'
  and ($dataset = '' or l.dataset = $dataset)
  and t.bridge = 'delivered' and t.reason in ('refused', 'returned', 'lost')
group by l.number, l.order_row
having sum(t.amount) <> 0
order by l.number, l.order_row

-- part: standing
-- Orders of some days as they stood at a time, of one group where one is asked for.
select l.dataset, l.order_id, l.order_key, l.order_row, l.from_at, l.day, l.placed_at, l.method, l.station, l.courier, l.confirmed,
       l.shipped, l.is_delivered, l.is_collected, l.is_banked, l.total, l.delivered, l.refunds, l.collected, l.banked, l.at_stake
from lives as l
where l.day between $since and $until and l.from_at <= $as_of and l.until_at > $as_of
  and ($dataset = '' or l.dataset = $dataset)
  and ($grp = '' or $grp = case $by when 'day' then l.day when 'week' then l.week when 'month' then l.month
                                    when 'channel' then l.channel when 'method' then l.method when 'source' then l.source
                                    when 'sale' then l.sale when 'currency' then l.currency else '' end)

-- part: reasons
-- What the reason has of each: of goods on the way to their buyer, of money that was not taken, of money that is not on the bank.
select t.order_row, t.from_at, t.day, min(case t.bridge when 'delivered' then 1 when 'collected' then 2 else 3 end) as place
from life_terms as t
where t.reason = $reason and t.concerned > 0 and t.bridge in ('delivered', 'collected', 'banked')
  and t.day between $since and $until and t.from_at <= $as_of and t.until_at > $as_of
group by t.order_row, t.from_at, t.day

-- part: behind
-- Those that a link, a cell of the matrix or a reason has something of, with how much.
select s.dataset, s.order_row, s.order_id, s.order_key, s.placed_at, s.method, s.station, s.courier, s.total,
       case $reason when 'delivered' then s.delivered - s.refunds when 'collected' then s.collected when 'banked' then s.banked
                    else s.total end as amount
from standing as s
where $place = 'link'
  and case $reason when 'placed' then true when 'confirmed' then s.confirmed when 'shipped' then s.shipped
                   when 'delivered' then s.delivered <> 0 or s.refunds <> 0
                   when 'collected' then s.is_collected or s.collected <> 0
                   when 'banked' then s.is_banked or s.banked <> 0 else false end
union all
select s.dataset, s.order_row, s.order_id, s.order_key, s.placed_at, s.method, s.station, s.courier, s.total, s.at_stake as amount
from standing as s
where $place = 'matrix' and s.is_delivered = ($reason like '1%') and s.is_collected = ($reason like '_1')
union all
select s.dataset, s.order_row, s.order_id, s.order_key, s.placed_at, s.method, s.station, s.courier, s.total,
       case when $reason = 'delivered' then s.delivered else s.refunds end as amount
from standing as s
where $place not in ('link', 'matrix')
  and ($reason = 'delivered' and s.delivered <> 0 or $reason = 'refunded' and s.refunds <> 0)
union all
select s.dataset, s.order_row, s.order_id, s.order_key, s.placed_at, s.method, s.station, s.courier, s.total, -t.amount as amount
from standing as s join reasons as r on r.order_row = s.order_row and r.from_at = s.from_at and r.day = s.day
join life_terms as t on t.order_row = r.order_row and t.from_at = r.from_at and t.day = r.day and t.reason = $reason
  and t.concerned > 0 and case t.bridge when 'delivered' then 1 when 'collected' then 2 when 'banked' then 3 else 0 end = r.place
where $place not in ('link', 'matrix') and $reason not in ('delivered', 'refunded')
  and ($reason <> 'cancelled' or s.confirmed = ($place = 'confirmed'))

-- name: term_orders
-- Orders behind a term of the chain, the newest first: some of them, with how many there are and what they add up to;
-- a row without an order where there are no more.
-- asks: since text, until text, as_of bigint, by text, grp text, dataset text, place text, reason text, after bigint, most bigint
-- answers: dataset text, order_id text, number text, placed_at bigint, method text, station text, courier text, total decimal(28,12), amount decimal(28,12), orders bigint, amounts decimal(28,12)
select b.dataset, b.order_id, coalesce(o.number, b.order_id) as number, b.placed_at, b.method, b.station, b.courier, b.total, b.amount, s.orders, s.amounts
from (select count(*) as orders, coalesce(sum(n.amount), 0) as amounts from behind as n) as s
left join (select n.dataset, n.order_row, n.order_id, n.placed_at, n.method, n.station, n.courier, n.total, n.amount,
                  row_number() over (order by n.placed_at desc, n.order_key desc) as nth
           from behind as n) as b on b.nth > $after and b.nth <= $after + $most
left join orders as o on o.order_row = b.order_row
order by b.nth
