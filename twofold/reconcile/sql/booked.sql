-- What happened in a period, whatever the day of the orders: what stood at its end less what stood before it.

-- name: booked_lives
-- Orders that had a life at the end of a period: what was placed, confirmed and shipped in it, what is to be had at both ends.
-- asks: before bigint, last bigint, by text, dataset text
-- answers: grp text, orders bigint, placed bigint, placed_total decimal(28,12), confirmed bigint, confirmed_total decimal(28,12), shipped bigint, shipped_total decimal(28,12), delivered bigint, delivered_total decimal(28,12), collected bigint, collected_total decimal(28,12), banked bigint, banked_total decimal(28,12), opened bigint, opening decimal(28,12), closed bigint, closing decimal(28,12)
with told as (
    select case $by when 'channel' then l.channel when 'method' then l.method when 'source' then l.source
                    when 'sale' then l.sale when 'currency' then l.currency else '' end as grp,
           case when l.from_at <= $last and l.until_at > $last then 1 else 0 end as at_end,
           case when l.from_at <= $before and l.until_at > $before then 1 else 0 end as at_start,
           case when l.placed_at > $before then 1 else 0 end as is_new,
           case when l.confirmed_at > $before and l.confirmed_at <= $last then 1 else 0 end as is_confirmed,
           case when l.shipped_at > $before and l.shipped_at <= $last then 1 else 0 end as is_shipped,
           case when l.is_delivered then 1 else 0 end as is_delivered,
           case when l.is_collected then 1 else 0 end as is_collected,
           case when l.is_banked then 1 else 0 end as is_banked,
           case when l.receivable <> 0 then 1 else 0 end as is_due,
           l.total, l.delivered, l.collected, l.banked, l.receivable
    from lives as l
    where ((l.from_at <= $last and l.until_at > $last) or (l.from_at <= $before and l.until_at > $before))
      and ($dataset = '' or l.dataset = $dataset)
      and not exists (select 1 from unrated_lives as u where u.order_row = l.order_row
                      and ((u.from_at <= $last and u.until_at > $last) or (u.from_at <= $before and u.until_at > $before)))
)
select t.grp, sum(t.at_end) as orders,
       sum(t.at_end * t.is_new) as placed, sum(case when t.at_end * t.is_new = 1 then t.total else 0 end) as placed_total,
       sum(t.at_end * t.is_confirmed) as confirmed,
       sum(case when t.at_end * t.is_confirmed = 1 then t.total else 0 end) as confirmed_total,
       sum(t.at_end * t.is_shipped) as shipped,
       sum(case when t.at_end * t.is_shipped = 1 then t.total else 0 end) as shipped_total,
       sum((t.at_end - t.at_start) * t.is_delivered) as delivered,
       sum(case when t.at_end = 1 then t.delivered else 0 end) - sum(case when t.at_start = 1 then t.delivered else 0 end) as delivered_total,
       sum((t.at_end - t.at_start) * t.is_collected) as collected,
       sum(case when t.at_end = 1 then t.collected else 0 end) - sum(case when t.at_start = 1 then t.collected else 0 end) as collected_total,
       sum((t.at_end - t.at_start) * t.is_banked) as banked,
       sum(case when t.at_end = 1 then t.banked else 0 end) - sum(case when t.at_start = 1 then t.banked else 0 end) as banked_total,
       sum(t.at_start * t.is_due) as opened, sum(case when t.at_start = 1 then t.receivable else 0 end) as opening,
       sum(t.at_end * t.is_due) as closed, sum(case when t.at_end = 1 then t.receivable else 0 end) as closing
from told as t
group by t.grp
order by t.grp

-- name: booked_changes
-- How many orders brought more or less of what arrived and of what stands on the bank than before, by group.
-- asks: before bigint, last bigint, by text, dataset text
-- answers: grp text, delivered bigint, banked bigint
with told as (
    select case $by when 'channel' then l.channel when 'method' then l.method when 'source' then l.source
                    when 'sale' then l.sale when 'currency' then l.currency else '' end as grp,
           l.order_row,
           sum(case when l.from_at <= $last and l.until_at > $last then l.delivered else -l.delivered end) as delivered,
           sum(case when l.from_at <= $last and l.until_at > $last then l.banked else -l.banked end) as banked
    from lives as l
    where (l.from_at <= $last and l.until_at > $last) <> (l.from_at <= $before and l.until_at > $before)
      and ($dataset = '' or l.dataset = $dataset)
      and not exists (select 1 from unrated_lives as u where u.order_row = l.order_row
                      and ((u.from_at <= $last and u.until_at > $last) or (u.from_at <= $before and u.until_at > $before)))
    group by 1, l.order_row
)
select t.grp, sum(case when t.delivered <> 0 then 1 else 0 end) as delivered,
       sum(case when t.banked <> 0 then 1 else 0 end) as banked
from told as t
group by t.grp
order by t.grp

-- name: booked_terms
-- What changed of the reasons for which orders, and lines that are no order's, are less: by group, with how many it concerns.
-- asks: before bigint, last bigint, by text, dataset text
-- answers: grp text, is_line boolean, bridge text, reason text, concerned bigint, amount decimal(28,12)
with told as (
    select case $by when 'channel' then t.channel when 'method' then t.method when 'source' then t.source
                    when 'sale' then t.sale when 'currency' then t.currency else '' end as grp,
           t.order_row, t.bridge, t.reason,
           sum(case when t.from_at <= $last and t.until_at > $last then t.amount else -t.amount end) as amount
    from life_terms as t
    where (t.from_at <= $last and t.until_at > $last) <> (t.from_at <= $before and t.until_at > $before)
      and t.bridge in ('delivered', 'collected', 'banked', 'link') and t.amount <> 0
      and ($dataset = '' or t.dataset = $dataset or t.dataset = '')
      and not exists (select 1 from unrated_lives as u where u.order_row = t.order_row
                      and ((u.from_at <= $last and u.until_at > $last) or (u.from_at <= $before and u.until_at > $before)))
    group by 1, t.order_row, t.bridge, t.reason
)
select t.grp, t.order_row < 0 as is_line, t.bridge, t.reason, count(*) as concerned, sum(t.amount) as amount
from told as t
where t.amount <> 0
group by t.grp, t.order_row < 0, t.bridge, t.reason
order by t.grp, is_line, t.bridge, t.reason

-- name: booked_lines
-- Lines that are no order's, up to the end of a period: how many, and what they had still to bring at both ends.
-- asks: before bigint, last bigint
-- answers: lines bigint, opening decimal(28,12), closing decimal(28,12)
with told as (
    select case when t.bridge = 'line' and t.from_at <= $last then 1 else 0 end as is_line,
           case when t.bridge = 'banked' and t.reason in ('payout_pending', 'in_flight', 'not_arrived', 'batch_open')
                then -t.amount else 0 end as waits,
           case when t.from_at <= $last and t.until_at > $last then 1 else 0 end as at_end,
           case when t.from_at <= $before and t.until_at > $before then 1 else 0 end as at_start
    from life_terms as t
    where t.order_row < 0 and t.bridge in ('line', 'banked')
)
select coalesce(sum(t.is_line), 0) as lines, coalesce(sum(case when t.at_start = 1 then t.waits end), 0) as opening,
       coalesce(sum(case when t.at_end = 1 then t.waits end), 0) as closing
from told as t

-- name: booked_unrated
-- How many orders a missing rate left out, at either end of a period.
-- asks: before bigint, last bigint, dataset text
-- answers: orders bigint
select count(distinct u.order_row) as orders
from unrated_lives as u
where ((u.from_at <= $last and u.until_at > $last) or (u.from_at <= $before and u.until_at > $before))
  and ($dataset = '' or u.dataset = $dataset)
