-- What buyers said of how they heard of the shop, beside what the last touch of their orders says. Nothing of it credits anybody.

-- part: placed
-- The orders of some days as they stood at a time; whether their buyer was erased, and their words with them.
select l.order_row, e.order_row is not null as erased
from lives as l
left join (select p.order_row from paths as p where p.reason = 'erased' and p.day between $since and $until) as e on e.order_row = l.order_row
where l.day between $since and $until and l.from_at <= $as_of and l.until_at > $as_of and ($dataset = '' or l.dataset = $dataset)

-- part: meant
-- The order that an answer of a survey of its own names: the one order, of all, that has this id or number.
select n.match_key, min(n.order_row) as order_row
from order_names as n
where n.match_key in (select s.match_key from surveys as s where s.match_key <> '')
group by n.match_key
having min(n.order_row) = max(n.order_row)

-- part: told
-- All that was answered of those orders: with the order itself, and in a survey of its own.
select p.order_row, p.happened_at, p.source as answer
from paths as p
join placed as o on o.order_row = p.order_row and not o.erased
where p.kind = 'survey' and p.source <> '' and p.day between $since and $until
union all
select m.order_row, s.happened_at, s.answer
from surveys as s
join meant as m on m.match_key = s.match_key
join placed as o on o.order_row = m.order_row and not o.erased
where s.answer <> '' and s.happened_at <= $as_of

-- part: answered
-- Of each of them the last answer.
select a.order_row, a.answer
from (select t.order_row, t.answer, row_number() over (partition by t.order_row order by t.happened_at desc, t.answer desc) as nth from told as t) as a
where a.nth = 1

-- part: clicked
-- The channel of their last touch, as the model of that name has it: direct gives way, the shop's own word stands in where no touch is in the window.
select c.order_row, c.channel
from (
    select t.order_row, t.channel, row_number() over (partition by t.order_row order by t.turn, t.place desc) as nth
    from (
        select p.order_row, p.place, p.channel, case when p.kind = 'shop_says' then 3 when p.channel = 'direct' then 2 else 1 end as turn
        from paths as p
        join answered as a on a.order_row = p.order_row
        where p.day between $since and $until
          and ((p.kind in ('click', 'visit') and p.age <= $window) or (p.kind = 'chat' and p.age <= $chat) or p.kind = 'shop_says')
    ) as t
) as c
where c.nth = 1

-- name: survey_answers
-- How many orders have which last answer, by the channel of their last touch; that is empty where none counts.
-- asks: since text, until text, as_of bigint, dataset text, window bigint, chat bigint
-- answers: answer text, channel text, orders bigint
select a.answer, coalesce(c.channel, '') as channel, count(*) as orders
from answered as a
left join clicked as c on c.order_row = a.order_row
group by a.answer, coalesce(c.channel, '')
order by a.answer, channel

-- name: survey_orders
-- How many orders there are, answered or not.
-- asks: since text, until text, as_of bigint, dataset text
-- answers: orders bigint
select count(*) as orders
from lives as l
where l.day between $since and $until and l.from_at <= $as_of and l.until_at > $as_of and ($dataset = '' or l.dataset = $dataset)
