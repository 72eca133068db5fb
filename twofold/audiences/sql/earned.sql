-- What orders came to, for lists by margin and for the value of a person.

-- name: audience_earned
-- Of the orders placed on some days, what was delivered and not given back, and what they left before advertising, as it stands.
-- asks: since text, until text, as_of bigint, dataset text
-- answers: order_row bigint, delivered decimal(28,12), margin decimal(28,12)
select l.order_row, l.delivered - l.refunds as delivered, l.cm3 as margin
from lives as l
where l.day between $since and $until and ($dataset = '' or l.dataset = $dataset) and l.from_at <= $as_of and l.until_at > $as_of
order by l.order_row
