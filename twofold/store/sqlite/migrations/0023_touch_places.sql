-- Signs of visits in the order they come; by whose they are they are found through a list of places that is made behind.

create table touch_as_it_came (
    id          integer primary key,        -- in the order they came, each writer's from the first of its strand on
    who         blob    not null,           -- keyed digest of a dataset's browser, conversation or order
    slot        integer not null,           -- half hour of its time
    key         blob    not null,           -- keyed digest of its source and its click
    dataset     text    not null,
    at          integer not null,           -- Unix s: the earliest time of the slot
    kind        text    not null check (kind in ('click', 'visit', 'chat', 'survey', 'shop_says')),
    source      text    not null,
    medium      text    not null,
    campaign    text    not null,
    content     text    not null,
    term        text    not null,
    utm_id      text    not null,
    click       text    not null,           -- kinds of click ids, never a value
    campaign_id text    not null,
    adset_id    text    not null,
    ad_id       text    not null,
    referrer    text    not null,           -- host
    landing     text    not null,           -- path
    device      text    not null,
    country     text    not null,
    consent     text    not null,
    digest      blob    not null
) strict;
insert into touch_as_it_came
select row_number() over (order by at, who, slot, key), who, slot, key, dataset, at, kind, source, medium, campaign, content, term,
    utm_id, click, campaign_id, adset_id, ad_id, referrer, landing, device, country, consent, digest
from touch;
drop table touch;
alter table touch_as_it_came rename to touch;
create index touch_at on touch (at);

-- Where the signs of somebody stand, one row a sign; each stands for its half hour and source alone.
create table touch_place (
    who   blob    not null,
    slot  integer not null,
    key   blob    not null,
    touch integer not null,
    primary key (who, slot, key)
) strict, without rowid;
insert into touch_place select who, slot, key, id from touch order by who, slot, key;

-- One row a writer: its signs after this one are not listed yet, and are looked through.
create table touch_tail (
    writer integer primary key,
    placed integer not null,                -- the last sign that is listed
    until  integer not null                 -- the number behind the writer's last possible one
) strict;
insert into touch_tail select 0, coalesce(max(id), 0), 1 << 36 from touch;
