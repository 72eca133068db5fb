-- What is owed to the shop at a time: with whom it is, what does not close, what nobody knows.

-- name: cash_waiting
-- Sums that somebody has for the shop, by who, how far it came, since when and by when it should be here.
-- asks: as_of bigint, dataset text
-- answers: who text, place text, since bigint, expected bigint, amount decimal(28,12), pieces bigint
select w.who, w.place, w.since, w.expected, sum(w.amount) as amount, sum(w.pieces) as pieces
from waiting as w
where w.from_at <= $as_of and w.until_at > $as_of and ($dataset = '' or w.dataset = $dataset or w.dataset = '')
group by w.who, w.place, w.since, w.expected
order by w.who, w.place, w.since, w.expected

-- name: cash_habits
-- How many days couriers took to the bank, for each how often.
-- asks: as_of bigint, dataset text
-- answers: courier text, days bigint, orders bigint
select t.courier, t.days, sum(t.orders) as orders
from life_terms as t
where t.bridge = 'habit' and t.from_at <= $as_of and t.until_at > $as_of and ($dataset = '' or t.dataset = $dataset)
group by t.courier, t.days
order by t.courier, t.days

-- name: cash_open_batches
-- Payouts and remittances that do not close, the first first.
-- answers: batch text, source text, number text, kind text, happened_at bigint, net decimal(28,12), lines decimal(28,12), paid decimal(28,12), currency text
select s.batch, s.source, s.number, s.kind, s.happened_at, s.net, s.lines, s.paid, s.currency
from settlements as s
where not s.closes
order by s.happened_at, s.batch

-- name: cash_credits
-- What is left of credits that pay nothing known, the first first.
-- asks: as_of bigint
-- answers: line text, happened_at bigint, amount decimal(28,12), currency text
select c.line, c.happened_at, c.amount, c.currency
from open_credits as c
where c.happened_at <= $as_of
order by c.happened_at, c.line
