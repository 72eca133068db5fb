-- Questions about money, parcels and advertising.

-- name: money_by_kind
-- Booked movements of money on some days in UTC, by source, kind and currency; one that two formats tell once.
-- asks: since text, until text
-- answers: source text, kind text, currency text, lines bigint, gross decimal(18,4), fee decimal(18,4), net decimal(18,4)
select m.source, m.kind, m.currency, count(*) as lines, sum(m.gross) as gross, sum(m.fee) as fee, sum(m.net) as net
from money as m left join twice_told as t on t.line = m.line
where m.day between $since and $until and m.status = 'booked' and t.line is null
group by m.source, m.kind, m.currency
order by m.source, m.kind, m.currency

-- name: batches_that_do_not_close
-- Payouts and remittances whose lines do not add up to what they declare, with the difference.
-- answers: source text, batch text, currency text, declared decimal(18,4), found decimal(18,4), difference decimal(18,4)
select b.source, b.batch, b.currency, b.net as declared, coalesce(sum(m.net), 0) as found,
       b.net - coalesce(sum(m.net), 0) as difference
from batches as b
left join (
    select o.source, o.batch, o.currency, o.net
    from money as o left join twice_told as t on t.line = o.line
    where o.kind <> 'payout' and o.status = 'booked' and t.line is null
) as m on m.source = b.source and m.batch = b.batch and m.currency = b.currency
where b.net is not null
group by b.line, b.source, b.batch, b.currency, b.net
having b.net <> coalesce(sum(m.net), 0)
order by b.source, b.batch, b.currency

-- name: spend_by_campaign
-- What advertising cost on some days of its accounts, by source, campaign and currency.
-- asks: since text, until text
-- answers: source text, campaign text, currency text, days bigint, amount decimal(28,12), clicks bigint
select s.source, s.campaign, s.currency, count(distinct s.local_day) as days, sum(s.amount) as amount,
       coalesce(sum(s.clicks), 0) as clicks
from spend as s
where s.local_day between $since and $until and s.counts
group by s.source, s.campaign, s.currency
order by s.source, s.campaign, s.currency

-- name: touches_by_source
-- First signs of visits and chats on some days in UTC, by source and medium.
-- asks: since text, until text
-- answers: kind text, source text, medium text, touches bigint, people bigint
select t.kind, t.source, t.medium, count(*) as touches, count(distinct t.who) as people
from touches as t
where t.day between $since and $until
group by t.kind, t.source, t.medium
order by t.kind, t.source, t.medium
