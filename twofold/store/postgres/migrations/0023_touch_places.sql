-- works from form 23
-- Signs of visits in the order they come; by whose they are they are found through a list of places that is made behind.

create table touch_as_it_came (
    id bigint primary key,  -- in the order they came, each writer's from the first of its strand on
    who bytea not null,  -- keyed digest of a dataset's browser, conversation or order
    slot bigint not null,  -- half hour of its time
    key bytea not null,  -- keyed digest of its source and its click
    dataset text collate "C" not null,
    at bigint not null,  -- Unix s: the earliest time of the slot
    kind text collate "C" not null check (kind in ('click', 'visit', 'chat', 'survey', 'shop_says')),
    source text collate "C" not null,
    medium text collate "C" not null,
    campaign text collate "C" not null,
    content text collate "C" not null,
    term text collate "C" not null,
    utm_id text collate "C" not null,
    click text collate "C" not null,  -- kinds of click ids, never a value
    campaign_id text collate "C" not null,
    adset_id text collate "C" not null,
    ad_id text collate "C" not null,
    referrer text collate "C" not null,  -- host
    landing text collate "C" not null,  -- path
    device text collate "C" not null,
    country text collate "C" not null,
    consent text collate "C" not null,
    digest bytea not null
);
insert into touch_as_it_came (id, who, slot, key, dataset, at, kind, source, medium, campaign, content, term, utm_id, click, campaign_id, adset_id, ad_id, referrer, landing, device, country, consent, digest)
select row_number() over (order by at, who, slot, key), who, slot, key, dataset, at, kind, source, medium, campaign, content, term, utm_id, click, campaign_id, adset_id, ad_id, referrer, landing, device, country, consent, digest
from touch;
drop table touch;
alter table touch_as_it_came rename to touch;
alter index touch_as_it_came_pkey rename to touch_pkey;
create index touch_at on touch (at);

-- Where the signs of somebody stand, one row a sign; each stands for its half hour and source alone.
create table touch_place (
    who bytea not null,
    slot bigint not null,
    key bytea not null,
    touch bigint not null,
    primary key (who, slot, key)
);

insert into touch_place (who, slot, key, touch) select who, slot, key, id from touch order by who, slot, key;

-- One row a writer: its signs after this one are not listed yet, and are looked through.
create table touch_tail (
    writer bigint primary key,
    placed bigint not null,  -- the last sign that is listed
    until bigint not null  -- the number behind the writer's last possible one
);
insert into touch_tail (writer, placed, until) select 0, coalesce(max(id), 0), 68719476736 from touch;
