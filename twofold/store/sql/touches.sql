-- Statements about touches: signs of visits, chats and orders, and whose Purchases they lead to.

-- name: put_touches
-- Signs by their number: new ones, and what an earlier copy says of one that is there.
insert into touch (id, who, slot, key, dataset, at, kind, source, medium, campaign, content, term, utm_id, click, campaign_id,
    adset_id, ad_id, referrer, landing, device, country, consent, digest)
values /*rows*/ (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
on conflict (id) do update set at = excluded.at, landing = excluded.landing, device = excluded.device,
    country = excluded.country, consent = excluded.consent, digest = excluded.digest;

-- name: select_touch_times
-- Of each of these signs that is still there, what tells which copy is the earliest.
select id, at, digest from touch where id in /*ids*/ (?);

-- name: last_touch
-- The number of a writer's last sign, at least that of the last that was ever listed.
select greatest(w.placed, coalesce((select max(t.id) from touch as t where t.id > w.placed and t.id < w.until), 0))
from touch_tail as w where w.writer = ?;

-- name: select_touch_tails
-- The signs that are not listed yet.
select t.who, t.slot, t.key, t.id from touch_tail as w join touch as t on t.id > w.placed and t.id < w.until;

-- name: begin_touch_tail
-- A writer that has none yet begins with the first number of its strand.
insert into touch_tail (writer, placed, until) values /*rows*/ (?, ?, ?) on conflict do nothing;

-- name: select_touch_places
-- Where the listed signs of these stand.
select who, slot, key, touch from touch_place where who in /*ids*/ (?);

-- name: select_touches_of
-- The signs of these, listed or not.
select p.who, p.slot, p.key, p.touch from touch_place as p where p.who in /*ids*/ (?1)
union all select t.who, t.slot, t.key, t.id from touch_tail as w join touch as t on t.id > w.placed and t.id < w.until
where t.who in /*ids*/ (?1);

-- name: size_of_touch_tails
-- How many signs are not listed.
select count(*) from touch_tail as w join touch as t on t.id > w.placed and t.id < w.until;

-- name: touch_writers
-- Whoever wrote signs.
select writer from touch_tail order by writer;

-- name: next_touches
-- The next signs of a writer that are not listed.
select t.id from touch_tail as w join touch as t on t.id > w.placed and t.id < w.until where w.writer = ? order by t.id limit ?;

-- name: twins_of_touches
-- Signs of these that another writer has listed already: each with the other's number, and what tells which is the earliest.
select t.id, t.at, t.digest, o.id, o.at, o.digest
from touch as t join touch_place as p on p.who = t.who and p.slot = t.slot and p.key = t.key join touch as o on o.id = p.touch
where t.id in /*ids*/ (?);

-- name: place_touches
-- These are listed, in the order in which they are looked for, so that neighbours share a page.
insert into touch_place (who, slot, key, touch)
select who, slot, key, id from touch where id in /*ids*/ (?) order by who, slot, key;

-- name: touches_placed
-- How far a writer's signs are listed.
update touch_tail set placed = ?2 where writer = ?1;

-- name: drop_touches
-- These signs are gone.
delete from touch where id in /*ids*/ (?);

-- name: drop_touch_places
-- What was listed of these signs is gone.
delete from touch_place where (who, slot, key, touch) in (select who, slot, key, id from touch where id in /*ids*/ (?));

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
from touch where +at >= ?2 and +at <= ?3 and id in (
    select p.touch from touch_place as p where p.who in /*ids*/ (?1)
    union all select t.id from touch_tail as w join touch as t on t.id > w.placed and t.id < w.until where t.who in /*ids*/ (?1))
order by at, key;

-- name: select_touch_links_of_copies
-- Whose Purchases these actions are, with the actions that became part of them: an action's number is its first copy's.
select action, who, kind, tier from touch_link
where action in /*ids*/ (?1) or action in (select position from copy where action in /*ids*/ (?1));

-- name: forget_touches
-- Signs of these are gone.
delete from touch where id in (
    select p.touch from touch_place as p where p.who in /*ids*/ (?1)
    union all select t.id from touch_tail as w join touch as t on t.id > w.placed and t.id < w.until where t.who in /*ids*/ (?1));

-- name: forget_touch_places
-- What was listed of them is gone.
delete from touch_place where who in /*ids*/ (?);

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

-- name: expired_touches
-- Signs from before a time, so many at once.
select id from touch where at < ? order by at limit ?;

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

-- name: touches_of_dataset
-- All signs of a dataset; of all where none is named.
select id from touch where cast(?1 as text) is null or dataset = ?1;

-- name: select_signs
-- All signs of these, oldest first.
select who, key, at, kind, source, medium, campaign, content, term, utm_id, click, campaign_id, adset_id, ad_id, referrer,
       landing, device, country, consent
from touch where id in (
    select p.touch from touch_place as p where p.who in /*ids*/ (?1)
    union all select t.id from touch_tail as w join touch as t on t.id > w.placed and t.id < w.until where t.who in /*ids*/ (?1))
order by at, key;

-- name: select_paths
-- The paths of these orders, as they were made.
select order_row, told_at, reason, touches from order_path where order_row in /*ids*/ (?) order by order_row;

-- name: put_paths
-- Paths of orders, in place of those before.
insert into order_path (order_row, told_at, reason, touches, digest) values /*rows*/ (?, ?, ?, ?, ?)
on conflict (order_row) do update set told_at = excluded.told_at, reason = excluded.reason, touches = excluded.touches,
    digest = excluded.digest;

-- name: last_path_told_before
-- The last order between two whose path is made, of those that were first told by a time.
select order_row from order_path where order_row > ?1 and order_row < ?2 and told_at <= ?3 order by order_row desc limit 1;

-- name: drop_paths
-- These orders have no path any more.
delete from order_path where order_row in /*ids*/ (?);

-- name: orders_without_path
-- The next orders after a number of which no path is made, each with when it was first told.
select (select min(f.received_at) from order_fact as f where f.order_row = o.id), o.id, o.dataset, o.order_id, o.placed_at,
       o.action, o.person, o.outcomes, o.state
from orders as o where o.id > ?1 and not exists (select 1 from order_path as p where p.order_row = o.id) order by o.id limit ?2;

-- name: orders_of_no_path
-- Those of these orders of which no path is made, each with when it was first told.
select (select min(f.received_at) from order_fact as f where f.order_row = o.id), o.id, o.dataset, o.order_id, o.placed_at,
       o.action, o.person, o.outcomes, o.state
from orders as o where o.id in /*ids*/ (?1) and not exists (select 1 from order_path as p where p.order_row = o.id) order by o.id;

-- name: kept_paths_of_actions
-- Orders of these Purchases whose path was made and may still be completed, each with when it was first told.
select p.told_at, o.id, o.dataset, o.order_id, o.placed_at, o.action, o.person, o.outcomes, o.state
from orders as o join order_path as p on p.order_row = o.id where o.action in /*ids*/ (?1) and p.told_at >= ?2 order by o.id;

-- name: actions_of_whos
-- The Purchases that are known to be of these.
select distinct coalesce(a.merged_into, l.action) from touch_link as l left join action as a on a.id = l.action
where l.who in /*ids*/ (?);

-- name: days_of_open_orders
-- The days of the orders after a number: their paths are not made yet.
select distinct placed_at / 86400 from orders where id > ?;

-- name: put_path_news
-- What came too late for the paths that were made, each once.
insert into path_news (kind, key, crc) values /*rows*/ (?, ?, ?) on conflict do nothing;

-- name: select_path_news
-- Some of one kind.
select key from path_news where kind = ? order by key limit ?;

-- name: drop_path_news
-- These were looked at.
delete from path_news where kind = ? and key in /*ids*/ (?);

-- name: step_back
-- How far something has come, if it is further than this.
update progress set value = ?2 where name = ?1 and value > ?2;

-- name: actions_to_link_again
-- Purchases of which a copy came late.
select id, created_at, event_name = 'Purchase' and merged_into is null, dataset, coalesce(order_id, ''), event_time
from action where id in /*ids*/ (?) order by id;

-- name: put_nameless_due
-- Orders that are to lose their paths.
insert into nameless_due (order_row, why) values /*rows*/ (?, ?) on conflict do nothing;

-- name: select_nameless_due
-- Some of them.
select order_row from nameless_due order by order_row limit ?;

-- name: drop_nameless_due
-- These have lost them.
delete from nameless_due where order_row in /*ids*/ (?);

-- name: insert_nameless
-- What is left of paths that lost their orders.
insert into nameless (id, dataset, day, amounts, reason, touches, digest) values /*rows*/ (?, ?, ?, ?, ?, ?, ?);

-- name: select_nameless
-- Nameless rows of some days.
select id, dataset, amounts, reason, touches from nameless where day between ? and ? order by id;

-- name: nameless_days
-- The days that have nameless rows.
select distinct day from nameless;

-- name: orders_of_actions
-- The orders that stand for these Purchases.
select id from orders where action in /*ids*/ (?) order by id;

-- name: orders_with_touches
-- Those of these orders whose path was made and has touches.
select order_row from order_path where order_row in /*ids*/ (?) and length(touches) > 2 order by order_row;
