-- Where visits, chats and orders came from: one row a sign, without click ids, addresses or agents.

create table touch (
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
    digest      blob    not null,
    primary key (who, slot, key)
) strict, without rowid;
create index touch_at on touch (at);

-- Whose Purchase it is: as the copies that count for it say, or as it was stitched, kept two hours after the order.
create table touch_link (
    action      integer not null,
    who         blob    not null,
    kind        text    not null,           -- fbp, visitor, stitched: a browser; conversation and other ids: a chat
    tier        integer not null,
    received_at integer not null,
    digest      blob    not null,
    primary key (action, who)
) strict, without rowid;

-- Who bought an order, as keyed digests: customers are counted by them, and payers on bank statements found.
create table order_party (
    digest    blob    not null,
    order_row integer not null,
    kind      text    not null,             -- email, phone, name, customer
    placed_at integer not null,             -- Unix s
    seal      blob    not null,
    primary key (digest, order_row)
) strict, without rowid;
create index order_party_of on order_party (order_row);
create index order_party_at on order_party (placed_at);
