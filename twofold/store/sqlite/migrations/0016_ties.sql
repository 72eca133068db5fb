-- What brings orders, lines and batches together, so that one order's money is found without reading all.

-- By which keys a line may name an order: the first eight bytes of a digest, as in line_key.
create table order_key (
    key       integer not null,
    order_row integer not null,
    primary key (key, order_row)
) strict, without rowid;

-- Accounts, formats and batches that movements of money were told of. A row may outlive its lines; none is missing.
create table line_book (
    source    text    not null,
    account   text    not null,
    currency  text    not null,
    batch     text    not null,             -- empty for lines of none, and for a bank's
    form      text    not null,
    first_day integer not null,             -- days since 1970-01-01, of its lines
    last_day  integer not null,             -- the latest day on which a line happened or is available
    primary key (source, account, currency, batch, form)
) strict, without rowid;

-- Orders and lines that are older than these tables: taken in behind the accepts, up to these numbers.
insert into progress (name, value) select 'ties_orders_end', coalesce(max(id), 0) from orders;
insert into progress (name, value) select 'ties_lines_end', coalesce(max(id), 0) from line;
