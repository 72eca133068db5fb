-- How the rule models credit orders: which touches of a path count, what part of an order each has, and its money to the minor unit.

-- part: advertised
-- Advertising that counts, at the level that is asked for: by which name and id on which day.
select distinct a.platform, a.local_day, a.name,
       case when a.id <> '' then a.id when a.account <> '' and a.name <> '' then a.account || '/' || a.name else a.name end as identity
from (
    select s.platform, s.local_day, s.account,
           trim(case $by when 'campaign' then s.campaign when 'adset' then s.adset else s.ad end) as name,
           case $by when 'campaign' then s.campaign_id when 'adset' then s.adset_id else s.ad_id end as id
    from spend as s
    where s.counts and $by in ('campaign', 'adset', 'ad') and s.local_day between $first and $last
) as a

-- part: stood
-- The orders of some days as they stood at a time, of one bucket of customers; for those whose buyer was erased their nameless rows. Amounts are in minor units.
select l.order_row, l.day, l.method, l.confirmed, l.station in ('awaits_confirmation', 'not_shipped', 'in_transit') as open,
       l.station in ('delivered', 'returned', 'refused', 'lost') as final, l.station in ('refused', 'returned') as back,
       l.cm3 is not null as costed, l.is_delivered,
       l.total * cast($unit as decimal(6, 0)) as placed,
       l.due * cast($unit as decimal(6, 0)) as delivered,
       case when l.due <= 0 or l.collected <= 0 then cast(0 as decimal(34, 12))
            when l.due < l.collected then l.due * cast($unit as decimal(6, 0)) else l.collected * cast($unit as decimal(6, 0)) end as kept,
       l.banked * cast($unit as decimal(6, 0)) as banked, coalesce(l.cm3, 0) * cast($unit as decimal(6, 0)) as margin
from lives as l
left join (select b.order_row, b.customer from buyers as b where b.day between $since and $until) as b on b.order_row = l.order_row
where l.day between $since and $until and l.from_at <= $as_of and l.until_at > $as_of and ($dataset = '' or l.dataset = $dataset)
  and coalesce(b.customer, 0) % $buckets = $bucket
  and ($by in ('country', 'product') or not exists (select 1 from paths as e where e.order_row = l.order_row and e.reason = 'erased'
                                                     and e.day between $since and $until))
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
select p.order_row, p.place, p.age, p.touch_day, p.paid, p.channel, p.source_of, p.landing_path, p.device,
       p.platform, case when p.platform <> '' then p.platform else p.source_of end as seller,
       case $by when 'campaign' then p.campaign_id when 'adset' then p.adset_id when 'ad' then p.ad_id else '' end as id,
       trim(case $by when 'campaign' then p.campaign when 'adset' then p.term when 'ad' then p.content else '' end) as name,
       case when p.kind = 'shop_says' then 3 when p.channel = 'direct' then 2 else 1 end as turn
from paths as p
where p.day between $since and $until and p.order_row in (select s.order_row from stood as s)
  and ((p.kind in ('click', 'visit') and p.age <= $window) or (p.kind = 'chat' and p.age <= $chat) or p.kind = 'shop_says')
union all
select -1 - p.nameless as order_row, p.place, p.age, p.touch_day, p.paid, p.channel, p.source_of, '' as landing_path, 'unknown' as device,
       p.platform, case when p.platform <> '' then p.platform else p.source_of end as seller,
       case $by when 'campaign' then p.campaign_id when 'adset' then p.adset_id when 'ad' then p.ad_id else '' end as id,
       trim(case $by when 'campaign' then p.campaign else '' end) as name,
       case when p.kind = 'shop_says' then 3 when p.channel = 'direct' then 2 else 1 end as turn
from nameless_paths as p
where p.day between $since and $until and -1 - p.nameless in (select s.order_row from stood as s)
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
    select w.order_row, w.place, w.age, w.touch_day, w.paid, w.turn, w.channel, w.device, w.landing_path, w.source_of, w.platform,
           case when w.id = '' and n.identity is null and w.seller = '' then w.channel else w.seller end as who,
           case when w.id <> '' then w.id else coalesce(n.identity, '') end as identity,
           case when w.id <> '' then case when k.identity is null then 2 else 0 end when n.identity is not null then 1 else 3 end as mark
    from in_window as w
    left join by_name as n on n.platform = w.seller and n.name = w.name and n.touch_day = w.touch_day and w.paid and w.id = ''
    left join (select distinct a.platform, a.identity from advertised as a) as k on k.platform = w.seller and k.identity = w.id
) as t

-- part: folded
-- Repeats of one row left out where that is asked for: equal neighbours, or all but the first.
select g.order_row, g.place, g.age, g.touch_day, g.paid, g.turn, g.grp, g.mark
from grouped as g
where $repeats = 'all' or g.turn = 3
union all
select r.order_row, r.place, r.age, r.touch_day, r.paid, r.turn, r.grp, r.mark
from (
    select g.order_row, g.place, g.age, g.touch_day, g.paid, g.turn, g.grp, g.mark,
           lag(g.grp) over (partition by g.order_row order by g.place) as before,
           row_number() over (partition by g.order_row, g.grp order by g.place) as nth
    from grouped as g
    where $repeats <> 'all' and g.turn < 3
) as r
where ($repeats = 'unique' and r.nth = 1) or ($repeats = 'collapse' and (r.before is null or r.before <> r.grp))

-- part: turned
-- Direct gives way to touches that say more, the shop's word to every touch of ours: who is first in turn, and where among them.
select f.order_row, f.place, f.age, f.touch_day, f.grp, f.mark, f.turn,
       min(f.turn) over o as first_turn, row_number() over (partition by f.order_row order by f.turn, f.place) as k,
       sum(case when f.turn = 1 then 1 else 0 end) over o as named, sum(case when f.turn = 2 then 1 else 0 end) over o as direct,
       min(case when f.turn = 1 then f.age end) over o as named_age, min(f.age) over o as any_age,
       max(case when f.turn = 1 and f.paid then f.place end) over o as last_paid,
       max(case when f.turn = 3 then f.place end) over o as last_said, max(case when f.turn = 3 and f.paid then f.place end) over o as said_paid
from folded as f
window o as (partition by f.order_row)

-- part: credited
-- The touches that are credited: the k-th of n. Whose order no paid touch has, the last paid credits nobody.
select t.order_row, t.place, t.touch_day, t.grp, t.mark, t.turn = 3 as by_shop, case when t.turn = 3 then 1 else t.k end as k,
       t.age - case when t.turn = 1 then t.named_age else t.any_age end as older,
       case t.turn when 1 then t.named when 2 then t.direct else 1 end as n,
       case when t.turn = 1 then t.last_paid when t.turn = 3 and t.said_paid = t.last_said then t.last_said end as last_paid
from turned as t -- older: than the youngest that is credited, in seconds
where t.turn = t.first_turn and (t.turn < 3 or t.place = t.last_said)

-- part: nobody
-- Orders of which no touch counts, each with its reason.
select s.order_row, 'unattributed:' || coalesce(r.reason, 'no_touch_in_window') as grp
from stood as s
left join (select p.order_row, p.reason from paths as p where p.place = -1 and p.day between $since and $until
           union all select -1 - n.nameless as order_row, n.path_reason as reason from nameless as n
           where n.day between $since and $until and n.path_reason <> '') as r on r.order_row = s.order_row
where not exists (select 1 from in_window as w where w.order_row = s.order_row)

-- part: models
-- The rule models that are asked for.
select m.model
from (
    select 'last' as model union all select 'last_paid' union all select 'first' union all select 'linear' union all select 'position'
) as m
where $models like '%,' || m.model || ',%'

-- part: shares
-- Of each model and touch the part that it has of its order: so many of a whole.
select c.order_row, case when m.model = 'last_paid' and c.last_paid is null then '' else c.touch_day end as touch_day, c.by_shop, c.k, c.n, m.model,
       case when m.model = 'last_paid' and c.last_paid is null then 'unattributed:no_paid_touch' else c.grp end as grp,
       case when m.model = 'last_paid' and c.last_paid is null then 0 else c.mark end as mark,
       m.model not in ('linear', 'position') or c.k = 1 as is_largest,
       m.model = 'position' and c.n > 2 as ends_more,
       case when m.model = 'position' and c.n > 2 and c.k in (1, c.n) then 2 * (c.n - 2) else 1 end as part,
       case when m.model = 'position' and c.n > 2 then 5 * (c.n - 2) when m.model in ('linear', 'position') then c.n else 1 end as whole
from credited as c
join models as m on m.model in ('linear', 'position') or (m.model = 'last' and c.k = c.n) or (m.model = 'first' and c.k = 1)
     or (m.model = 'last_paid' and (c.place = c.last_paid or (c.last_paid is null and c.k = 1)))
union all
select o.order_row, '' as touch_day, false as by_shop, 1 as k, 1 as n, m.model, o.grp, 0 as mark, true as is_largest, false as ends_more, 1 as part, 1 as whole
from nobody as o
cross join models as m

-- part: amounts
-- What of each order is dealt, equal amounts once: whole minor units, what is finer (in parts of 10^12 of one), and whose amount it is, as a
-- sum of 1 placed, 2 delivered, 4 kept, 8 banked, 16 margin, 64 and 128 for these two below nothing; 32 for the order itself, which is one
-- more amount, in so many parts that thirds of it add up to one.
select a.order_row, a.link, cast(floor(a.amount) as bigint) as units, cast((a.amount - floor(a.amount)) * 1000000000000 as bigint) as rest,
       case when a.link = 'orders' then 32
            else case when a.placed = a.amount then 1 else 0 end + case when a.delivered = a.amount then 2 else 0 end
                 + case when a.kept = a.amount then 4 else 0 end
                 + case when abs(a.banked) = a.amount then case when a.banked < 0 then 64 else 8 end else 0 end
                 + case when abs(a.margin) = a.amount then case when a.margin < 0 then 128 else 16 end else 0 end end as whose
from (
    select s.order_row, s.placed, s.delivered, s.kept, s.banked, s.margin, l.link,
           case l.link when 'placed' then s.placed when 'delivered' then s.delivered when 'kept' then s.kept when 'banked' then abs(s.banked)
                       when 'margin' then abs(s.margin) else cast(1000000000000 as decimal(34, 12)) end as amount
    from stood as s
    cross join (select 'placed' as link union all select 'delivered' union all select 'kept' union all select 'banked'
                union all select 'margin' union all select 'orders') as l
) as a
where a.link in ('orders', 'placed') or (a.amount > 0 and a.amount <> a.placed and (a.link = 'delivered' or (a.amount <> a.delivered
      and (a.link = 'kept' or (a.amount <> a.kept and (a.link = 'banked' or a.amount <> abs(a.banked)))))))

-- part: dealt
-- Each touch's part of each amount in whole minor units, by largest remainder in path order.
select h.model, h.order_row, h.touch_day, h.grp, h.mark, h.by_shop, h.is_largest, h.k, a.whose, a.rest,
       case when h.whole = 1 then a.units
            when not h.ends_more then a.units // h.whole + case when h.k <= a.units % h.whole then 1 else 0 end
            else a.units * h.part // h.whole + case when case
                     when 2 * a.units % 5 * (h.n - 2) > a.units % h.whole
                          then case when h.k = 1 then 1 when h.k = h.n then 2 else h.k + 1 end
                     when 2 * a.units % 5 * (h.n - 2) = a.units % h.whole then h.k
                     when h.k = 1 then h.n - 1 when h.k = h.n then h.n else h.k - 1 end
                <= (2 * (2 * a.units % 5 * (h.n - 2)) + (h.n - 2) * (a.units % h.whole)) // h.whole then 1 else 0 end end as units
from shares as h
join amounts as a on a.order_row = h.order_row

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

-- part: weights
-- For time decay: half as much for each half-life that a touch is older than the order's youngest, in whole parts of 10^12.
select c.order_row, c.touch_day, c.grp, c.mark, c.by_shop, c.k, c.n,
       cast(round(power(cast(0.5 as double), cast(c.older as double) / cast($half_life as double)) * 1e12) as bigint) as part
from credited as c
where $models like '%,time_decay,%'
union all
select o.order_row, '' as touch_day, o.grp, 0 as mark, false as by_shop, 1 as k, 1 as n, 1 as part
from nobody as o
where $models like '%,time_decay,%'
union all
select s.order_row, '' as touch_day, case when $by <> 'country' then k.kind when o.country is null or o.country = '' then 'none' else o.country end as grp,
       0 as mark, false as by_shop, 1 as k, 1 as n, 1 as part
from stood as s
join kinds as k on k.order_row = s.order_row
left join (select o.order_row, o.country from orders as o where o.day between $first and $after) as o on o.order_row = s.order_row
where $models = ',orders,' and $by in ('country', 'new_or_returning')
union all
select i.order_row, '' as touch_day, i.grp, 0 as mark, false as by_shop, i.k, i.n, case when i.whole > 0 then i.net else 1 end as part
from articles as i
where $models = ',orders,' and $by = 'product' and (i.whole = 0 or i.net > 0)

-- part: decayed
-- The same with their order's whole, and whose part is the largest.
select w.order_row, w.touch_day, w.grp, w.mark, w.by_shop, w.k, w.n, w.part, sum(w.part) over (partition by w.order_row) as whole,
       row_number() over (partition by w.order_row order by w.part desc, w.k) = 1 as is_largest
from weights as w

-- part: decayed_down
-- Each touch's part of each amount under time decay: whole minor units, and how near it is to one more.
select t.order_row, t.touch_day, t.grp, t.mark, t.by_shop, t.is_largest, t.k, t.n, t.link, t.whose, t.rest, t.units, t.whole,
       cast(t.taken // t.whole as bigint) as down, cast(t.taken % t.whole as bigint) as near
from (
    select h.order_row, h.touch_day, h.grp, h.mark, h.by_shop, h.is_largest, h.k, h.n, a.link, a.whose, a.rest, a.units,
           cast(h.whole as hugeint) as whole, a.units * cast(h.part as hugeint) as taken
    from decayed as h
    join amounts as a on a.order_row = h.order_row
) as t

-- part: decayed_units
-- The same with the units that are left, one each to those who are nearest, the earlier of equals first.
select d.order_row, d.touch_day, d.grp, d.mark, d.by_shop, d.is_largest, d.k, d.whose, d.rest,
       d.down + case when d.n = 2 and d.near > 0 and (2 * d.near > d.whole or (2 * d.near = d.whole and d.k = 1)) then 1 else 0 end as units
from decayed_down as d
where d.n <= 2
union all
select r.order_row, r.touch_day, r.grp, r.mark, r.by_shop, r.is_largest, r.k, r.whose, r.rest,
       r.down + case when r.rank <= r.units - r.dealt then 1 else 0 end as units
from (
    select d.order_row, d.touch_day, d.grp, d.mark, d.by_shop, d.is_largest, d.k, d.whose, d.rest, d.units, d.down,
           sum(d.down) over (partition by d.order_row, d.link) as dealt,
           row_number() over (partition by d.order_row, d.link order by d.near desc, d.k) as rank
    from decayed_down as d
    where d.n > 2
) as r

-- part: decayed_dealt
-- The same with what the amounts are of.
select case when $models = ',orders,' then 'orders' else 'time_decay' end as model, d.order_row, d.touch_day, d.grp, d.mark, d.by_shop,
       d.is_largest, d.k, d.whose, d.rest, d.units
from decayed_units as d

-- part: credits
-- All that is dealt on the days that are asked for: by the order's day, or by the touch's. What is finer than a minor unit goes with the largest.
select d.model, case when d.grp like 'unattributed:%' or $by <> 'day' then d.grp else s.day end as grp, d.order_row, d.k, d.mark, d.by_shop,
       s.day, s.method, s.confirmed, s.open, s.final, s.costed, d.whose, d.units, case when d.is_largest then d.rest else 0 end as rest
from (
    select e.model, e.order_row, e.touch_day, e.grp, e.mark, e.by_shop, e.is_largest, e.k, e.whose, e.rest, e.units from dealt as e
    union all
    select e.model, e.order_row, e.touch_day, e.grp, e.mark, e.by_shop, e.is_largest, e.k, e.whose, e.rest, e.units from decayed_dealt as e
) as d
join stood as s on s.order_row = d.order_row
where case when $credit_day = 'order' or d.touch_day = '' then s.day else d.touch_day end between $credit_since and $credit_until

-- part: takers
-- Of the same days who takes a part of which order: one row a credit, without its amounts.
select t.model, case when t.grp like 'unattributed:%' or $by <> 'day' then t.grp else s.day end as grp, t.order_row, t.is_largest
from (
    select h.model, h.order_row, h.touch_day, h.grp, h.is_largest from shares as h
    union all
    select case when $models = ',orders,' then 'orders' else 'time_decay' end as model, d.order_row, d.touch_day, d.grp, d.is_largest
    from decayed as d
) as t
join stood as s on s.order_row = t.order_row
where case when $credit_day = 'order' or t.touch_day = '' then s.day else t.touch_day end between $credit_since and $credit_until

-- part: sizes
-- Of each row of advertising how many credits it has.
select t.model, t.grp, count(*) as credits
from takers as t
where t.grp not like 'unattributed:%' and t.grp not like 'channel:%'
group by t.model, t.grp

-- part: money
-- The order and what is delivered and collected or is its contribution, of each credit, with its sign.
select c.model, c.grp, c.order_row, c.k, c.final and c.costed as told, case when c.whose = 32 then 1 else 0 end as credits,
       case when c.whose // 4 % 2 = 1 then 1 else 0 end as of_kept, c.whose // 16 % 2 - c.whose // 128 % 2 as of_margin, c.units, c.rest
from credits as c
where c.whose = 32 or c.whose // 4 % 2 = 1 or c.whose // 16 % 2 = 1 or c.whose // 128 % 2 = 1

-- name: credit_sums
-- What each row of the table is credited with, by method of payment; amounts in minor units.
-- asks: since text, until text, first text, last text, after text, as_of bigint, dataset text, models text, by text, window bigint, chat bigint, half_life bigint, repeats text, unit bigint, history_s bigint, credit_day text, credit_since text, credit_until text, bucket bigint, buckets bigint
-- answers: model text, grp text, method text, mark bigint, parts bigint, orders decimal(38,0), by_shop decimal(38,0), placed decimal(28,12), confirmed decimal(28,12), delivered decimal(28,12), kept decimal(28,12), banked decimal(28,12), margin decimal(28,12), open decimal(28,12), final_due decimal(28,12), costed_due decimal(28,12)
select c.model, c.grp, c.method, max(c.mark) as mark, sum(case when c.whose = 32 then c.credits else 0 end) as parts,
       sum(case when c.whose = 32 then c.units else 0 end) as orders, sum(case when c.whose = 32 and c.by_shop then c.units else 0 end) as by_shop,
       sum(case when c.whose % 2 = 1 then c.amount else 0 end) as placed, sum(case when c.confirmed and c.whose % 2 = 1 then c.amount else 0 end) as confirmed,
       sum(case when c.whose // 2 % 2 = 1 then c.amount else 0 end) as delivered, sum(case when c.whose // 4 % 2 = 1 then c.amount else 0 end) as kept,
       sum(case when c.whose // 8 % 2 = 1 then c.amount when c.whose // 64 % 2 = 1 then -c.amount else 0 end) as banked, sum(case when c.whose // 16 % 2 = 1 then c.amount when c.whose // 128 % 2 = 1 then -c.amount else 0 end) as margin,
       sum(case when c.open and c.whose % 2 = 1 then c.amount else 0 end) as open,
       sum(case when c.final and c.whose // 2 % 2 = 1 then c.amount else 0 end) as final_due,
       sum(case when c.final and c.costed and c.whose // 2 % 2 = 1 then c.amount else 0 end) as costed_due
from (
    select c.model, c.grp, c.method, c.by_shop, c.confirmed, c.open, c.final, c.costed, c.whose, max(c.mark) as mark, count(*) as credits,
           sum(c.units) as units, cast(cast(sum(case when c.whose = 32 then 0 else c.units end) as decimal(24, 0))
                                       + cast(sum(c.rest) as decimal(24, 0)) * 0.000000000001 as decimal(28, 12)) as amount
    from credits as c
    group by c.model, c.grp, c.method, c.by_shop, c.confirmed, c.open, c.final, c.costed, c.whose
) as c
group by c.model, c.grp, c.method
order by c.model, c.grp, c.method

-- name: credit_customers
-- Whom each row won: an order's customer is won whole by the largest credit of that order. A customer is in one bucket with all orders.
-- asks: since text, until text, first text, last text, after text, as_of bigint, dataset text, models text, by text, window bigint, chat bigint, half_life bigint, repeats text, unit bigint, history_s bigint, credit_day text, credit_since text, credit_until text, bucket bigint, buckets bigint
-- answers: model text, grp text, new_orders bigint, won bigint, returning bigint
select t.model, t.grp, sum(case when k.kind in ('new', 'new_unsure') then 1 else 0 end) as new_orders,
       sum(case when k.won then 1 else 0 end) as won, count(distinct case when k.kind = 'returning' then k.customer end) as returning
from takers as t
join kinds as k on k.order_row = t.order_row
where t.is_largest
group by t.model, t.grp
order by t.model, t.grp

-- name: credit_values
-- Of rows with few credits each credit, in minor units: what is delivered and collected, and the contribution of final orders.
-- asks: since text, until text, first text, last text, after text, as_of bigint, dataset text, models text, by text, window bigint, chat bigint, half_life bigint, repeats text, unit bigint, history_s bigint, credit_day text, credit_since text, credit_until text, most bigint, bucket bigint, buckets bigint
-- answers: model text, grp text, told boolean, kept decimal(28,12), margin decimal(28,12), credits bigint
select t.model, t.grp, t.told, t.kept, t.margin, count(*) as credits
from (
    select c.model, c.grp, c.order_row, c.k, c.told, cast(cast(sum(c.of_kept * c.units) as decimal(24, 0)) + cast(sum(c.of_kept * c.rest) as decimal(24, 0)) * 0.000000000001 as decimal(28, 12)) as kept, cast(cast(sum(c.of_margin * c.units) as decimal(24, 0)) + cast(sum(c.of_margin * c.rest) as decimal(24, 0)) * 0.000000000001 as decimal(28, 12)) as margin
    from money as c
    join sizes as f on f.model = c.model and f.grp = c.grp and f.credits < $most
    group by c.model, c.grp, c.order_row, c.k, c.told
) as t
group by t.model, t.grp, t.told, t.kept, t.margin
order by t.model, t.grp, t.told, t.kept, t.margin

-- name: credit_squares
-- Of rows with many credits the sums of their squares.
-- asks: since text, until text, first text, last text, after text, as_of bigint, dataset text, models text, by text, window bigint, chat bigint, half_life bigint, repeats text, unit bigint, history_s bigint, credit_day text, credit_since text, credit_until text, most bigint, bucket bigint, buckets bigint
-- answers: model text, grp text, told boolean, credits bigint, kept decimal(28,12), margin decimal(28,12), kept_squares decimal(38,0), margin_squares decimal(38,0)
select c.model, c.grp, c.told, sum(c.credits) as credits, cast(cast(sum(c.of_kept * c.units) as decimal(24, 0)) + cast(sum(c.of_kept * c.rest) as decimal(24, 0)) * 0.000000000001 as decimal(28, 12)) as kept, cast(cast(sum(c.of_margin * c.units) as decimal(24, 0)) + cast(sum(c.of_margin * c.rest) as decimal(24, 0)) * 0.000000000001 as decimal(28, 12)) as margin,
       cast(sum(c.of_kept * c.square) as decimal(38, 0)) as kept_squares, cast(sum(abs(c.of_margin) * c.square) as decimal(38, 0)) as margin_squares
from (
    select c.model, c.grp, c.told, c.of_kept, c.of_margin, c.credits, c.units, c.rest,
           cast(c.units + case when c.rest < 500000000000 then 0 else 1 end as hugeint) * cast(c.units + case when c.rest < 500000000000 then 0 else 1 end as hugeint) as square
    from money as c
    join sizes as f on f.model = c.model and f.grp = c.grp and f.credits >= $most
) as c
group by c.model, c.grp, c.told
order by c.model, c.grp, c.told

-- name: credits_by_day
-- What each row is credited with day by day of its orders, under each model that is asked for; amounts in minor units.
-- asks: since text, until text, first text, last text, after text, as_of bigint, dataset text, models text, by text, window bigint, chat bigint, half_life bigint, repeats text, unit bigint, history_s bigint, credit_day text, credit_since text, credit_until text, bucket bigint, buckets bigint
-- answers: model text, grp text, day text, orders decimal(38,0), placed decimal(28,12), delivered decimal(28,12), kept decimal(28,12), banked decimal(28,12), margin decimal(28,12)
select c.model, c.grp, c.day, sum(case when c.whose = 32 then c.units else 0 end) as orders, sum(case when c.whose % 2 = 1 then c.amount else 0 end) as placed,
       sum(case when c.whose // 2 % 2 = 1 then c.amount else 0 end) as delivered, sum(case when c.whose // 4 % 2 = 1 then c.amount else 0 end) as kept,
       sum(case when c.whose // 8 % 2 = 1 then c.amount when c.whose // 64 % 2 = 1 then -c.amount else 0 end) as banked, sum(case when c.whose // 16 % 2 = 1 then c.amount when c.whose // 128 % 2 = 1 then -c.amount else 0 end) as margin
from (
    select c.model, c.grp, c.day, c.whose, sum(c.units) as units, cast(cast(sum(case when c.whose = 32 then 0 else c.units end) as decimal(24, 0))
                                       + cast(sum(c.rest) as decimal(24, 0)) * 0.000000000001 as decimal(28, 12)) as amount
    from credits as c
    group by c.model, c.grp, c.day, c.whose
) as c
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
select count(*) as orders, coalesce(sum(case when u.order_row is not null then 1 else 0 end), 0) as unseen,
       coalesce(sum(s.placed), 0) as placed,
       coalesce(sum(case when s.final and not s.back and s.costed then s.delivered end), 0) as kept_due,
       coalesce(sum(case when s.final and not s.back and s.costed then s.margin end), 0) as kept_margin,
       coalesce(sum(case when s.final and s.back and s.costed then s.placed end), 0) as gone_placed,
       coalesce(sum(case when s.final and s.back and s.costed then s.margin end), 0) as gone_margin
from stood as s
left join (
    select p.order_row from paths as p
    where p.place = -1 and p.day between $since and $until
      and not exists (select 1 from paths as q where q.order_row = p.order_row and q.kind = 'shop_says' and q.day between $since and $until)
) as u on u.order_row = s.order_row

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
        select c.order_row, max(c.day) as day, max(c.method) as method, sum(case when c.whose = 32 then c.units else 0 end) as part,
               cast(cast(sum(c.of_link * c.units) as decimal(24, 0)) + cast(sum(c.of_link * c.rest) as decimal(24, 0)) * 0.000000000001 as decimal(28, 12)) as amount
        from (
            select c.order_row, c.day, c.method, c.whose, c.units, c.rest,
                   case $link when 'delivered' then c.whose // 2 % 2 when 'true' then c.whose // 4 % 2 when 'banked' then c.whose // 8 % 2 - c.whose // 64 % 2
                              when 'margin' then c.whose // 16 % 2 - c.whose // 128 % 2 else c.whose % 2 end as of_link
            from credits as c
            where c.grp = $grp
        ) as c
        group by c.order_row
    ) as r
    where r.amount <> 0 or $link = 'orders'
) as q
left join lives as l on l.order_row = q.order_row and l.day between $since and $until and l.from_at <= $as_of and l.until_at > $as_of
order by q.day desc, placed_at desc, q.order_row desc
limit $most
