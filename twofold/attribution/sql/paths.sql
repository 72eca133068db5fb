-- Whose touches an order has, and what its tables of attribution need of it.

-- name: touches_of_orders
-- Signs of the browsers and chats of orders placed on some days (UTC), from so many seconds before each to the order itself.
-- asks: since text, until text, first text, window bigint
-- answers: dataset text, order_id text, order_row bigint, who text, source_key text, happened_at bigint, kind text, source text, medium text, campaign text, content text, term text, utm_id text, click_kind text, campaign_id text, adset_id text, ad_id text, referrer_host text, landing_path text, device text
select distinct o.dataset, o.order_id, o.order_row, t.who, t.source_key, t.happened_at, t.kind, t.source, t.medium, t.campaign,
       t.content, t.term, t.utm_id, t.click_kind, t.campaign_id, t.adset_id, t.ad_id, t.referrer_host, t.landing_path, t.device
from orders as o
join purchase_people as p on p.action = o.action
join touches as t on t.who = p.who and t.dataset = o.dataset
where o.day between $since and $until and t.day between $first and $until
  and t.happened_at <= o.placed_at and t.happened_at >= o.placed_at - $window
  and t.kind in ('click', 'visit', 'chat')
order by o.order_row, t.happened_at, t.who, t.source_key

-- name: orders_of_tables
-- Orders placed on some days (UTC), by the number of this folder, with the country they go to.
-- asks: since text, until text
-- answers: dataset text, order_id text, order_row bigint, country text
select o.dataset, o.order_id, o.order_row, coalesce(o.country, '') as country
from orders as o
where o.day between $since and $until and o.known and not o.test and not o.deleted
order by o.order_row

-- name: lines_of_tables
-- The lines of orders placed on some days (UTC) with their net amounts, without gift cards.
-- asks: since text, until text
-- answers: dataset text, order_id text, order_row bigint, sku text, net decimal(18,4)
select o.dataset, o.order_id, o.order_row, l.sku, sum(l.price * l.quantity - coalesce(l.discount, cast(0 as decimal(18,4)))) as net
from order_lines as l join orders as o on o.order_row = l.order_row
where o.day between $since and $until and l.day between $since and $until and l.gift_card = false
group by o.dataset, o.order_id, o.order_row, l.sku
order by o.order_row, l.sku

-- name: touches_of_nobody
-- Signs of some days (UTC) of browsers and chats that no order has: paths that led nowhere.
-- asks: since text, until text, dataset text
-- answers: dataset text, who text, source_key text, happened_at bigint, kind text, source text, medium text, campaign text, content text, term text, utm_id text, click_kind text, campaign_id text, adset_id text, ad_id text, referrer_host text, landing_path text, device text
select t.dataset, t.who, t.source_key, t.happened_at, t.kind, t.source, t.medium, t.campaign, t.content, t.term, t.utm_id,
       t.click_kind, t.campaign_id, t.adset_id, t.ad_id, t.referrer_host, t.landing_path, t.device
from touches as t
where t.day between $since and $until and t.kind in ('click', 'visit', 'chat') and ($dataset = '' or t.dataset = $dataset)
  and not exists (select 1 from purchase_people as p join orders as o on o.action = p.action where p.who = t.who)
order by t.who, t.happened_at, t.source_key

-- name: adverts_seen
-- Which campaigns, ad sets and ads any visit of some days (UTC) names.
-- asks: since text, until text
-- answers: campaign_id text, campaign text, adset_id text, term text, ad_id text, content text
select distinct t.campaign_id, t.campaign, t.adset_id, t.term, t.ad_id, t.content
from touches as t
where t.day between $since and $until
order by t.campaign_id, t.campaign, t.adset_id, t.term, t.ad_id, t.content
