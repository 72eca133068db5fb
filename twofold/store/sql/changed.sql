-- Which days of what is derived have to be made again.

-- name: mark_days
-- Days of which something is written now.
insert into changed_day (part, day, generation, erased) values /*rows*/ (?, ?, ?, ?)
on conflict (part, day) do update set generation = excluded.generation,
    erased = greatest(changed_day.erased, excluded.erased);

-- name: mark_days_of_orders
-- The days of these orders.
insert into changed_day (part, day, generation, erased)
select distinct 'orders', o.placed_at / 86400, ?2, ?3 from orders as o where o.id in /*ids*/ (?1)
on conflict (part, day) do update set generation = excluded.generation,
    erased = greatest(changed_day.erased, excluded.erased);

-- name: mark_days_of_actions
-- The days on which these actions came.
insert into changed_day (part, day, generation, erased)
select distinct 'actions', (select j.day from journal_day as j where j.first_position <= a.value
                            order by j.first_position desc limit 1), ?2, ?3
from /*each*/ (?1) as a where a.value >= (select min(first_position) from journal_day)
on conflict (part, day) do update set generation = excluded.generation,
    erased = greatest(changed_day.erased, excluded.erased);

-- name: mark_days_of_order_actions
-- The days on which the actions came that these orders stand for.
insert into changed_day (part, day, generation, erased)
select distinct 'actions', (select j.day from journal_day as j where j.first_position <= o.action
                            order by j.first_position desc limit 1), ?2, ?3
from orders as o where o.id in /*ids*/ (?1) and o.action >= (select min(first_position) from journal_day)
on conflict (part, day) do update set generation = excluded.generation,
    erased = greatest(changed_day.erased, excluded.erased);

-- name: mark_days_of_touches
-- The days of these signs, which go.
insert into changed_day (part, day, generation, erased)
select distinct 'touches', t.at / 86400, ?2, ?3 from touch as t where t.id in /*ids*/ (?1)
on conflict (part, day) do update set generation = excluded.generation,
    erased = greatest(changed_day.erased, excluded.erased);

-- name: days_of_orders
-- When these orders were placed, and what stands for them.
select placed_at / 86400, action from orders where id in /*ids*/ (?);

-- name: days_of_touches
-- The days of these signs.
select distinct at / 86400 from touch where id in /*ids*/ (?);

-- name: mark_days_of_old_buyers
-- The days of the orders whose buyers' names are forgotten next.
insert into changed_day (part, day, generation, erased)
select distinct 'orders', o.placed_at / 86400, ?3, 0
from (select order_row from order_party where kind = 'name' and since < ?1 order by since limit ?2) as b
join orders as o on o.id = b.order_row where true
on conflict (part, day) do update set generation = excluded.generation;

-- name: select_changed_days
-- What has to be made again, with the generation it was written in.
select part, day, generation, erased from changed_day order by part, day;

-- name: drop_changed_days
-- Made since, and not written since that began.
delete from changed_day where part = ?1 and day = ?2 and generation < ?3;

-- name: settle_erased_days
-- No file of the state before is left.
update changed_day set erased = 0 where part = ?1 and day = ?2;

-- name: select_journal_days
-- Which stretches of the journal came on which day.
select first_position, day from journal_day order by first_position;

-- name: insert_journal_days
-- From this position on the journal came on this day.
insert into journal_day (first_position, day) values /*rows*/ (?, ?)
on conflict do nothing;

-- name: actions_of_positions
-- The actions that these rows of the journal are copies of.
select distinct action from event where position in /*ids*/ (?);

-- name: actions_of_attempts
-- The actions that were tried between two attempts.
select distinct delivery / 256 from attempt where id between ?1 and ?2;
