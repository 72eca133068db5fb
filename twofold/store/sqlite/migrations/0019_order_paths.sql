-- What led to an order, and whose it is: decided once, and kept with it when what decided it is forgotten.

-- One row an order that is two hours old: its touches.
create table order_path (
    order_row integer primary key,
    told_at   integer not null,             -- ms: when the order was first told
    reason    text    not null,             -- why it has no touch of ours; empty where it has
    touches   blob    not null,             -- JSON, oldest first; none of them names anybody
    digest    blob    not null
) strict;

-- What came too late for the paths that were made: whose sign, or which Purchase's copy. Looked at and taken away again.
create table path_news (
    kind   text    not null check (kind in ('sign', 'action')),
    key    blob    not null,
    crc    integer not null,
    primary key (kind, key)
) strict, without rowid;

-- Orders whose path must lose its order: of who was erased, or withdrew consent.
create table nameless_due (
    order_row integer primary key,
    why       text    not null check (why in ('erased', 'consent')),
    tally     integer generated always as (order_row * 1000003 + case why when 'erased' then 1 else 2 end) stored
) strict;

-- One row a past order of which nobody can tell whose it was: the day, the amounts, the channels and campaigns.
create table nameless (
    id      integer primary key,            -- drawn
    dataset text    not null,
    day     integer not null,               -- days since 1970-01-01, of the reporting zone
    amounts blob    not null,               -- JSON, in the reporting currency
    reason  text    not null,               -- as order_path
    touches blob    not null,               -- JSON: ages, channels, campaigns
    digest  blob    not null
) strict;
create index nameless_day on nameless (day);

create index touch_link_who on touch_link (who);

-- E-mail, telephone and customer number go after contact_days, names after buyer_days, the random customer number stays.
alter table order_party rename column placed_at to since;
drop index order_party_at;
create index order_party_since on order_party (kind, since);
