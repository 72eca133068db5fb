-- What may wait for a person's word, and what it could be: names for whoever matches them and what bears on them.

-- part: digits
-- Nought to nine.
select 0 as d union all select 1 as d union all select 2 as d union all select 3 as d union all select 4 as d
union all select 5 as d union all select 6 as d union all select 7 as d union all select 8 as d union all select 9 as d

-- part: places
-- One to as many as are asked about.
select a.d + 10 * b.d + 100 * e.d + 1 as n
from digits as a cross join digits as b cross join digits as e
where a.d + 10 * b.d + 100 * e.d < $many

-- part: wanted
-- The amounts that are asked about, each with its currency and time: $amounts is "EUR:12.50:1700000000 EUR:3.00:1700000000".
select p.n, split_part(split_part($amounts, ' ', p.n), ':', 1) as currency,
       cast(nullif(split_part(split_part($amounts, ' ', p.n), ':', 2), '') as decimal(28,12)) as amount,
       cast(nullif(split_part(split_part($amounts, ' ', p.n), ':', 3), '') as bigint) as at
from places as p

-- part: bare
-- Orders of which something may be open: what is owed and not taken; and all of it where only the shop says that it was paid, and no line of
-- money does. What was paid with gift cards is owed by nobody.
select l.order_row, l.order_key, l.placed_at, l.total, l.total - l.taken as open
from lives as l
where l.from_at <= $as_of and l.until_at > $as_of and l.total > l.taken and ($dataset = '' or l.dataset = $dataset)
union all
select l.order_row, l.order_key, l.placed_at, l.total, l.total as open
from lives as l
left join (select w.order_row, sum(w.amount) as amount from waiting as w where w.from_at <= $as_of and w.until_at > $as_of group by w.order_row) as w
  on w.order_row = l.order_row
where l.from_at <= $as_of and l.until_at > $as_of and l.total > 0 and l.taken > 0 and l.banked <= 0 and coalesce(w.amount, 0) <= 0
  and ($dataset = '' or l.dataset = $dataset)

-- part: vouchers
-- What was paid of an order with gift cards, each payment once whoever tells it; all of it where the order is paid so and no payment says it.
select o.order_row, coalesce(max(g.amount), max(case when o.method = 'gift_card' then o.total end)) as amount
from orders as o
left join (select p.order_row, sum(p.amount) as amount
           from (select order_row, payment, currency, max(amount) as amount from payments
                 where kind in ('sale', 'capture') and state = 'success' and replace(lower(gateway), '_', ' ') like '%gift card%'
                 group by order_row, payment, currency) as p
           join orders as q on q.order_row = p.order_row and q.currency = p.currency
           group by p.order_row) as g on g.order_row = o.order_row
where g.amount > 0 or o.method = 'gift_card'
group by o.order_row

-- part: owed
-- The same in each currency in which an order was told: in another than that of the tables the share of it that is open.
select b.order_row, b.order_key, b.placed_at, o.currency,
       case when o.currency = $currency then cast(b.open as double)
            else cast(o.total as double) * (cast(b.open as double) / cast(b.total as double)) end
       - cast(coalesce(v.amount, 0) as double) as open
from bare as b
join orders as o on o.order_row = b.order_row
left join vouchers as v on v.order_row = b.order_row
where b.total > 0
union all
select b.order_row, b.order_key, b.placed_at, o.shown_currency as currency,
       cast(o.shown_total as double) * (cast(b.open as double) / cast(b.total as double)) as open
from bare as b
join orders as o on o.order_row = b.order_row and o.shown_currency <> o.currency
where b.total > 0

-- name: matching_lines
-- Lines of providers and couriers that pay no order that is here, and some that only look like one of them: amounts are compared, not names.
-- asks: as_of bigint, currency text
-- answers: line text, happened_at bigint
select m.line, m.happened_at
from money as m
where m.status = 'booked' and m.kind in ('charge', 'cod_collected', 'refund', 'dispute', 'dispute_reversal') and m.happened_at <= $as_of
  and (m.currency <> $currency or m.exact is not null
       or m.gross in (select cast(t.amount as decimal(18,4)) from life_terms as t where t.bridge = 'unmatched_line'))
order by m.happened_at, m.line

-- name: matching_unmatched
-- Numbers of the lines that pay no order that is here.
-- answers: order_row bigint
select distinct t.order_row from life_terms as t where t.bridge = 'unmatched_line' order by t.order_row

-- name: matching_debits
-- What left the bank.
-- asks: as_of bigint
-- answers: line text, happened_at bigint
select m.line, m.happened_at
from money as m
where m.status = 'booked' and m.kind = 'bank_debit' and m.happened_at <= $as_of
order by m.happened_at, m.line

-- name: matching_owing
-- Orders of which about these amounts are open, of each amount the nearest.
-- asks: amounts text, many bigint, near decimal(18,4), most bigint, as_of bigint, dataset text, currency text
-- answers: n bigint, order_row bigint
select f.n, f.order_row
from (
    select w.n, o.order_row,
           row_number() over (partition by w.n order by round(abs(o.open - cast(w.amount as double)) * 100), abs(o.placed_at - w.at), o.order_key) as place
    from wanted as w
    join owed as o on o.currency = w.currency and abs(o.open - cast(w.amount as double)) <= cast($near as double) + 0.01
) as f
where f.place <= $most
order by f.n, f.place

-- name: matching_batches
-- Payouts and remittances of about these amounts that nobody paid.
-- asks: amounts text, many bigint, near decimal(18,4)
-- answers: batch text, source text, number text
select distinct s.batch, s.source, s.number
from wanted as w
join settlements as s on s.currency = w.currency and s.paid is null and s.net between w.amount - cast($near as decimal(28,12)) and w.amount + cast($near as decimal(28,12))
order by s.batch

-- name: matching_numbers
-- Whose batches are, and under which number.
-- answers: batch text, source text, number text
select s.batch, s.source, s.number from settlements as s order by s.batch
