-- How the rule models credit orders: which touches of a path count, what part of an order each has, and its money to the minor unit.

-- part: advertised
-- Advertising that counts, at the level that is asked for: by which name and id on which day. A day's name is the one that was told of it
-- first: what a report tells of a past day again carries the name of today, and visits of that day do not.
select distinct a.platform, a.local_day, trim(a.name) as name,
       case when a.id <> '' then a.id when a.account <> '' and trim(a.own) <> '' then a.account || '/' || trim(a.own) else trim(a.own) end as identity
from (
    select w.platform, w.local_day, w.account, w.own, w.id, w.counts,
           first_value(w.own) over (partition by w.line order by case when trim(w.own) = '' then 1 else 0 end, w.fetched_at, w.received_at) as name
    from (
        select s.platform, s.local_day, s.account, s.line, s.fetched_at, s.received_at, s.counts,
               case $by when 'campaign' then s.campaign when 'adset' then s.adset else s.ad end as own,
               case $by when 'campaign' then s.campaign_id when 'adset' then s.adset_id else s.ad_id end as id
        from spend as s
        where $by in ('campaign', 'adset', 'ad') and s.local_day between $first and $last
    ) as w
) as a
where a.counts

-- part: lived
-- The orders of some days as they stood at a time, of one bucket of customers. Where there is one bucket, nobody is asked whose they are.
select l.order_row, l.day, l.method, l.confirmed, l.station, l.cm3, l.is_delivered, l.total, l.due, l.collected, l.banked
from lives as l
where $buckets = 1 and l.day between $since and $until and l.from_at <= $as_of and l.until_at > $as_of and ($dataset = '' or l.dataset = $dataset)
union all
select l.order_row, l.day, l.method, l.confirmed, l.station, l.cm3, l.is_delivered, l.total, l.due, l.collected, l.banked
from lives as l
left join (select b.order_row, b.customer from buyers as b where b.day between $since and $until) as b on b.order_row = l.order_row
where $buckets > 1 and l.day between $since and $until and l.from_at <= $as_of and l.until_at > $as_of and ($dataset = '' or l.dataset = $dataset)
  and coalesce(b.customer, l.order_row) % $buckets = $bucket

-- part: stood
-- The same with their amounts in minor units; for those whose buyer was erased their nameless rows.
-- kept: seven questions of a table read it
select l.order_row, l.day, l.method, l.confirmed, l.station in ('awaits_confirmation', 'not_shipped', 'in_transit') as open,
       l.station in ('delivered', 'returned', 'refused', 'lost') as final, l.station in ('refused', 'returned') as back,
       l.cm3 is not null as costed, l.is_delivered,
       l.total * cast($unit as decimal(6, 0)) as placed,
       l.due * cast($unit as decimal(6, 0)) as delivered,
       case when l.due <= 0 or l.collected <= 0 then cast(0 as decimal(34, 12))
            when l.due < l.collected then l.due * cast($unit as decimal(6, 0)) else l.collected * cast($unit as decimal(6, 0)) end as kept,
       l.banked * cast($unit as decimal(6, 0)) as banked, coalesce(l.cm3, 0) * cast($unit as decimal(6, 0)) as margin
from lived as l
where $by in ('country', 'product') or not exists (select 1 from paths as e where e.order_row = l.order_row and e.reason = 'erased'
                                                   and e.day between $since and $until)
union all
select -1 - n.nameless as order_row, n.day, n.method, n.confirmed > 0 as confirmed, n.open > 0 as open, n.final, n.back,
       n.margin is not null as costed, n.first_delivered as is_delivered,
       n.placed * cast($unit as decimal(6, 0)) as placed, n.delivered * cast($unit as decimal(6, 0)) as delivered,
       n.delivered_collected * cast($unit as decimal(6, 0)) as kept,
       n.banked * cast($unit as decimal(6, 0)) as banked, coalesce(n.margin, 0) * cast($unit as decimal(6, 0)) as margin
from nameless as n
where n.day between $since and $until and ($dataset = '' or n.dataset = $dataset) and $by not in ('country', 'product') and $bucket = 0

-- part: first_orders
-- Of each of their customers the first order that counts and the first that was delivered, of all orders.
select b.customer, min(case when b.counts then b.place end) as counted, min(case when b.delivered then b.place end) as delivered
from buyers as b
join (select distinct b.customer from buyers as b where b.day between $since and $until and b.customer % $buckets = $bucket) as s
  on s.customer = b.customer
where $dataset = '' or b.dataset = $dataset
group by b.customer

-- part: kinds
-- Whose those orders are, whether that is somebody new, and with which of them somebody was won by a delivery.
select s.order_row, b.customer,
       case when n.nameless is not null then n.buyer_kind when b.customer is null then 'unknown' when f.counted < b.place then 'returning'
            when b.unsure or b.placed_at < w.ends then 'new_unsure' else 'new' end as kind,
       case when n.nameless is not null then n.first_delivered else s.is_delivered and f.delivered is not null and f.delivered = b.place end as won
from stood as s
left join nameless as n on s.order_row = -1 - n.nameless
left join (select b.order_row, b.customer, b.place, b.unsure, b.placed_at from buyers as b where b.day between $since and $until) as b
  on b.order_row = s.order_row
left join first_orders as f on f.customer = b.customer
cross join (select min(b.placed_at) + $history_s as ends from buyers as b where $dataset = '' or b.dataset = $dataset) as w

-- part: in_window
-- Touches that may be credited: ours in the window; and what the shop itself says, for orders that have none there.
select p.order_row, s.day, p.place, p.age, p.touch_day, p.paid, p.channel, p.source_of, p.landing_path, p.device,
       p.platform, case when p.platform <> '' then p.platform else p.source_of end as seller,
       case $by when 'campaign' then p.campaign_id when 'adset' then p.adset_id when 'ad' then p.ad_id else '' end as id,
       trim(case $by when 'campaign' then p.campaign when 'adset' then p.term when 'ad' then p.content else '' end) as name,
       case when p.kind = 'shop_says' then 3 when p.channel = 'direct' then 2 else 1 end as turn
from paths as p
join stood as s on s.order_row = p.order_row
where p.day between $since and $until
  and ((p.kind in ('click', 'visit') and p.age <= $window) or (p.kind = 'chat' and p.age <= $chat) or p.kind = 'shop_says')
union all
select -1 - p.nameless as order_row, s.day, p.place, p.age, p.touch_day, p.paid, p.channel, p.source_of, '' as landing_path, 'unknown' as device,
       p.platform, case when p.platform <> '' then p.platform else p.source_of end as seller,
       case $by when 'campaign' then p.campaign_id when 'adset' then p.adset_id when 'ad' then p.ad_id else '' end as id,
       trim(case $by when 'campaign' then p.campaign else '' end) as name,
       case when p.kind = 'shop_says' then 3 when p.channel = 'direct' then 2 else 1 end as turn
from nameless_paths as p
join stood as s on s.order_row = -1 - p.nameless
where p.day between $since and $until
  and ((p.kind in ('click', 'visit') and p.age <= $window) or (p.kind = 'chat' and p.age <= $chat) or p.kind = 'shop_says')

-- part: by_name
-- Names without an id, of paid touches, with the one advert that had the name on the touch's day; if none had, before; else first after.
select c.platform, c.name, c.touch_day,
       case when c.on_low is not null then case when c.on_low = c.on_high then c.on_low end
            when c.before_low is not null then case when c.before_low = c.before_high then c.before_low end
            when c.after_low = c.after_high then c.after_low end as identity
from (
    select w.seller as platform, w.name, w.touch_day,
           min(case when a.local_day = w.touch_day then a.identity end) as on_low,
           max(case when a.local_day = w.touch_day then a.identity end) as on_high,
           min(case when a.local_day < w.touch_day then a.identity end) as before_low,
           max(case when a.local_day < w.touch_day then a.identity end) as before_high,
           min(case when a.local_day = e.earliest then a.identity end) as after_low,
           max(case when a.local_day = e.earliest then a.identity end) as after_high
    from (select distinct t.seller, t.name, t.touch_day from in_window as t where t.paid and t.id = '' and t.name <> '') as w
    join advertised as a on a.platform = w.seller and a.name = w.name and a.identity <> ''
    join (select b.platform, b.name, min(b.local_day) as earliest from advertised as b where b.identity <> '' group by b.platform, b.name) as e
      on e.platform = w.seller and e.name = w.name
    group by w.seller, w.name, w.touch_day
) as c

-- part: grouped
-- The same touches with the row that they are credited to: its key, name, platform, and what is to be said of it.
select t.order_row, t.place, t.age, t.touch_day, t.paid, t.turn,
       case when $by = 'channel' then t.channel
            when $by = 'day' then t.day
            when $by = 'device' then t.device
            when $by = 'landing' then case when t.landing_path = '' then 'none' else t.landing_path end
            when $by = 'source' then
                case when t.paid and t.platform <> '' then 'paid:' || t.platform
                     when t.source_of = '' then 'channel:' || t.channel
                     when t.source_of in ('(small)', 'none') or t.source_of like 'unattributed:%' or t.source_of like 'channel:%'
                          or t.source_of like 'told:%' or t.source_of like 'paid:%' then 'told:' || t.source_of
                     else t.source_of end
            when $by in ('campaign', 'adset', 'ad') then
                case when not t.paid then 'channel:' || t.channel
                     else case when t.who in ('unattributed', 'channel') then '%' else '' end
                          || replace(replace(t.who, '%', '%25'), ':', '%3A') || ':' || t.identity end
            else '' end as grp,
       case when $by = 'source' then case when t.paid and t.platform <> '' then t.platform || ' (paid)' when t.source_of = '' then t.channel else t.source_of end
            when $by not in ('campaign', 'adset', 'ad') then ''
            when not t.paid then t.channel
            when t.identity = '' then t.who || ' without ' || $by
            when t.mark = 2 then t.identity else '' end as name,
       case when $by = 'source' then case when t.paid then t.platform else '' end
            when $by not in ('campaign', 'adset', 'ad') or not t.paid then ''
            when t.identity = '' then t.platform else t.who end as platform,
       case when t.paid and $by in ('campaign', 'adset', 'ad') then t.mark else 0 end as mark
from (
    select w.order_row, w.day, w.place, w.age, w.touch_day, w.paid, w.turn, w.channel, w.device, w.landing_path, w.source_of, w.platform,
           case when w.id = '' and n.identity is null and w.seller = '' then w.channel else w.seller end as who,
           case when w.id <> '' then w.id else coalesce(n.identity, '') end as identity,
           case when w.id <> '' then case when k.identity is null then 2 else 0 end when n.identity is not null then 1 else 3 end as mark
    from in_window as w
    left join by_name as n on n.platform = w.seller and n.name = w.name and n.touch_day = w.touch_day and w.paid and w.id = ''
    left join (select distinct a.platform, a.identity from advertised as a) as k on k.platform = w.seller and k.identity = w.id
) as t

-- part: nobody
-- Orders of which no touch counts, each with its reason.
select s.order_row, 'unattributed:' || coalesce(r.reason, 'no_touch_in_window') as grp
from stood as s
left join (select p.order_row, p.reason from paths as p where p.place = -1 and p.day between $since and $until
           union all select -1 - n.nameless as order_row, n.path_reason as reason from nameless as n
           where n.day between $since and $until and n.path_reason <> '') as r on r.order_row = s.order_row
where not exists (select 1 from in_window as w where w.order_row = s.order_row)

-- part: articles
-- What those orders are made of: articles with their net amounts in ten-thousandths, without gift cards; none is below 0.
select a.order_row, a.grp, a.net, row_number() over (partition by a.order_row order by a.sku) as k, count(*) over o as n, sum(a.net) over o as whole
from (
    select s.order_row, l.sku,
           case when l.sku is null or l.sku in ('', 'none') then case when l.sku = 'none' then 'told:none' else 'none' end
                when l.sku = '(small)' or l.sku like 'unattributed:%' or l.sku like 'channel:%' or l.sku like 'told:%' or l.sku like 'paid:%'
                then 'told:' || l.sku else l.sku end as grp,
           case when coalesce(l.net, 0) > 0 then cast(l.net * 10000 as bigint) else 0 end as net
    from stood as s
    left join (
        select l.order_row, coalesce(l.sku, '') as sku, sum(l.price * l.quantity - coalesce(l.discount, cast(0 as decimal(18, 4)))) as net
        from order_lines as l
        where l.gift_card = false and l.day between $first and $after and l.order_row in (select s.order_row from stood as s)
        group by l.order_row, coalesce(l.sku, '')
    ) as l on l.order_row = s.order_row
) as a
window o as (partition by a.order_row)

-- part: owners
-- What the orders themselves are, where that is asked by: their country or kind, or their articles by their nets.
select s.order_row, case when $by <> 'country' then k.kind when o.country is null or o.country = '' then 'none' else o.country end as grp,
       1 as k, 1 as n, 1 as part
from stood as s
join kinds as k on k.order_row = s.order_row
left join (select o.order_row, o.country from orders as o where o.day between $first and $after) as o on o.order_row = s.order_row
where $models = ',orders,' and $by in ('country', 'new_or_returning')
union all
select i.order_row, i.grp, i.k, i.n, case when i.whole > 0 then i.net else 1 end as part
from articles as i
where $models = ',orders,' and $by = 'product' and (i.whole = 0 or i.net > 0)

-- part: rows_named
-- The rows that a table may have, each with a number: what is dealt is sorted and added up by numbers. Of reasons all that are told of these days.
-- kept: whatever of a table is added up reads it
select g.grp, row_number() over (order by g.grp) as code
from (select t.grp from grouped as t where $models <> ',orders,'
      union select 'unattributed:' || r.reason as grp from paths as r where r.place = -1 and r.day between $since and $until and $models <> ',orders,'
      union select 'unattributed:' || n.path_reason as grp from nameless as n where n.day between $since and $until and $models <> ',orders,'
      union select o.grp from owners as o
      union select 'unattributed:no_touch_in_window' as grp union select 'unattributed:no_paid_touch' as grp) as g

-- part: folded
-- The touches by the number of their row. Repeats of one row are left out where that is asked for: equal neighbours, or all but the first.
-- inside: whether the touch's day is asked for, where that counts and not the order's.
select r.order_row, r.place, r.age, r.paid, r.turn, r.code, r.mark, r.inside
from (
    select g.order_row, g.place, g.age, g.paid, g.turn, n.code, g.mark,
           case when $credit_day <> 'order' then g.touch_day between $credit_since and $credit_until end as inside,
           case when $repeats = 'collapse' then lag(n.code) over (partition by g.order_row, g.turn = 3 order by g.place) end as before,
           case when $repeats = 'unique' then row_number() over (partition by g.order_row, g.turn = 3, n.code order by g.place) end as nth
    from grouped as g
    join rows_named as n on n.grp = g.grp
    where $models <> ',orders,'
) as r
where $repeats = 'all' or r.turn = 3 or ($repeats = 'unique' and r.nth = 1) or ($repeats = 'collapse' and (r.before is null or r.before <> r.code))

-- part: turns
-- Of each order what its touches say together: direct gives way to touches that say more, the shop's word to every touch of ours.
select f.order_row, min(f.turn) as first_turn, cast(sum(case when f.turn = 1 then 1 else 0 end) as bigint) as named,
       cast(sum(case when f.turn = 2 then 1 else 0 end) as bigint) as direct,
       min(case when f.turn = 1 then f.age end) as named_age, min(f.age) as any_age, max(case when f.turn = 1 and f.paid then f.place end) as last_paid,
       max(case when f.turn = 3 then f.place end) as last_said, max(case when f.turn = 3 and f.paid then f.place end) as said_paid
from folded as f
group by f.order_row

-- part: credited
-- The touches that are credited: the k-th of n; older: than the youngest of them, in seconds. Whose order no paid touch has, the last paid credits nobody.
-- Most orders have one: that it is the first is seen without counting.
select f.order_row, f.place, f.code, f.mark, f.inside, f.turn = 3 as by_shop, 1 as k, 0 as older, 1 as n,
       case when f.turn = 1 and f.paid or f.turn = 3 and t.said_paid = t.last_said then f.place end as last_paid
from folded as f
join turns as t on t.order_row = f.order_row and f.turn = t.first_turn and (f.turn < 3 or f.place = t.last_said)
where f.turn = 3 or (f.turn = 1 and t.named = 1) or (f.turn = 2 and t.direct = 1)
union all
select f.order_row, f.place, f.code, f.mark, f.inside, false as by_shop, row_number() over (partition by f.order_row order by f.place) as k,
       f.age - case when f.turn = 1 then t.named_age else t.any_age end as older,
       case f.turn when 1 then t.named else t.direct end as n, case when f.turn = 1 then t.last_paid end as last_paid
from folded as f
join turns as t on t.order_row = f.order_row and f.turn = t.first_turn
where (f.turn = 1 and t.named > 1) or (f.turn = 2 and t.direct > 1)

-- part: models
-- The rule models that are asked for; orders: what is no model's, as it is the order's own.
select m.model
from (
    select 'last' as model union all select 'last_paid' union all select 'first' union all select 'linear' union all select 'position'
    union all select 'time_decay' union all select 'orders'
) as m
where $models like '%,' || m.model || ',%'

-- part: holders
-- Who may have a part of an order: each touch that is credited, the k-th of n, or the row of those that nobody brought; or what the order itself is.
-- Whom the last paid credits is marked: a row of its own, the 0th, where no touch was paid for.
-- part: for time decay, half as much for each half-life that a touch is older than the order's youngest, in whole parts of 10^12.
select c.order_row, c.inside, c.code, c.mark, c.by_shop, c.k, c.n, c.last_paid is not null and c.place = c.last_paid as is_paid,
       case when $models not like '%,time_decay,%' or c.older = 0 then 1000000000000
            else cast(round(power(cast(0.5 as double), cast(c.older as double) / cast($half_life as double)) * 1e12) as bigint) end as part
from credited as c
union all
select c.order_row, null as inside, n.code, 0 as mark, c.by_shop, 0 as k, 0 as n, true as is_paid, 0 as part
from credited as c
join rows_named as n on n.grp = 'unattributed:no_paid_touch'
where $models like '%,last_paid,%' and c.k = 1 and c.last_paid is null
union all
select o.order_row, null as inside, n.code, 0 as mark, false as by_shop, 1 as k, 1 as n, true as is_paid, 1 as part
from nobody as o
join rows_named as n on n.grp = o.grp
where $models <> ',orders,'
union all
select o.order_row, null as inside, n.code, 0 as mark, false as by_shop, o.k, o.n, false as is_paid, o.part
from owners as o
join rows_named as n on n.grp = o.grp

-- part: wholes
-- Each holder with its order, as far as the days are asked for: who takes all of it under which model. Whoever is the only one does under every model.
-- A delivery of less than nothing is none. weighs: whether parts by weight are asked for.
-- kept: sums, values, squares and customers of a table read it
select h.order_row, h.code, h.mark, h.by_shop, h.n > 0 as any_part, h.k = h.n and h.n > 0 as is_last, h.is_paid, h.k = 1 as is_first, h.n = 1 as is_only, h.k,
       s.day, s.method, s.confirmed, s.open, s.final, s.costed, s.placed,
       case when s.delivered > 0 or s.delivered = s.placed then s.delivered else cast(0 as decimal(34, 12)) end as delivered, s.kept, s.banked, s.margin
from holders as h
join stood as s on s.order_row = h.order_row
where coalesce(h.inside, s.day between $credit_since and $credit_until)

-- part: several
-- Holders of orders that more than one has a part of, where a model is asked for that divides them.
select h.order_row, h.inside, h.code, h.mark, h.by_shop, h.k, h.n, h.part
from holders as h
where h.n > 1 and ($models like '%,linear,%' or $models like '%,position,%' or $models like '%,time_decay,%' or $models = ',orders,')

-- part: classes
-- What orders that several share are added up by besides: their day, method of payment and state, each kind of them with a number.
select s.day, s.method, s.confirmed, s.open, s.final, s.costed, row_number() over (order by s.day, s.method, s.confirmed, s.open, s.final, s.costed) as class,
       s.day between $credit_since and $credit_until as inside
from (select distinct s.day, s.method, s.confirmed, s.open, s.final, s.costed from stood as s where s.order_row in (select h.order_row from several as h)) as s

-- part: amounts
-- What of each order that several share is dealt, equal amounts once: whole minor units, what is finer (in parts of 10^12 of one), and whose amount it is, as a
-- sum of 1 placed, 2 delivered, 4 kept, 8 banked, 16 margin, 64 and 128 for these two below nothing; 32 for the order itself, which is one
-- more amount, in so many parts that thirds of it add up to one. inside: whether the order's day is asked for.
select a.order_row, a.class, a.inside, cast(a.down as bigint) as units,
       case when a.down = a.amount then 0 else cast((a.amount - a.down) * 1000000000000 as bigint) end as rest,
       case when a.link = 'orders' then 32
            else case when a.placed = a.amount then 1 else 0 end + case when a.delivered = a.amount then 2 else 0 end
                 + case when a.kept = a.amount then 4 else 0 end
                 + case when abs(a.banked) = a.amount then case when a.banked < 0 then 64 else 8 end else 0 end
                 + case when abs(a.margin) = a.amount then case when a.margin < 0 then 128 else 16 end else 0 end end as whose
from (
    select i.order_row, i.class, i.inside, i.placed, i.delivered, i.kept, i.banked, i.margin, i.link, i.amount, floor(i.amount) as down
    from (
        select s.order_row, c.class, c.inside, s.placed, s.delivered, s.kept, s.banked, s.margin, l.link,
               case l.link when 'placed' then s.placed when 'delivered' then s.delivered when 'kept' then s.kept when 'banked' then abs(s.banked)
                           when 'margin' then abs(s.margin) else cast(1000000000000 as decimal(34, 12)) end as amount
        from stood as s
        join (select distinct h.order_row from several as h) as h on h.order_row = s.order_row
        join classes as c on c.day = s.day and c.method = s.method and c.confirmed = s.confirmed and c.open = s.open and c.final = s.final and c.costed = s.costed
        cross join (select 'placed' as link union all select 'delivered' union all select 'kept' union all select 'banked'
                    union all select 'margin' union all select 'orders') as l
    ) as i
) as a
where a.link in ('orders', 'placed') or (a.amount > 0 and a.amount <> a.placed and (a.link = 'delivered' or (a.amount <> a.delivered
      and (a.link = 'kept' or (a.amount <> a.kept and (a.link = 'banked' or a.amount <> abs(a.banked)))))))

-- part: scales
-- Of each order that several share what the parts of its holders come to, its largest and its first five; few: whether these are all, and none too long
-- for whole numbers of 64 bits. Asked for where parts are not alike.
select h.order_row, cast(sum(h.part) as bigint) as whole, max(h.part) as most,
       max(h.n) <= 5 and max(h.part) <= 1000000000000 and sum(h.part) <= 8000000000000 as few,
       coalesce(max(case when h.k = 1 then h.part end), 0) as part1, coalesce(max(case when h.k = 2 then h.part end), 0) as part2, coalesce(max(case when h.k = 3 then h.part end), 0) as part3, coalesce(max(case when h.k = 4 then h.part end), 0) as part4, coalesce(max(case when h.k = 5 then h.part end), 0) as part5
from several as h
where $models like '%,time_decay,%' or $models = ',orders,'
group by h.order_row

-- part: largest
-- Whose part of its order is the largest: the earliest of equals.
select s.order_row, case s.most when s.part1 then 1 when s.part2 then 2 when s.part3 then 3 when s.part4 then 4 else 5 end as k
from scales as s
where s.few
union all
select h.order_row, min(h.k) as k
from several as h
join scales as s on s.order_row = h.order_row and s.most = h.part
where not s.few
group by h.order_row

-- part: takers
-- Who takes a part of which order, without its amounts; and whose part is the largest under which model.
select w.order_row, w.code, w.is_last, w.is_paid, w.is_first,
       case when w.is_only then $models like '%,time_decay,%' or $models = ',orders,' else coalesce(w.k = l.k, false) end as is_largest
from wholes as w
left join largest as l on l.order_row = w.order_row

-- part: sizes
-- Of each row of advertising how many credits it has.
-- kept: values and squares of a table read it
select s.model, n.grp, s.code, s.credits
from (
    select m.model, t.code, case m.model when 'last' then t.of_last when 'last_paid' then t.of_paid when 'first' then t.of_first else t.of_all end as credits
    from (
        select w.code, sum(case when w.is_last then 1 else 0 end) as of_last, sum(case when w.is_paid then 1 else 0 end) as of_paid,
               sum(case when w.is_first then 1 else 0 end) as of_first, sum(case when w.any_part then 1 else 0 end) as of_all
        from wholes as w
        group by w.code
    ) as t
    cross join models as m
) as s
join rows_named as n on n.code = s.code and n.grp not like 'unattributed:%' and n.grp not like 'channel:%'
where s.credits > 0

-- part: shared
-- Each amount of an order with few holders, and what of it each has by weight: whole minor units rounded down, the units that are left one each to those
-- who are nearest to one more, the earlier of equals first. A product of amount and weight has more digits than whole numbers of 64 bits: it is divided
-- in two steps. Where no weights are asked for: the amounts alone.
select d.order_row, d.class, d.inside, d.units, d.rest, d.whose, d.largest,
       d.down1 + case when d.units - d.down1 - d.down2 - d.down3 - d.down4 - d.down5 > cast(d.near2 > d.near1 as integer) + cast(d.near3 > d.near1 as integer) + cast(d.near4 > d.near1 as integer) + cast(d.near5 > d.near1 as integer) then 1 else 0 end as share1,
       d.down2 + case when d.units - d.down1 - d.down2 - d.down3 - d.down4 - d.down5 > cast(d.near1 >= d.near2 as integer) + cast(d.near3 > d.near2 as integer) + cast(d.near4 > d.near2 as integer) + cast(d.near5 > d.near2 as integer) then 1 else 0 end as share2,
       d.down3 + case when d.units - d.down1 - d.down2 - d.down3 - d.down4 - d.down5 > cast(d.near1 >= d.near3 as integer) + cast(d.near2 >= d.near3 as integer) + cast(d.near4 > d.near3 as integer) + cast(d.near5 > d.near3 as integer) then 1 else 0 end as share3,
       d.down4 + case when d.units - d.down1 - d.down2 - d.down3 - d.down4 - d.down5 > cast(d.near1 >= d.near4 as integer) + cast(d.near2 >= d.near4 as integer) + cast(d.near3 >= d.near4 as integer) + cast(d.near5 > d.near4 as integer) then 1 else 0 end as share4,
       d.down5 + case when d.units - d.down1 - d.down2 - d.down3 - d.down4 - d.down5 > cast(d.near1 >= d.near5 as integer) + cast(d.near2 >= d.near5 as integer) + cast(d.near3 >= d.near5 as integer) + cast(d.near4 >= d.near5 as integer) then 1 else 0 end as share5
from (
    select d.order_row, d.class, d.inside, d.units, d.rest, d.whose, d.largest,
           d.upper1 * 1000000 + d.more1 as down1, d.upper2 * 1000000 + d.more2 as down2, d.upper3 * 1000000 + d.more3 as down3, d.upper4 * 1000000 + d.more4 as down4, d.upper5 * 1000000 + d.more5 as down5,
           d.lower1 - d.more1 * d.whole as near1, d.lower2 - d.more2 * d.whole as near2, d.lower3 - d.more3 * d.whole as near3, d.lower4 - d.more4 * d.whole as near4, d.lower5 - d.more5 * d.whole as near5
    from (
        select d.order_row, d.class, d.inside, d.units, d.rest, d.whose, d.largest, d.whole,
               d.upper1, d.upper2, d.upper3, d.upper4, d.upper5, d.lower1, d.lower2, d.lower3, d.lower4, d.lower5,
               d.lower1 // d.whole as more1, d.lower2 // d.whole as more2, d.lower3 // d.whole as more3, d.lower4 // d.whole as more4, d.lower5 // d.whole as more5
        from (
            select d.order_row, d.class, d.inside, d.units, d.rest, d.whose, d.largest, d.whole, d.upper1, d.upper2, d.upper3, d.upper4, d.upper5,
                   (d.head1 - d.upper1 * d.whole) * 1000000 + d.tail * d.part1 as lower1, (d.head2 - d.upper2 * d.whole) * 1000000 + d.tail * d.part2 as lower2, (d.head3 - d.upper3 * d.whole) * 1000000 + d.tail * d.part3 as lower3, (d.head4 - d.upper4 * d.whole) * 1000000 + d.tail * d.part4 as lower4, (d.head5 - d.upper5 * d.whole) * 1000000 + d.tail * d.part5 as lower5
            from (
                select d.order_row, d.class, d.inside, d.units, d.rest, d.whose, d.largest, d.whole, d.tail, d.part1, d.part2, d.part3, d.part4, d.part5,
                       d.head1, d.head2, d.head3, d.head4, d.head5, d.head1 // d.whole as upper1, d.head2 // d.whole as upper2, d.head3 // d.whole as upper3, d.head4 // d.whole as upper4, d.head5 // d.whole as upper5
                from (
                    select a.order_row, a.class, a.inside, a.units, a.rest, a.whose, l.k as largest, s.whole, a.units % 1000000 as tail,
                           s.part1, s.part2, s.part3, s.part4, s.part5, (a.units // 1000000) * s.part1 as head1, (a.units // 1000000) * s.part2 as head2, (a.units // 1000000) * s.part3 as head3, (a.units // 1000000) * s.part4 as head4, (a.units // 1000000) * s.part5 as head5
                    from amounts as a
                    join scales as s on s.order_row = a.order_row
                    join largest as l on l.order_row = a.order_row
                    where s.few and a.units < 9000000000000
                ) as d
            ) as d
        ) as d
    ) as d
) as d
union all
select a.order_row, a.class, a.inside, a.units, a.rest, a.whose, 0 as largest, null as share1, null as share2, null as share3, null as share4, null as share5
from amounts as a
where $models not like '%,time_decay,%' and $models <> ',orders,'

-- part: dealt
-- Each holder with each amount of its order, and what it has of it by weight. Of many holders, and of long amounts, in longer numbers.
select coalesce(h.inside, a.inside) as inside, h.order_row, h.code, h.mark, h.by_shop, h.k, h.n, a.largest = h.k as is_largest, a.class, a.units,
       a.rest, a.whose, case h.k when 1 then a.share1 when 2 then a.share2 when 3 then a.share3 when 4 then a.share4 when 5 then a.share5 end as weighed
from several as h
join shared as a on a.order_row = h.order_row
union all
select r.inside, r.order_row, r.code, r.mark, r.by_shop, r.k, r.n, r.is_largest, r.class, r.units, r.rest, r.whose,
       case when r.n > 0 then r.down + case when r.rank <= r.units - r.dealt then 1 else 0 end end as weighed
from (
    select d.inside, d.order_row, d.code, d.mark, d.by_shop, d.k, d.n, d.is_largest, d.class, d.units, d.rest, d.whose, d.down,
           sum(d.down) over (partition by d.order_row, d.whose) as dealt,
           row_number() over (partition by d.order_row, d.whose order by d.near desc, d.k) as rank
    from (
        select coalesce(h.inside, a.inside) as inside, h.order_row, h.code, h.mark, h.by_shop, h.k, h.n, l.k = h.k as is_largest, a.class,
               a.units, a.rest, a.whose,
               cast((cast(a.units as hugeint) * cast(h.part as hugeint)) // cast(s.whole as hugeint) as bigint) as down,
               cast((cast(a.units as hugeint) * cast(h.part as hugeint)) % cast(s.whole as hugeint) as bigint) as near
        from several as h
        join scales as s on s.order_row = h.order_row
        join largest as l on l.order_row = h.order_row
        join amounts as a on a.order_row = h.order_row and (not s.few or a.units >= 9000000000000)
    ) as d
) as r

-- part: credits
-- What each of several holders has of each amount under each model that divides, null where it has no part: whole minor units by largest remainder in path
-- order; and what is finer than a minor unit, which goes with the largest. Of the days that are asked for: by the order's day, or by the touch's.
-- kept: sums, values and squares of a table read it
select d.order_row, d.k, d.code, d.mark, d.by_shop, d.class, d.whose,
       case when $models like '%,linear,%' then d.even + case when d.k <= d.units - d.even * d.n then 1 else 0 end end as by_linear,
       case when $models not like '%,position,%' then null
            when d.n = 2 then d.even + case when d.k <= d.units - d.even * 2 then 1 else 0 end
            else case when d.k in (1, d.n) then d.at_end else d.within end
                 + case when case when d.end_near > d.near then case when d.k = 1 then 1 when d.k = d.n then 2 else d.k + 1 end
                                  when d.end_near = d.near or d.k = d.n then d.k
                                  when d.k = 1 then d.n - 1 else d.k - 1 end
                             <= (2 * d.end_near + (d.n - 2) * d.near) // (5 * (d.n - 2)) then 1 else 0 end end as by_position,
       d.weighed as by_weight,
       case when d.k = 1 then d.rest else 0 end as first_rest, case when d.is_largest then d.rest else 0 end as weight_rest
from (
    select d.order_row, d.code, d.mark, d.by_shop, d.k, d.n, d.is_largest, d.class, d.units, d.rest, d.whose, d.weighed,
           d.even, d.at_end, d.within, (2 * d.units - 5 * d.at_end) * (d.n - 2) as end_near, d.units - d.within * 5 * (d.n - 2) as near
    from (
        select d.order_row, d.code, d.mark, d.by_shop, d.k, d.n, d.is_largest, d.class, d.units, d.rest, d.whose, d.weighed,
               d.units // d.n as even, case when d.n > 2 then (2 * d.units) // 5 end as at_end,
               case when d.n > 2 then d.units // (5 * (d.n - 2)) end as within
        from dealt as d
        where d.inside
    ) as d
) as d

-- part: divided
-- The same under one model after the other: of each of several holders the units of each amount.
select m.model, c.code, c.class, c.mark, c.by_shop, c.order_row, c.k, c.whose,
       case m.model when 'linear' then c.by_linear when 'position' then c.by_position else c.by_weight end as units,
       case when m.model in ('linear', 'position') then c.first_rest else c.weight_rest end as rest
from credits as c
join models as m on m.model in ('linear', 'position', 'time_decay', 'orders')

-- part: taken
-- Whole orders added up: of each row, by day, method and state, and by how they are taken.
select w.code, w.mark, w.by_shop, w.is_last, w.is_paid, w.is_first, w.is_only, w.day, w.method, w.confirmed, w.open, w.final, w.costed, count(*) as orders,
       sum(w.placed) as placed, sum(w.delivered) as delivered, sum(w.kept) as kept, sum(w.banked) as banked, sum(w.margin) as margin
from wholes as w
group by w.code, w.mark, w.by_shop, w.is_last, w.is_paid, w.is_first, w.is_only, w.day, w.method, w.confirmed, w.open, w.final, w.costed

-- part: sums
-- What each row has under one model after the other: parts of orders, or an amount. whose: as with amounts; amounts of whole orders carry their sign.
select s.model, n.grp, s.mark, s.by_shop, s.whose, s.units, s.day, s.method, s.confirmed, s.open, s.final, s.costed, s.amount
from (
    select d.model, d.code, d.mark, d.by_shop, d.whose, d.units, c.day, c.method, c.confirmed, c.open, c.final, c.costed,
           cast(cast(case when d.whose = 32 then 0 else d.units end as decimal(24, 0)) + cast(d.rest as decimal(24, 0)) * 0.000000000001 as decimal(28, 12)) as amount
    from (
        select d.model, d.code, d.class, d.mark, d.by_shop, d.whose, cast(sum(d.units) as decimal(38, 0)) as units, sum(d.rest) as rest
        from divided as d
        where d.units is not null
        group by d.model, d.code, d.class, d.mark, d.by_shop, d.whose
    ) as d
    join classes as c on c.class = d.class
    union all
    select m.model, t.code, t.mark, t.by_shop, l.whose, cast(case when l.whose = 32 then t.orders * 1000000000000 else 0 end as decimal(38, 0)) as units,
           t.day, t.method, t.confirmed, t.open, t.final, t.costed,
           cast(case l.whose when 1 then t.placed when 2 then t.delivered when 4 then t.kept when 8 then t.banked when 16 then t.margin else 0 end as decimal(28, 12)) as amount
    from taken as t
    join models as m on case m.model when 'last' then t.is_last when 'last_paid' then t.is_paid when 'first' then t.is_first else t.is_only end
    cross join (select 1 as whose union all select 2 union all select 4 union all select 8 union all select 16 union all select 32) as l
) as s
join rows_named as n on n.code = s.code

-- part: money
-- What is delivered and collected, or is its contribution, of each credit that is a part of an order, with its sign.
select d.model, d.code, d.order_row, d.k, s.final and s.costed as told, case when d.whose = 32 then 1 else 0 end as credits,
       case when d.whose // 4 % 2 = 1 then 1 else 0 end as of_kept, d.whose // 16 % 2 - d.whose // 128 % 2 as of_margin, d.units, d.rest
from divided as d
join classes as s on s.class = d.class
where d.units is not null and (d.whose = 32 or d.whose // 4 % 2 = 1 or d.whose // 16 % 2 = 1 or d.whose // 128 % 2 = 1)

-- part: taken_by
-- Whole orders under one model after the other, with what is delivered and collected and their contribution.
select m.model, w.code, w.order_row, w.final and w.costed as told, w.kept, w.margin
from wholes as w
join models as m on case m.model when 'last' then w.is_last when 'last_paid' then w.is_paid when 'first' then w.is_first else w.is_only end

-- name: credit_sums
-- What each row of the table is credited with, by method of payment; amounts in minor units.
-- asks: since text, until text, first text, last text, after text, as_of bigint, dataset text, models text, by text, window bigint, chat bigint, half_life bigint, repeats text, unit bigint, history_s bigint, credit_day text, credit_since text, credit_until text, young text, bucket bigint, buckets bigint
-- answers: model text, grp text, method text, mark bigint, orders decimal(38,0), by_shop decimal(38,0), placed decimal(28,12), confirmed decimal(28,12), delivered decimal(28,12), kept decimal(28,12), banked decimal(28,12), margin decimal(28,12), open decimal(28,12), young decimal(28,12), final_due decimal(28,12), costed_due decimal(28,12)
select c.model, c.grp, c.method, max(c.mark) as mark, sum(case when c.whose = 32 then c.units else 0 end) as orders,
       sum(case when c.whose = 32 and c.by_shop then c.units else 0 end) as by_shop,
       sum(case when c.whose % 2 = 1 then c.amount else 0 end) as placed, sum(case when c.confirmed and c.whose % 2 = 1 then c.amount else 0 end) as confirmed,
       sum(case when c.whose // 2 % 2 = 1 then c.amount else 0 end) as delivered, sum(case when c.whose // 4 % 2 = 1 then c.amount else 0 end) as kept,
       sum(case when c.whose // 8 % 2 = 1 then c.amount when c.whose // 64 % 2 = 1 then -c.amount else 0 end) as banked, sum(case when c.whose // 16 % 2 = 1 then c.amount when c.whose // 128 % 2 = 1 then -c.amount else 0 end) as margin,
       sum(case when c.open and c.whose % 2 = 1 then c.amount else 0 end) as open,
       sum(case when c.day >= $young and c.whose % 2 = 1 then c.amount else 0 end) as young,
       sum(case when c.final and c.whose // 2 % 2 = 1 then c.amount else 0 end) as final_due,
       sum(case when c.final and c.costed and c.whose // 2 % 2 = 1 then c.amount else 0 end) as costed_due
from sums as c
group by c.model, c.grp, c.method
order by c.model, c.grp, c.method

-- name: credit_customers
-- Whom each row won: an order's customer is won whole by the largest credit of that order. A customer is in one bucket with all orders.
-- asks: since text, until text, first text, last text, after text, as_of bigint, dataset text, models text, by text, window bigint, chat bigint, half_life bigint, repeats text, unit bigint, history_s bigint, credit_day text, credit_since text, credit_until text, bucket bigint, buckets bigint
-- answers: model text, grp text, new_orders bigint, won bigint, returning bigint, unsure bigint
select m.model, n.grp,
       case m.model when 'last' then s.last_new when 'last_paid' then s.paid_new when 'time_decay' then s.weight_new when 'orders' then s.weight_new else s.first_new end as new_orders,
       case m.model when 'last' then s.last_won when 'last_paid' then s.paid_won when 'time_decay' then s.weight_won when 'orders' then s.weight_won else s.first_won end as won,
       case m.model when 'last' then s.last_back when 'last_paid' then s.paid_back when 'time_decay' then s.weight_back when 'orders' then s.weight_back else s.first_back end as returning,
       case m.model when 'last' then s.last_unsure when 'last_paid' then s.paid_unsure when 'time_decay' then s.weight_unsure when 'orders' then s.weight_unsure else s.first_unsure end as unsure
from (
    select b.code, sum(b.last_any) as last_any, sum(b.last_new) as last_new, sum(b.last_won) as last_won, sum(b.last_unsure) as last_unsure, sum(case when b.customer > 0 and b.last_any > 0 then 1 else 0 end) as last_back,
           sum(b.paid_any) as paid_any, sum(b.paid_new) as paid_new, sum(b.paid_won) as paid_won, sum(b.paid_unsure) as paid_unsure, sum(case when b.customer > 0 and b.paid_any > 0 then 1 else 0 end) as paid_back,
           sum(b.first_any) as first_any, sum(b.first_new) as first_new, sum(b.first_won) as first_won, sum(b.first_unsure) as first_unsure, sum(case when b.customer > 0 and b.first_any > 0 then 1 else 0 end) as first_back,
           sum(b.weight_any) as weight_any, sum(b.weight_new) as weight_new, sum(b.weight_won) as weight_won, sum(b.weight_unsure) as weight_unsure, sum(case when b.customer > 0 and b.weight_any > 0 then 1 else 0 end) as weight_back
    from (
        select t.code, t.customer, sum(t.is_last) as last_any, sum(t.is_last * t.is_new) as last_new, sum(t.is_last * t.won) as last_won, sum(t.is_last * t.is_unsure) as last_unsure,
               sum(t.is_paid) as paid_any, sum(t.is_paid * t.is_new) as paid_new, sum(t.is_paid * t.won) as paid_won, sum(t.is_paid * t.is_unsure) as paid_unsure,
               sum(t.is_first) as first_any, sum(t.is_first * t.is_new) as first_new, sum(t.is_first * t.won) as first_won, sum(t.is_first * t.is_unsure) as first_unsure,
               sum(t.is_largest) as weight_any, sum(t.is_largest * t.is_new) as weight_new, sum(t.is_largest * t.won) as weight_won, sum(t.is_largest * t.is_unsure) as weight_unsure
        from (
            select t.code, case when k.kind = 'returning' then k.customer else 0 end as customer, case when k.kind in ('new', 'new_unsure') then 1 else 0 end as is_new,
                   case when k.kind = 'new_unsure' then 1 else 0 end as is_unsure,
                   case when k.won then 1 else 0 end as won, case when t.is_last then 1 else 0 end as is_last, case when t.is_paid then 1 else 0 end as is_paid,
                   case when t.is_first then 1 else 0 end as is_first, case when t.is_largest then 1 else 0 end as is_largest
            from takers as t
            join kinds as k on k.order_row = t.order_row
            where t.is_last or t.is_paid or t.is_first or t.is_largest
        ) as t
        group by t.code, t.customer
    ) as b
    group by b.code
) as s
join models as m on case m.model when 'last' then s.last_any when 'last_paid' then s.paid_any when 'time_decay' then s.weight_any when 'orders' then s.weight_any else s.first_any end > 0
join rows_named as n on n.code = s.code
order by m.model, n.grp

-- name: credit_values
-- Of rows with few credits each credit, in minor units: what is delivered and collected, and the contribution of final orders.
-- asks: since text, until text, first text, last text, after text, as_of bigint, dataset text, models text, by text, window bigint, chat bigint, half_life bigint, repeats text, unit bigint, history_s bigint, credit_day text, credit_since text, credit_until text, most bigint, bucket bigint, buckets bigint
-- answers: model text, grp text, told boolean, kept decimal(28,12), margin decimal(28,12), credits bigint
select t.model, t.grp, t.told, t.kept, t.margin, count(*) as credits
from (
    select c.model, f.grp, c.told, cast(cast(sum(c.of_kept * c.units) as decimal(24, 0)) + cast(sum(c.of_kept * c.rest) as decimal(24, 0)) * 0.000000000001 as decimal(28, 12)) as kept, cast(cast(sum(c.of_margin * c.units) as decimal(24, 0)) + cast(sum(c.of_margin * c.rest) as decimal(24, 0)) * 0.000000000001 as decimal(28, 12)) as margin
    from money as c
    join sizes as f on f.model = c.model and f.code = c.code and f.credits < $most
    group by c.model, f.grp, c.code, c.order_row, c.k, c.told
    union all
    select t.model, f.grp, t.told, cast(t.kept as decimal(28, 12)) as kept, cast(t.margin as decimal(28, 12)) as margin
    from taken_by as t
    join sizes as f on f.model = t.model and f.code = t.code and f.credits < $most
) as t
group by t.model, t.grp, t.told, t.kept, t.margin
order by t.model, t.grp, t.told, t.kept, t.margin

-- name: credit_squares
-- Of rows with many credits the sums of their squares.
-- asks: since text, until text, first text, last text, after text, as_of bigint, dataset text, models text, by text, window bigint, chat bigint, half_life bigint, repeats text, unit bigint, history_s bigint, credit_day text, credit_since text, credit_until text, most bigint, bucket bigint, buckets bigint
-- answers: model text, grp text, told boolean, credits bigint, kept decimal(28,12), margin decimal(28,12), kept_squares decimal(38,0), margin_squares decimal(38,0)
select c.model, f.grp, c.told, cast(sum(c.credits) as bigint) as credits, cast(sum(c.kept) as decimal(28, 12)) as kept, cast(sum(c.margin) as decimal(28, 12)) as margin,
       cast(sum(c.kept_squares) as decimal(38, 0)) as kept_squares, cast(sum(c.margin_squares) as decimal(38, 0)) as margin_squares
from (
    select m.model, m.code, m.told, sum(m.credits) as credits,
           cast(sum(m.of_kept * m.units) as decimal(24, 0)) + cast(sum(m.of_kept * m.rest) as decimal(24, 0)) * 0.000000000001 as kept,
           cast(sum(m.of_margin * m.units) as decimal(24, 0)) + cast(sum(m.of_margin * m.rest) as decimal(24, 0)) * 0.000000000001 as margin,
           sum(m.of_kept * m.whole * m.whole) as kept_squares, sum(abs(m.of_margin) * m.whole * m.whole) as margin_squares
    from (
        select m.model, m.code, m.told, m.credits, m.of_kept, m.of_margin, m.units, m.rest,
               cast(m.units + case when m.rest < 500000000000 then 0 else 1 end as hugeint) as whole
        from money as m
    ) as m
    group by m.model, m.code, m.told
    union all
    select t.model, t.code, t.told, count(*) as credits, sum(t.kept) as kept, sum(t.margin) as margin, sum(t.kept_whole * t.kept_whole) as kept_squares,
           sum(t.margin_whole * t.margin_whole) as margin_squares
    from (
        select t.model, t.code, t.told, t.kept, t.margin, cast(cast(t.kept as decimal(22, 0)) as hugeint) as kept_whole,
               cast(cast(t.margin as decimal(22, 0)) as hugeint) as margin_whole
        from taken_by as t
        join sizes as f on f.model = t.model and f.code = t.code and f.credits >= $most
    ) as t
    group by t.model, t.code, t.told
) as c
join sizes as f on f.model = c.model and f.code = c.code and f.credits >= $most
group by c.model, f.grp, c.told
having sum(c.credits) > 0
order by c.model, f.grp, c.told

-- name: credits_by_day
-- What each row is credited with day by day of its orders, under each model that is asked for; amounts in minor units.
-- asks: since text, until text, first text, last text, after text, as_of bigint, dataset text, models text, by text, window bigint, chat bigint, half_life bigint, repeats text, unit bigint, history_s bigint, credit_day text, credit_since text, credit_until text, bucket bigint, buckets bigint
-- answers: model text, grp text, day text, orders decimal(38,0), placed decimal(28,12), delivered decimal(28,12), kept decimal(28,12), banked decimal(28,12), margin decimal(28,12)
select c.model, c.grp, c.day, sum(case when c.whose = 32 then c.units else 0 end) as orders, sum(case when c.whose % 2 = 1 then c.amount else 0 end) as placed,
       sum(case when c.whose // 2 % 2 = 1 then c.amount else 0 end) as delivered, sum(case when c.whose // 4 % 2 = 1 then c.amount else 0 end) as kept,
       sum(case when c.whose // 8 % 2 = 1 then c.amount when c.whose // 64 % 2 = 1 then -c.amount else 0 end) as banked, sum(case when c.whose // 16 % 2 = 1 then c.amount when c.whose // 128 % 2 = 1 then -c.amount else 0 end) as margin
from sums as c
group by c.model, c.grp, c.day
order by c.model, c.grp, c.day

-- name: credit_groups
-- What the rows of touches are called, and whose they are.
-- asks: since text, until text, first text, last text, as_of bigint, dataset text, by text, window bigint, chat bigint, unit bigint, bucket bigint, buckets bigint
-- answers: grp text, name text, platform text
select g.grp, max(g.name) as name, max(g.platform) as platform from grouped as g group by g.grp order by g.grp

-- name: credit_pool
-- Contributions, and what was delivered and collected, of the orders of some days in minor units: all, or as many as stand for all; each amount so many times.
-- asks: since text, until text, as_of bigint, dataset text, by text, unit bigint, most bigint, bucket bigint, buckets bigint
-- answers: of_margin boolean, amount decimal(28,12), times bigint
select r.of_margin, r.amount, r.times
from (
    select p.of_margin, p.amount, case when p.n <= $most then p.alike else p.place * $most // p.n - (p.place - p.alike) * $most // p.n end as times
    from (
        select a.of_margin, a.amount, a.alike,
               cast(sum(a.alike) over (partition by a.of_margin order by a.amount rows unbounded preceding) as bigint) as place,
               cast(sum(a.alike) over (partition by a.of_margin) as bigint) as n
        from (
            select m.of_margin, case when m.of_margin then s.margin else s.kept end as amount, count(*) as alike
            from stood as s
            join (select true as of_margin union all select false) as m on s.costed or not m.of_margin
            group by m.of_margin, case when m.of_margin then s.margin else s.kept end
        ) as a
    ) as p
) as r
where r.times > 0
order by r.of_margin, r.amount

-- name: credit_usual
-- Of the orders of some days: how many, of how many no touch and no word is known, what kept and returned ones brought (minor units).
-- asks: since text, until text, as_of bigint, dataset text, by text, unit bigint, bucket bigint, buckets bigint
-- answers: orders bigint, unseen bigint, placed decimal(28,12), kept_due decimal(28,12), kept_margin decimal(28,12), gone_placed decimal(28,12), gone_margin decimal(28,12)
select count(*) as orders, coalesce(sum(case when u.order_row is not null and w.order_row is null then 1 else 0 end), 0) as unseen,
       coalesce(sum(s.placed), 0) as placed,
       coalesce(sum(case when s.final and not s.back and s.costed then s.delivered end), 0) as kept_due,
       coalesce(sum(case when s.final and not s.back and s.costed then s.margin end), 0) as kept_margin,
       coalesce(sum(case when s.final and s.back and s.costed then s.placed end), 0) as gone_placed,
       coalesce(sum(case when s.final and s.back and s.costed then s.margin end), 0) as gone_margin
from stood as s
left join (select p.order_row from paths as p where p.place = -1 and p.day between $since and $until) as u on u.order_row = s.order_row
left join (select distinct q.order_row from paths as q where q.kind = 'shop_says' and q.day between $since and $until) as w on w.order_row = s.order_row

-- name: credit_days
-- How many rows the orders of some days and their touches are, day by day: by these the days are put together that are asked at once.
-- asks: since text, until text, as_of bigint, dataset text
-- answers: day text, told bigint
select d.day, cast(sum(d.told) as bigint) as told
from (
    select l.day, count(*) as told from lives as l
    where l.day between $since and $until and l.from_at <= $as_of and l.until_at > $as_of and ($dataset = '' or l.dataset = $dataset)
    group by l.day
    union all
    select p.day, count(*) as told from paths as p where p.day between $since and $until group by p.day
    union all
    select n.day, count(*) as told from nameless as n where n.day between $since and $until group by n.day
    union all
    select p.day, count(*) as told from nameless_paths as p where p.day between $since and $until group by p.day
) as d
group by d.day
order by d.day

-- name: credit_weeks
-- How much of what was confirmed came to be delivered and collected, by method and week; how many orders of it are open.
-- asks: since text, until text, as_of bigint, dataset text
-- answers: method text, week text, open bigint, confirmed decimal(28,12), kept decimal(28,12)
select l.method, l.week, sum(case when l.station in ('awaits_confirmation', 'not_shipped', 'in_transit') then 1 else 0 end) as open,
       sum(case when l.confirmed then l.total else 0 end) as confirmed,
       sum(case when not l.confirmed or l.due <= 0 or l.collected <= 0 then 0 when l.due < l.collected then l.due else l.collected end) as kept
from lives as l
where l.day between $since and $until and l.from_at <= $as_of and l.until_at > $as_of and ($dataset = '' or l.dataset = $dataset)
group by l.method, l.week
order by l.method, l.week

-- name: credit_ages
-- How much money of orders took how many days until it stood on the bank.
-- asks: since text, until text, as_of bigint, dataset text
-- answers: days bigint, amount decimal(28,12)
select t.days, sum(t.amount) as amount
from life_terms as t
where t.bridge = 'cash' and t.order_row >= 0 and t.amount > 0 and t.day between $since and $until and t.from_at <= $as_of and t.until_at > $as_of
  and ($dataset = '' or t.dataset = $dataset)
group by t.days
order by t.days

-- name: credit_ends
-- How much was placed in orders that took how many days until their outcome was final.
-- asks: since text, until text, as_of bigint, dataset text
-- answers: days bigint, amount decimal(28,12)
select t.days, sum(t.amount) as amount
from (
    select (min(l.from_at) - min(l.placed_at) + 86399) // 86400 as days, max(l.total) as amount
    from lives as l
    where l.is_final and l.day between $since and $until and l.from_at <= $as_of and ($dataset = '' or l.dataset = $dataset)
    group by l.order_row
) as t
where t.amount > 0
group by t.days
order by t.days

-- name: credit_apart
-- What belongs to no order: deducted on the bank for many at once; and how many orders a missing rate left out.
-- asks: since text, until text, as_of bigint, dataset text
-- answers: deducted decimal(28,12), missing bigint
select coalesce(sum(t.amount), 0) as deducted, max(u.orders) as missing
from (select count(*) as orders from unrated_lives as u where u.day between $since and $until and u.from_at <= $as_of
      and u.until_at > $as_of and ($dataset = '' or u.dataset = $dataset)) as u
left join life_terms as t on t.order_row < 0 and t.bridge = 'link' and t.reason = 'banked' and t.day between $since and $until
      and t.from_at <= $as_of and t.until_at > $as_of

-- name: credit_erased
-- What came to orders after their buyer was erased: what they stand at now less their nameless rows.
-- asks: since text, until text, as_of bigint, dataset text
-- answers: placed decimal(28,12), confirmed decimal(28,12), delivered decimal(28,12), kept decimal(28,12), banked decimal(28,12), margin decimal(28,12)
select coalesce(sum(e.placed), 0) as placed, coalesce(sum(e.confirmed), 0) as confirmed, coalesce(sum(e.delivered), 0) as delivered,
       coalesce(sum(e.kept), 0) as kept, coalesce(sum(e.banked), 0) as banked, coalesce(sum(e.margin), 0) as margin
from (
    select l.total as placed, case when l.confirmed then l.total else 0 end as confirmed, l.due as delivered,
           case when l.due <= 0 or l.collected <= 0 then 0 when l.due < l.collected then l.due else l.collected end as kept, l.banked,
           coalesce(l.cm3, 0) as margin
    from lives as l
    join paths as p on p.order_row = l.order_row and p.reason = 'erased' and p.day between $since and $until
    where l.day between $since and $until and l.from_at <= $as_of and l.until_at > $as_of and ($dataset = '' or l.dataset = $dataset)
    union all
    select -n.placed as placed, -n.confirmed as confirmed, -n.delivered as delivered, -n.delivered_collected as kept, -n.banked as banked,
           -coalesce(n.margin, 0) as margin
    from nameless as n
    where n.day between $since and $until and ($dataset = '' or n.dataset = $dataset)
) as e

-- name: texts_of_paths
-- Texts of the addresses by which orders of some days came, where a macro may have stayed as it was.
-- asks: since text, until text
-- answers: told text
select distinct t.told
from (select p.content as told from paths as p where p.day between $since and $until
      union all select p.term as told from paths as p where p.day between $since and $until
      union all select p.utm_id as told from paths as p where p.day between $since and $until
      union all select p.campaign as told from paths as p where p.day between $since and $until) as t
where t.told <> ''
order by t.told

-- name: double_tags
-- Orders of some days that came by addresses whose click id names one platform and whose words name another.
-- asks: since text, until text
-- answers: platform text, source text, medium text, orders bigint
select p.platform, lower(trim(p.source)) as source, lower(trim(p.medium)) as medium, count(distinct p.order_row) as orders
from paths as p
where p.conflict and p.day between $since and $until
group by p.platform, lower(trim(p.source)), lower(trim(p.medium))
order by p.platform, source, medium

-- name: touches_credited
-- The touches of orders of some days that may be credited, for models of a period.
-- asks: since text, until text, as_of bigint, dataset text, window bigint, chat bigint
-- answers: order_row bigint, happened_at bigint, kind text, source text, medium text, campaign text, content text, term text, utm_id text, click_kind text, campaign_id text, adset_id text, ad_id text, referrer_host text, landing_path text, device text
select p.order_row, p.happened_at, p.kind, p.source, p.medium, p.campaign, p.content, p.term, p.utm_id, p.click_kind, p.campaign_id,
       p.adset_id, p.ad_id, p.referrer_host, p.landing_path, p.device
from paths as p
join (select l.order_row from lives as l where l.day between $since and $until and l.from_at <= $as_of and l.until_at > $as_of
      and ($dataset = '' or l.dataset = $dataset)) as s on s.order_row = p.order_row
where p.day between $since and $until
  and ((p.kind in ('click', 'visit') and p.age <= $window) or (p.kind = 'chat' and p.age <= $chat) or p.kind = 'shop_says')
order by p.order_row, p.place

-- name: nameless_touches
-- The same of past orders that lost their path: with the channel that was found, as no address is left to find it from.
-- asks: since text, until text, dataset text, window bigint, chat bigint
-- answers: nameless bigint, touch_day text, kind text, channel text, platform text, source_of text, medium_of text, campaign text, campaign_id text, adset_id text, ad_id text
select p.nameless, p.touch_day, p.kind, p.channel, p.platform, p.source_of, p.medium_of, p.campaign, p.campaign_id, p.adset_id, p.ad_id
from nameless_paths as p join nameless as n on n.nameless = p.nameless
where n.day between $since and $until and p.day between $since and $until and ($dataset = '' or n.dataset = $dataset)
  and ((p.kind in ('click', 'visit') and p.age <= $window) or (p.kind = 'chat' and p.age <= $chat) or p.kind = 'shop_says')
order by p.nameless, p.place

-- name: credited_orders
-- Orders of which one row has a credit under a model, the last placed first: what part of each, and what of it at one link (minor units).
-- asks: since text, until text, first text, last text, after text, as_of bigint, dataset text, models text, by text, window bigint, chat bigint, half_life bigint, repeats text, unit bigint, history_s bigint, credit_day text, credit_since text, credit_until text, bucket bigint, buckets bigint, grp text, link text, most bigint
-- answers: order_row bigint, day text, method text, dataset text, order_id text, number text, placed_at bigint, station text, courier text, total decimal(18,4), part decimal(38,0), amount decimal(28,12), orders bigint, parts decimal(38,0), whole decimal(28,12)
select q.order_row, q.day, q.method, coalesce(l.dataset, '') as dataset, coalesce(l.order_id, '') as order_id, coalesce(l.number, '') as number,
       coalesce(l.placed_at, 0) as placed_at, coalesce(l.station, '') as station, coalesce(l.courier, '') as courier, l.total,
       q.part, q.amount, q.orders, q.parts, q.whole
from (
    select r.order_row, r.day, r.method, r.part, r.amount, count(*) over (partition by 1) as orders,
           sum(r.part) over (partition by 1) as parts, sum(r.amount) over (partition by 1) as whole
    from (
        select c.order_row, max(c.day) as day, max(c.method) as method, sum(c.part) as part, cast(sum(c.amount) as decimal(28, 12)) as amount
        from (
            select d.order_row, d.code, s.day, s.method, case when d.whose = 32 then d.units else 0 end as part,
                   case $link when 'delivered' then d.whose // 2 % 2 when 'true' then d.whose // 4 % 2 when 'banked' then d.whose // 8 % 2 - d.whose // 64 % 2
                              when 'margin' then d.whose // 16 % 2 - d.whose // 128 % 2 else d.whose % 2 end
                   * (cast(d.units as decimal(24, 0)) + cast(d.rest as decimal(24, 0)) * 0.000000000001) as amount
            from divided as d
            join classes as s on s.class = d.class
            where d.units is not null
            union all
            select w.order_row, w.code, w.day, w.method, 1000000000000 as part,
                   case $link when 'delivered' then w.delivered when 'true' then w.kept when 'banked' then w.banked when 'margin' then w.margin else w.placed end as amount
            from wholes as w
            join models as m on case m.model when 'last' then w.is_last when 'last_paid' then w.is_paid when 'first' then w.is_first else w.is_only end
        ) as c
        join rows_named as n on n.code = c.code and n.grp = $grp
        group by c.order_row
    ) as r
    where r.amount <> 0 or $link = 'orders'
) as q
left join lives as l on l.order_row = q.order_row and l.day between $since and $until and l.from_at <= $as_of and l.until_at > $as_of
order by q.day desc, placed_at desc, q.order_row desc
limit $most
