-- One day as its witnesses have it: what platforms and counters were told of days, then the orders and Purchases that may touch one.

-- name: day_spend
-- What Meta said of some days, as it stands.
-- asks: since text, until text
-- answers: line text, account text, level text, local_day text, zone text, campaign_id text, campaign text, adset_id text, adset text, ad_id text, ad text, currency text, amount decimal(28,12), setting text, fetched_at bigint, exact text
select s.line, s.account, s.level, s.local_day, s.zone, s.campaign_id, s.campaign, s.adset_id, s.adset, s.ad_id, s.ad, s.currency,
       s.amount, s.setting, s.fetched_at, s.exact
from spend as s
where s.source = 'meta' and s.counts and s.local_day between $since and $until
order by s.local_day, s.line

-- name: day_claims
-- The conversions that it claims in those rows.
-- asks: since text, until text
-- answers: line text, local_day text, window_name text, claimed_count decimal(18,4), claimed_value decimal(18,4), exact text
select c.line, c.local_day, c.window_name, c.claimed_count, c.claimed_value, c.exact
from spend_claims as c
where c.source = 'meta' and c.counts and not c.site_only and c.local_day between $since and $until
order by c.local_day, c.line, c.window_name

-- name: day_ads
-- Ads with the accounts that have them, of all days.
-- answers: account text, ad_id text
select distinct s.account, s.ad_id
from spend as s
where s.source = 'meta' and s.stands and s.ad_id <> '' and s.account <> ''
order by s.account, s.ad_id

-- name: day_sites
-- What GA4 or another counter said of some days, as it stands.
-- asks: since text, until text
-- answers: line text, source text, account text, local_day text, zone text, currency text, transaction_id text, session_source text, medium text, campaign text, channel text, purchases decimal(18,4), revenue decimal(18,4), gross_revenue decimal(18,4), refunds decimal(18,4), flags text, fetched_at bigint, exact text
select s.line, s.source, s.account, s.local_day, s.zone, s.currency, s.transaction_id, s.session_source, s.medium, s.campaign,
       s.channel, s.purchases, s.revenue, s.gross_revenue, s.refunds, s.flags, s.fetched_at, s.exact
from site_days as s
where s.stands and s.local_day between $since and $until
order by s.local_day, s.line

-- part: seen
-- Purchases whose event lies near the day of any witness, and somewhat after it where a platform tells the day of the click.
select p.action, p.order_row, p.called, p.event_time, p.clicked_at
from purchases as p
where p.merged_into is null and p.event_time >= $from_s and p.event_time < $upto_s and ($dataset = '' or p.dataset = $dataset)

-- part: owned
-- Those with the order that they stand for, else that they name.
select s.action, s.order_row, s.event_time, s.clicked_at from seen as s where s.order_row is not null
union all
select s.action, min(n.order_row) as order_row, s.event_time, s.clicked_at
from seen as s join order_names as n on n.kind = 'called' and n.value = s.called
where s.order_row is null and s.called <> ''
group by s.action, s.event_time, s.clicked_at

-- part: clicked
-- Orders that a click of the day may have led to, where a platform tells the day of the click.
select distinct t.order_row
from paths as t
where t.happened_at >= $from_s and t.happened_at < $to_s and $upto_s > $to_s
  and (',' || t.click_kind || ',' like '%,fbclid,%' or (t.kind = 'chat' and t.ad_id <> ''))

-- part: told
-- What GA4 calls the orders of the day, as keys are compared.
select distinct lower(replace(replace(s.transaction_id, ' ', ''), '#', '')) as called
from site_days as s
where s.stands and s.local_day = $day and s.transaction_id <> ''

-- part: near
-- Orders that may touch the day: placed near it, given back or cancelled on it, named by GA4, or of a Purchase near it.
select o.order_row from orders as o where o.placed_at >= $from_s and o.placed_at < $to_s
union
select o.order_row from orders as o where o.cancelled_at >= $first_s and o.cancelled_at < $last_s
union
select o.order_row from orders as o where o.given_back_last >= $first_s and o.given_back_first < $last_s
union
select o.order_row
from told as g join orders as o on lower(replace(replace(o.order_id, ' ', ''), '#', '')) = g.called
where o.placed_at >= $from_s - 6048000 and o.placed_at < $to_s + 691200
union
select o.order_row
from told as g join orders as o on lower(replace(replace(o.number, ' ', ''), '#', '')) = g.called
where o.placed_at >= $from_s - 6048000 and o.placed_at < $to_s + 691200
union
select w.order_row from owned as w
where w.event_time < $to_s or (w.clicked_at >= $from_s and w.clicked_at < $to_s)
   or w.order_row in (select k.order_row from clicked as k)

-- part: touched
-- Of these orders whether a visit led to them, and when the last click of Meta's was.
select t.order_row, max(case when t.kind in ('click', 'visit') then 1 else 0 end) as visited,
       max(case when ',' || t.click_kind || ',' like '%,fbclid,%' or (t.kind = 'chat' and t.ad_id <> '') then t.happened_at end)
           as clicked_at
from paths as t
where t.age <= 2419200 and t.order_row in (select n.order_row from near as n)
group by t.order_row

-- part: adverts
-- Which ad that click was of.
select t.order_row, max(t.ad_id) as ad_id
from paths as t join touched as k on k.order_row = t.order_row and k.clicked_at = t.happened_at
where t.age <= 2419200 and (',' || t.click_kind || ',' like '%,fbclid,%' or (t.kind = 'chat' and t.ad_id <> ''))
group by t.order_row

-- part: theirs
-- Purchases of these orders, whenever their event was.
select p.action, p.order_row
from purchases as p
where p.merged_into is null and p.order_row in (select n.order_row from near as n)
union
select p.action, m.order_row
from order_names as m join purchases as p on p.called = m.value
where m.kind = 'called' and m.order_row in (select n.order_row from near as n) and p.called <> ''
  and p.merged_into is null and p.order_row is null

-- part: tried
-- Deliveries to a platform of those and of Purchases near the day: the one that arrived, else the first by name.
select d.action, d.state, d.reason, d.sent_value, d.sent_currency, d.told_as, d.exact,
       row_number() over (partition by d.action order by case when d.state = 'delivered' then 0 else 1 end, d.destination) as place
from purchase_deliveries as d
where $destinations like '%,' || d.destination || ',%'
  and (d.action in (select h.action from theirs as h) or d.action in (select s.action from seen as s where s.event_time < $to_s))

-- name: day_orders
-- The orders that may touch a day, each with the visit that led to it and the last click of Meta's.
-- asks: from_s bigint, to_s bigint, upto_s bigint, first_s bigint, last_s bigint, day text, dataset text
-- answers: dataset text, order_row bigint, order_id text, number text, placed_at bigint, known boolean, sale text, source text, test boolean, deleted boolean, currency text, total decimal(18,4), after_refunds boolean, refunded decimal(18,4), shipping decimal(18,4), tax decimal(18,4), tip decimal(18,4), duties decimal(18,4), gift_cards decimal(18,4), discount decimal(18,4), shown_total decimal(18,4), value_currency text, left_out decimal(28,12), edited decimal(18,4), given_back text, cancelled_at bigint, returned_at bigint, action bigint, exact text, visited boolean, clicked_at bigint, ad_id text
select o.dataset, o.order_row, o.order_id, o.number, o.placed_at, o.known, o.sale, o.source, o.test, o.deleted, o.currency, o.total,
       o.after_refunds, o.refunded, o.shipping, o.tax, o.tip, o.duties, o.gift_cards, o.discount, o.shown_total, o.value_currency,
       o.left_out, o.edited, o.given_back, o.cancelled_at, o.returned_at, o.action, o.exact,
       coalesce(t.visited, 0) = 1 as visited, t.clicked_at, coalesce(k.ad_id, '') as ad_id
from orders as o left join touched as t on t.order_row = o.order_row left join adverts as k on k.order_row = o.order_row
where o.order_row in (select n.order_row from near as n) and ($dataset = '' or o.dataset = $dataset)
order by o.placed_at, o.dataset, o.order_id, o.order_row

-- name: day_purchases
-- Purchases of those orders, and those near the day that are of no order; each with what became of it at a platform.
-- asks: from_s bigint, to_s bigint, upto_s bigint, first_s bigint, last_s bigint, day text, dataset text, destinations text
-- answers: action bigint, order_row bigint, event_time bigint, value decimal(28,12), currency text, told_value decimal(28,12), told_currency text, browser boolean, clicked_at bigint, browsers text, consent text, exact text, state text, reason text, sent_value decimal(18,4), sent_currency text, sent_exact text, told_as text
select p.action, h.order_row, p.event_time, p.value, p.currency, p.told_value, p.told_currency, p.browser_told as browser,
       p.clicked_at, p.browsers, p.consent, p.exact, coalesce(d.state, '') as state, coalesce(d.reason, '') as reason,
       d.sent_value, d.sent_currency, d.exact as sent_exact, coalesce(d.told_as, '') as told_as
from purchases as p
left join theirs as h on h.action = p.action
left join tried as d on d.action = p.action and d.place = 1
where p.merged_into is null and ($dataset = '' or p.dataset = $dataset)
  and (h.action is not null
       or p.action in (select s.action from seen as s
                       where s.event_time < $to_s and s.action not in (select w.action from owned as w)))
order by p.action

-- name: day_people
-- Whose those near the day are that are of no order, and the others at their time: marks of browsers beside their own.
-- asks: from_s bigint, to_s bigint, upto_s bigint, dataset text
-- answers: action bigint, who text
select distinct coalesce(p.merged_into, p.action) as action, k.who
from purchase_people as k join purchases as p on p.action = k.action
where coalesce(p.merged_into, p.action) in (select s.action from seen as s where s.event_time < $to_s)
  and exists (select 1 from seen as s where s.event_time < $to_s and s.action not in (select w.action from owned as w))
order by 1, 2
