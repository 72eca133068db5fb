-- What happened in a period, whatever the day of the orders: what stood at its end less what stood before it. Several periods are
-- asked at once: $spans is the last second before each and its last second, as "1:9 1:4 4:9"; the tables are read once for all.

-- part: digits
-- Nought to nine.
select 0 as d union all select 1 as d union all select 2 as d union all select 3 as d union all select 4 as d
union all select 5 as d union all select 6 as d union all select 7 as d union all select 8 as d union all select 9 as d

-- part: spans
-- The periods by their place.
select c.n, cast(nullif(split_part(split_part($spans, ' ', c.n), ':', 1), '') as bigint) as before,
       cast(nullif(split_part(split_part($spans, ' ', c.n), ':', 2), '') as bigint) as last
from (select a.d + 10 * b.d + 100 * e.d + 1 as n from digits as a cross join digits as b cross join digits as e) as c
where c.n <= $many

-- part: left_out
-- Orders that a missing rate leaves out of a period, at either end of it.
select distinct u.order_row, s.n
from unrated_lives as u
join spans as s on (u.from_at <= s.last and u.until_at > s.last) or (u.from_at <= s.before and u.until_at > s.before)
where $dataset = '' or u.dataset = $dataset

-- name: booked_stock
-- What stood before the first period (slot 0), by how much it was more at the end of each period than before it, and what of both is of
-- orders that a missing rate leaves out of the period.
-- asks: spans text, many bigint, first bigint, final bigint, by text, dataset text
-- answers: grp text, slot bigint, what text, orders bigint, delivered bigint, delivered_total decimal(28,12), collected bigint, collected_total decimal(28,12), banked bigint, banked_total decimal(28,12), due bigint, receivable decimal(28,12)
select t.grp, t.slot, t.what, sum(t.sign) as orders, sum(t.sign * t.is_delivered) as delivered,
       sum(case when t.sign = 1 then t.delivered else -t.delivered end) as delivered_total, sum(t.sign * t.is_collected) as collected,
       sum(case when t.sign = 1 then t.collected else -t.collected end) as collected_total, sum(t.sign * t.is_banked) as banked,
       sum(case when t.sign = 1 then t.banked else -t.banked end) as banked_total, sum(t.sign * t.is_due) as due,
       sum(case when t.sign = 1 then t.receivable else -t.receivable end) as receivable
from (
    select case $by when 'channel' then l.channel when 'method' then l.method when 'source' then l.source
                    when 'sale' then l.sale when 'currency' then l.currency else '' end as grp,
           0 as slot, 'stood' as what, 1 as sign,
           case when l.is_delivered then 1 else 0 end as is_delivered, case when l.is_collected then 1 else 0 end as is_collected,
           case when l.is_banked then 1 else 0 end as is_banked, case when l.receivable <> 0 then 1 else 0 end as is_due,
           l.delivered, l.collected, l.banked, l.receivable
    from lives as l
    where l.from_at <= $first and l.until_at > $first and ($dataset = '' or l.dataset = $dataset)
    union all
    select case $by when 'channel' then l.channel when 'method' then l.method when 'source' then l.source
                    when 'sale' then l.sale when 'currency' then l.currency else '' end as grp,
           s.n as slot, 'changed' as what, case when l.from_at <= s.last and l.until_at > s.last then 1 else -1 end as sign,
           case when l.is_delivered then 1 else 0 end as is_delivered, case when l.is_collected then 1 else 0 end as is_collected,
           case when l.is_banked then 1 else 0 end as is_banked, case when l.receivable <> 0 then 1 else 0 end as is_due,
           l.delivered, l.collected, l.banked, l.receivable
    from lives as l
    join spans as s on (l.from_at <= s.last and l.until_at > s.last) <> (l.from_at <= s.before and l.until_at > s.before)
    where ((l.from_at > $first and l.from_at <= $final) or (l.until_at > $first and l.until_at <= $final))
      and ($dataset = '' or l.dataset = $dataset)
    union all
    select case $by when 'channel' then l.channel when 'method' then l.method when 'source' then l.source
                    when 'sale' then l.sale when 'currency' then l.currency else '' end as grp,
           s.n as slot, case when e.is_before then 'left_before' else 'left_out' end as what, case when e.is_before or (l.from_at <= s.last and l.until_at > s.last) then 1 else -1 end as sign,
           case when l.is_delivered then 1 else 0 end as is_delivered, case when l.is_collected then 1 else 0 end as is_collected,
           case when l.is_banked then 1 else 0 end as is_banked, case when l.receivable <> 0 then 1 else 0 end as is_due,
           l.delivered, l.collected, l.banked, l.receivable
    from left_out as o
    join spans as s on s.n = o.n
    join lives as l on l.order_row = o.order_row
    join (select true as is_before union all select false as is_before) as e
      on (e.is_before and l.from_at <= s.before and l.until_at > s.before)
      or (not e.is_before and (l.from_at <= s.last and l.until_at > s.last) <> (l.from_at <= s.before and l.until_at > s.before))
    where $dataset = '' or l.dataset = $dataset
) as t
group by t.grp, t.slot, t.what
order by t.grp, t.slot, t.what

-- name: booked_flows
-- What was placed, confirmed and shipped in each period, of orders that had a life at its end.
-- asks: spans text, many bigint, first bigint, by text, dataset text
-- answers: grp text, slot bigint, placed bigint, placed_total decimal(28,12), confirmed bigint, confirmed_total decimal(28,12), shipped bigint, shipped_total decimal(28,12)
select t.grp, t.slot, sum(t.is_new) as placed, sum(case when t.is_new = 1 then t.total else 0 end) as placed_total,
       sum(t.is_confirmed) as confirmed, sum(case when t.is_confirmed = 1 then t.total else 0 end) as confirmed_total,
       sum(t.is_shipped) as shipped, sum(case when t.is_shipped = 1 then t.total else 0 end) as shipped_total
from (
    select case $by when 'channel' then l.channel when 'method' then l.method when 'source' then l.source
                    when 'sale' then l.sale when 'currency' then l.currency else '' end as grp,
           s.n as slot, l.total,
           case when l.placed_at > s.before then 1 else 0 end as is_new,
           case when l.confirmed_at > s.before and l.confirmed_at <= s.last then 1 else 0 end as is_confirmed,
           case when l.shipped_at > s.before and l.shipped_at <= s.last then 1 else 0 end as is_shipped
    from lives as l
    join spans as s on l.from_at <= s.last and l.until_at > s.last
    where l.until_at > $first and (l.placed_at > $first or l.confirmed_at > $first or l.shipped_at > $first)
      and (l.placed_at > s.before or l.confirmed_at > s.before or l.shipped_at > s.before)
      and ($dataset = '' or l.dataset = $dataset)
      and not exists (select 1 from left_out as o where o.order_row = l.order_row and o.n = s.n)
) as t
group by t.grp, t.slot
order by t.grp, t.slot

-- name: booked_changes
-- How many orders brought more or less of what arrived and of what stands on the bank than before, by group and period.
-- asks: spans text, many bigint, first bigint, final bigint, by text, dataset text
-- answers: grp text, slot bigint, delivered bigint, banked bigint
select t.grp, t.slot, sum(case when t.delivered <> 0 then 1 else 0 end) as delivered,
       sum(case when t.banked <> 0 then 1 else 0 end) as banked
from (
    select h.grp, h.slot, h.order_row, sum(case when h.sign = 1 then h.delivered else -h.delivered end) as delivered,
           sum(case when h.sign = 1 then h.banked else -h.banked end) as banked
    from (
        select case $by when 'channel' then l.channel when 'method' then l.method when 'source' then l.source
                    when 'sale' then l.sale when 'currency' then l.currency else '' end as grp,
               s.n as slot, l.order_row, l.delivered, l.banked, case when l.from_at <= s.last and l.until_at > s.last then 1 else -1 end as sign
        from lives as l
        join spans as s on (l.from_at <= s.last and l.until_at > s.last) <> (l.from_at <= s.before and l.until_at > s.before)
        where ((l.from_at > $first and l.from_at <= $final) or (l.until_at > $first and l.until_at <= $final))
          and ($dataset = '' or l.dataset = $dataset) and not exists (select 1 from left_out as o where o.order_row = l.order_row and o.n = s.n)
    ) as h
    group by h.grp, h.slot, h.order_row
) as t
group by t.grp, t.slot
order by t.grp, t.slot

-- name: booked_terms
-- What changed of the reasons for which orders, and lines that are no order's, are less: by group and period, with how many it concerns.
-- asks: spans text, many bigint, first bigint, final bigint, by text, dataset text
-- answers: grp text, slot bigint, is_line boolean, bridge text, reason text, concerned bigint, amount decimal(28,12)
select t.grp, t.slot, t.order_row < 0 as is_line, t.bridge, t.reason, count(*) as concerned, sum(t.amount) as amount
from (
    select h.grp, h.slot, h.order_row, h.bridge, h.reason, sum(case when h.sign = 1 then h.amount else -h.amount end) as amount
    from (
        select case $by when 'channel' then l.channel when 'method' then l.method when 'source' then l.source
                    when 'sale' then l.sale when 'currency' then l.currency else '' end as grp,
               s.n as slot, l.order_row, l.bridge, l.reason, l.amount, case when l.from_at <= s.last and l.until_at > s.last then 1 else -1 end as sign
        from life_terms as l
        join spans as s on (l.from_at <= s.last and l.until_at > s.last) <> (l.from_at <= s.before and l.until_at > s.before)
        where ((l.from_at > $first and l.from_at <= $final) or (l.until_at > $first and l.until_at <= $final))
          and l.bridge in ('delivered', 'collected', 'banked', 'link') and l.amount <> 0
          and ($dataset = '' or l.dataset = $dataset or l.dataset = '') and not exists (select 1 from left_out as o where o.order_row = l.order_row and o.n = s.n)
    ) as h
    group by h.grp, h.slot, h.order_row, h.bridge, h.reason
) as t
where t.amount <> 0
group by t.grp, t.slot, t.order_row < 0, t.bridge, t.reason
order by t.grp, t.slot, is_line, t.bridge, t.reason

-- name: booked_lines
-- Lines that are no order's, up to the end of each period: how many, and what they had still to bring at both ends.
-- asks: spans text, many bigint
-- answers: slot bigint, lines bigint, opening decimal(28,12), closing decimal(28,12)
select s.n as slot, sum(case when t.bridge = 'line' then 1 else 0 end) as lines,
       sum(case when t.from_at <= s.before and t.until_at > s.before then t.waits else 0 end) as opening,
       sum(case when t.until_at > s.last then t.waits else 0 end) as closing
from spans as s
left join (
    select l.bridge, l.from_at, l.until_at,
           case when l.bridge = 'banked' and l.reason in ('payout_pending', 'in_flight', 'not_arrived', 'batch_open')
                then -l.amount else 0 end as waits
    from life_terms as l
    where l.order_row < 0 and l.bridge in ('line', 'banked')
) as t on t.from_at <= s.last
group by s.n
order by s.n

-- name: booked_unrated
-- How many orders a missing rate left out, at either end of a period.
-- asks: spans text, many bigint, dataset text
-- answers: slot bigint, orders bigint
select o.n as slot, count(*) as orders
from left_out as o
group by o.n
order by o.n
