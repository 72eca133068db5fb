-- What brings orders, lines and batches together. Every statement has its plain words, as in core.sql.

-- name: insert_order_keys
-- By which keys lines may name orders.
insert into order_key (key, order_row) values /*rows*/ (?, ?)
on conflict do nothing;

-- name: drop_order_key
-- A line can no longer name the order by this key.
delete from order_key where key = ?1 and order_row = ?2;

-- name: select_orders_of_keys
-- Which orders lines may name by these keys.
select key, order_row from order_key where key in /*ids*/ (?) order by key, order_row;

-- name: put_line_books
-- Accounts, formats and batches that lines were told of, with their days.
insert into line_book (source, account, currency, batch, form, first_day, last_day) values /*rows*/ (?, ?, ?, ?, ?, ?, ?)
on conflict (source, account, currency, batch, form) do update set
    first_day = least(line_book.first_day, excluded.first_day), last_day = greatest(line_book.last_day, excluded.last_day)
where excluded.first_day < line_book.first_day or excluded.last_day > line_book.last_day;

-- name: select_line_books
-- All of them.
select source, account, currency, batch, form, first_day, last_day from line_book
order by source, account, currency, batch, form;

-- name: orders_after
-- The next orders by their number, up to one.
select id from orders where id > ?1 and id <= ?2 order by id limit ?3;

-- name: lines_after
-- The next lines by their number, up to one.
select id, body from line where id > ?1 and id <= ?2 order by id limit ?3;

-- name: standing_lines_of_keys
-- Movements of money and words of couriers that stand and have one of these keys; once for each key that leads to it.
select l.name, l.kind, l.body
from line_key as k join line as l on l.id = k.line
where k.key in /*ids*/ (?) and l.kind in ('money', 'parcel')
and (l.file = 0 or exists (select 1 from line_file as f where f.id = l.file))
and (not exists (select 1 from line_again as a where a.name = l.name)
     or not exists (select 1 from line as o where o.name = l.name and o.id <> l.id
                    and (o.as_of, o.step, o.id) > (l.as_of, l.step, l.id)
                    and (o.file = 0 or exists (select 1 from line_file as f where f.id = o.file))));

-- name: standing_money_of_source
-- All movements of money of one source that stand.
select l.name, l.body
from line as l
where l.kind = 'money' and json_extract(cast(l.body as text), '$.source') = ?1
and (l.file = 0 or exists (select 1 from line_file as f where f.id = l.file))
and (not exists (select 1 from line_again as a where a.name = l.name)
     or not exists (select 1 from line as o where o.name = l.name and o.id <> l.id
                    and (o.as_of, o.step, o.id) > (l.as_of, l.step, l.id)
                    and (o.file = 0 or exists (select 1 from line_file as f where f.id = o.file))));

-- name: standing_money_of_source @postgres
-- All movements of money of one source that stand.
select l.name, l.body
from line as l
where l.kind = 'money' and convert_from(l.body, 'UTF8')::json ->> 'source' = ?1
and (l.file = 0 or exists (select 1 from line_file as f where f.id = l.file))
and (not exists (select 1 from line_again as a where a.name = l.name)
     or not exists (select 1 from line as o where o.name = l.name and o.id <> l.id
                    and (o.as_of, o.step, o.id) > (l.as_of, l.step, l.id)
                    and (o.file = 0 or exists (select 1 from line_file as f where f.id = o.file))));

-- name: orders_of_digests
-- Orders that one of these bought, and by which.
select digest, order_row, kind, since from order_party where digest in /*ids*/ (?);

-- name: datasets_of_orders
-- Datasets and ids of orders by row.
select id, dataset, order_id from orders where id in /*ids*/ (?);

-- name: orders_alike_of
-- Of these orders those whose id another order of the dataset has, too: two of its shops number alike.
select o.id from orders as o where o.id in /*ids*/ (?)
and exists (select 1 from orders as b where b.order_id = o.order_id and b.dataset = o.dataset and b.id <> o.id);

-- name: orders_of_amount
-- Orders placed between two times whose total lies between two amounts, or whose total was told after refunds.
select id from orders
where placed_at >= ?1 and placed_at < ?2
and (cast(json_extract(cast(state as text), '$.shop.total') as real) between ?3 and ?4
     or cast(json_extract(cast(state as text), '$.presentment.total') as real) between ?3 and ?4
     or json_extract(cast(state as text), '$.shop.after_refunds'));

-- name: orders_of_amount @postgres
-- Orders placed between two times whose total lies between two amounts, or whose total was told after refunds.
select o.id from orders as o cross join convert_from(o.state, 'UTF8') as s
where o.placed_at >= ?1 and o.placed_at < ?2
and (cast(s::json #>> '{shop,total}' as double precision) between ?3 and ?4
     or cast(s::json #>> '{presentment,total}' as double precision) between ?3 and ?4
     or s::json #>> '{shop,after_refunds}' = 'true');

-- name: currencies_of_orders
-- The currencies of orders, that of most first; of equals the first by name.
select json_extract(cast(state as text), '$.shop.currency') as currency, count(*)
from orders where json_extract(cast(state as text), '$.shop.currency') <> ''
group by 1 order by 2 desc, 1;

-- name: currencies_of_orders @postgres
-- The currencies of orders, that of most first; of equals the first by name.
select convert_from(state, 'UTF8')::json #>> '{shop,currency}' collate "C" as currency, count(*)
from orders where convert_from(state, 'UTF8')::json #>> '{shop,currency}' <> ''
group by 1 order by 2 desc, 1;
