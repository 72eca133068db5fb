-- Statements about touches: signs of visits, chats and orders, and whose Purchases they lead to.

-- name: put_touches
-- Signs once each; of several of one half hour the earliest stands, whichever came first.
insert into touch (who, slot, key, dataset, at, kind, source, medium, campaign, content, term, utm_id, click, campaign_id,
    adset_id, ad_id, referrer, landing, device, country, consent, digest)
values /*rows*/ (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
on conflict (who, slot, key) do update set at = excluded.at, landing = excluded.landing, device = excluded.device,
    country = excluded.country, consent = excluded.consent, digest = excluded.digest
where (excluded.at, excluded.digest) < (touch.at, touch.digest);

-- name: put_touch_links
-- Whose Purchases these are; the best word for it stands.
insert into touch_link (action, who, kind, tier, received_at, digest) values /*rows*/ (?, ?, ?, ?, ?, ?)
on conflict (action, who) do update set kind = excluded.kind, tier = excluded.tier, received_at = excluded.received_at,
    digest = excluded.digest
where excluded.tier > touch_link.tier;

-- name: select_touches
-- Signs of these, in a span of time, oldest first.
select who, dataset, at, kind, source, medium, campaign, content, term, utm_id, click, campaign_id, adset_id, ad_id, referrer,
       landing, device, country, consent
from touch where who in /*ids*/ (?) and at >= ? and at <= ? order by at, key;

-- name: select_touches_between
-- Signs of a span of time, oldest first.
select who, dataset, at, kind, source, medium, campaign, content, term, utm_id, click, campaign_id, adset_id, ad_id, referrer,
       landing, device, country, consent
from touch where at >= ? and at < ? order by at, who, key;

-- name: select_touch_links_of_copies
-- Whose Purchases these actions are, with the actions that became part of them: an action's number is its first copy's.
select action, who, kind, tier from touch_link
where action in /*ids*/ (?1) or action in (select position from copy where action in /*ids*/ (?1));

-- name: forget_touches
-- Signs of these are gone.
delete from touch where who in /*ids*/ (?);

-- name: forget_touch_links
-- What led from these Purchases to anybody is gone.
delete from touch_link where action in /*ids*/ (?);

-- name: own_keys
-- The ids by which these browsers themselves are known.
select browser, key from sighting where browser in /*ids*/ (?) and kind in ('fbp', 'visitor');

-- name: browsers_of_keys
-- Which browsers these ids belong to, and what each said about consent.
select s.key, b.id, b.consent from sighting as s join browser as b on b.id = s.browser
where s.key in /*ids*/ (?) and s.kind in ('fbp', 'visitor');

-- name: expire_touches
-- Signs from before a time, so many at once.
delete from touch where (who, slot, key) in (select who, slot, key from touch where at < ? order by at limit ?);

-- name: oldest_touch_links
-- The links of the oldest Purchases.
select action, received_at from touch_link order by action limit ?;

-- name: touched_datasets
-- Every dataset of which a sign is kept.
select distinct dataset from touch;

-- name: actions_to_link
-- The next actions after a number: whose browser made a Purchase is looked for while it can be known.
select id, created_at, event_name = 'Purchase' and merged_into is null, dataset, coalesce(order_id, ''), event_time
from action where id > ? order by id limit ?;

-- name: bodies_of_action
-- The copies of an action.
select plain_body(body) from event where position in
    (select ?1 union select position from copy where action = ?1) order by position;

-- name: forget_touches_of_dataset
-- All signs of a dataset; of all where none is named.
delete from touch where ?1 is null or dataset = ?1;
