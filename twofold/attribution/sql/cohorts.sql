-- Customers over time: what those who were new in a month brought since.

-- part: bought
-- Delivered orders of somebody, as they stand at a time: whose, in which month, and what each brought.
select b.customer, l.month, l.due, coalesce(l.cm3, 0) as margin
from lives as l join buyers as b on b.order_row = l.order_row and b.day = l.day
where l.is_delivered and l.from_at <= $as_of and l.until_at > $as_of and ($dataset = '' or l.dataset = $dataset)
  and b.customer is not null

-- name: cohort_months
-- What the customers of each month of a first delivered order brought in each month, and in how many orders; how many they are stands in the
-- row of their own month.
-- asks: as_of bigint, dataset text
-- answers: first_month text, month text, customers bigint, orders bigint, due decimal(28,12), margin decimal(28,12)
select f.first_month, b.month, count(distinct b.customer) as customers, count(*) as orders, sum(b.due) as due,
       sum(b.margin) as margin
from bought as b join (select b.customer, min(b.month) as first_month from bought as b group by b.customer) as f on f.customer = b.customer
group by f.first_month, b.month
order by f.first_month, b.month
