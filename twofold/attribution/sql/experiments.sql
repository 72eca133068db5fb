-- What an experiment is planned on and read from.

-- name: orders_by_region
-- Orders and their money by delivery region and quarter of an hour, without tests and deleted ones.
-- asks: since text, until text, country text, currency text
-- answers: region text, quarter bigint, orders bigint, amount decimal(18,4), delivered bigint, delivered_amount decimal(18,4)
select o.region, o.placed_at - o.placed_at % 900 as quarter, count(*) as orders,
       sum(case when o.currency = $currency then o.total else cast(0 as decimal(18,4)) end) as amount,
       count(o.delivered_at) as delivered,
       sum(case when o.delivered_at is not null and o.currency = $currency then o.total else cast(0 as decimal(18,4)) end)
           as delivered_amount
from orders as o
where o.day between $since and $until and o.known and not o.test and not o.deleted
  and ($country = '' or o.country = $country or o.country = '')
group by o.region, o.placed_at - o.placed_at % 900
order by o.region, quarter
