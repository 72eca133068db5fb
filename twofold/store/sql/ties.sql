-- What brings orders, lines and batches together. Every statement has its plain words, as in core.sql.

-- name: insert_order_keys
-- By which keys lines may name orders.
insert into order_key (key, order_row) values /*rows*/ (?, ?)
on conflict do nothing;

-- name: drop_order_key
-- A line can no longer name the order by this key.
delete from order_key where key = ?1 and order_row = ?2;

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
