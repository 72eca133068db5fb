-- Statements about people: browsers, their visits, and the identifiers seen with them.

-- name: find_sightings
-- Which browsers these identifiers were seen with since a time.
select key, browser, tier, first_at, last_at from sighting
where key in /*ids*/ (?) and last_at >= ?;

-- name: find_sightings_of
-- The same of one browser: an order or an address that very many named is looked up for each of them alone.
select key, browser, tier, first_at, last_at from sighting
where key in /*ids*/ (?1) and browser = ?2 and last_at >= ?3;

-- name: select_browsers
-- Browsers by id, each with its newest visit; ?1 is the number of slots.
select b.id, b.dataset, b.fbp, b.consent, b.limits, b.first_at, b.last_at, b.visits,
       v.from_at, v.until_at, v.fbc, v.address, v.agent, v.click_ids
from browser as b left join visit as v on v.browser = b.id and v.slot = (b.visits - 1) % ?1
where b.id in /*ids*/ (?2);

-- name: hold_browsers
-- Browsers that are about to be written: one writer has them anyway.
select id from browser where id in /*ids*/ (?);

-- name: hold_browsers @postgres
-- Browsers that are about to be written: nobody else reads them for that before this transaction's end.
select id from browser where id in /*ids*/ (?) order by id for no key update;

-- name: put_browsers
-- Browsers new or changed; whole rows, as read in the same transaction.
insert into browser (id, dataset, fbp, consent, limits, first_at, last_at, visits, crc)
values /*rows*/ (?, ?, ?, ?, ?, ?, ?, ?, ?)
on conflict (id) do update set dataset = excluded.dataset, fbp = excluded.fbp, consent = excluded.consent,
    limits = excluded.limits, first_at = excluded.first_at, last_at = excluded.last_at, visits = excluded.visits,
    crc = excluded.crc;

-- name: put_visits
-- Visits begun or gone on.
insert into visit (browser, slot, from_at, until_at, fbc, address, agent, click_ids, crc)
values /*rows*/ (?, ?, ?, ?, ?, ?, ?, ?, ?)
on conflict (browser, slot) do update set from_at = excluded.from_at, until_at = excluded.until_at,
    fbc = excluded.fbc, address = excluded.address, agent = excluded.agent, click_ids = excluded.click_ids,
    crc = excluded.crc;

-- name: put_sightings
-- Identifiers seen with browsers, for the first time or again; whole rows, as read in the same transaction. One that was not
-- read is so old that it is forgotten, and begins anew.
insert into sighting (key, browser, kind, tier, first_at, last_at, crc) values /*rows*/ (?, ?, ?, ?, ?, ?, ?)
on conflict (key, browser) do update set tier = excluded.tier, first_at = excluded.first_at, last_at = excluded.last_at,
    crc = excluded.crc;

-- name: select_visits_of_many
-- Visits of many browsers, each one's newest first.
select browser, from_at, until_at, fbc, address, agent, click_ids from visit
where browser in /*ids*/ (?) order by browser, from_at desc, until_at desc;

-- name: select_visits
-- A browser's visits that began before one time and went on after another, newest first.
select from_at, until_at, fbc, address, agent, click_ids from visit
where browser = ? and from_at <= ? and until_at >= ? order by from_at desc, until_at desc;

-- name: select_people
-- Identifiers of persons seen with a browser since a time.
select kind, key from sighting where browser = ? and kind in ('em', 'external_id', 'ph') and last_at >= ?;

-- name: empty_visits
-- These browsers' visits are forgotten.
delete from visit where browser in /*ids*/ (?);

-- name: empty_sightings
-- Which persons and clicks these browsers were seen with. Their own ids and purchases stay, as digests: the "no" has
-- to be known again, also for what was sent with their data once and is about to be sent again.
delete from sighting where browser in /*ids*/ (?) and kind in ('em', 'external_id', 'ph', 'fbc');

-- name: forget_links
-- These browsers say yes again: what they bought or put into a cart before their no is not theirs any more.
delete from sighting where browser in /*ids*/ (?) and kind not in ('fbp', 'visitor');

-- name: forget_sightings
-- All identifiers of these browsers.
delete from sighting where browser in /*ids*/ (?);

-- name: forget_browsers
-- These browsers are gone; their visits and identifiers were taken before.
delete from browser where id in /*ids*/ (?);

-- name: next_browsers
-- The last of the next so many browsers after an id; null when there is none.
select max(id) from (select id from browser where id > ? order by id limit ?) as b;

-- name: expire_visits
-- Visits of a range of browsers that ended so long ago.
delete from visit where browser > ? and browser <= ? and until_at < ?;

-- name: expire_sightings
-- Identifiers of a range of browsers, last seen so long ago.
delete from sighting where browser > ? and browser <= ? and last_at < ?;

-- name: expire_browsers
-- Browsers of a range of ids that were not seen for so long.
delete from browser where id > ? and id <= ? and last_at < ?;

-- name: any_denial
-- A row when a browser ever said no.
select 1 from browser where consent like 'denied%' limit 1;

-- name: stitched_bytes
-- What was taken over into a delivery's bytes, and the bytes.
select stitched, payload from frozen where delivery = ?;

-- name: known_datasets
-- Every dataset of which a browser is known.
select distinct dataset from browser;

-- name: select_visits_of
-- All visits of these browsers, for the person who asks what is kept.
select b.dataset, b.fbp, v.from_at, v.until_at, v.fbc, v.address, v.agent, v.click_ids
from visit as v join browser as b on b.id = v.browser where b.id in /*ids*/ (?) order by v.from_at;

-- name: last_browser
-- The highest browser number in use by one writer.
select coalesce(max(id), ?1) from browser where id > ?1 and id < ?2;
