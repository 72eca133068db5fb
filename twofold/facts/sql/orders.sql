-- Questions about orders that more than one report asks.

-- name: orders_placed
-- Orders that were placed on some days in UTC, by day and currency, without tests and deleted ones.
-- asks: since text, until text
-- answers: day text, currency text, orders bigint, total decimal(18,4)
select o.day, coalesce(o.currency, '') as currency, count(*) as orders, sum(o.total) as total
from orders as o
where o.day between $since and $until and o.known and not o.test and not o.deleted
group by o.day, coalesce(o.currency, '')
order by o.day, currency

-- name: orders_by_state
-- How far the orders of some days have come, by method of payment.
-- asks: since text, until text
-- answers: method text, orders bigint, confirmed bigint, shipped bigint, delivered bigint, returned bigint, cancelled bigint
select o.method, count(*) as orders, count(o.confirmed_at) as confirmed, count(o.shipped_at) as shipped,
       count(o.delivered_at) as delivered, count(o.returned_at) as returned, count(o.cancelled_at) as cancelled
from orders as o
where o.day between $since and $until and o.known and not o.test and not o.deleted
group by o.method
order by o.method

-- name: goods_sold
-- Pieces and money of each article in the orders of some days, the largest first.
-- asks: since text, until text, most bigint
-- answers: sku text, pieces bigint, goods decimal(18,4)
select l.sku, sum(l.quantity) as pieces, sum(l.price * l.quantity - coalesce(l.discount, 0)) as goods
from order_lines as l join orders as o on o.order_row = l.order_row
where o.day between $since and $until and l.day between $since and $until and not o.test and not o.deleted
  and l.gift_card = false
group by l.sku
order by goods desc nulls last, l.sku
limit $most

-- name: orders_without_purchase
-- Orders that count and stand for no Purchase, the latest first.
-- asks: since text, until text, most bigint
-- answers: dataset text, order_id text, placed_at bigint, total decimal(18,4), currency text
select o.dataset, o.order_id, o.placed_at, o.total, coalesce(o.currency, '') as currency
from orders as o left join purchases as p on p.action = o.action
where o.day between $since and $until and o.standing = 'counts' and p.action is null
order by o.placed_at desc, o.dataset, o.order_id
limit $most
