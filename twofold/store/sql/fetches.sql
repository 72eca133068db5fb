-- Things that shops and providers only name, and how far their lists are read.

-- name: want_things
-- Names things to be asked for. What waits already is only named once more; it comes sooner, unless it is tried again.
insert into fetch_wanted (door, thing, first_at, named, due_at, tries) values /*rows*/ (?, ?, ?, ?, ?, ?)
on conflict (door, thing) do update set named = fetch_wanted.named + 1,
    due_at = case when fetch_wanted.tries = 0 then least(fetch_wanted.due_at, excluded.due_at) else fetch_wanted.due_at end;

-- name: count_wanted
-- How many things of a source wait whose turn has come or comes soon.
select count(*) from fetch_wanted where door = ?1 and due_at <= ?2;

-- name: first_wanted
-- The thing whose turn it is; also one whose turn a clock that was wrong put far away.
select thing, first_at, named, tries from fetch_wanted
where door = ?1 and (due_at <= ?2 or due_at > ?3) order by due_at, thing limit 1;

-- name: next_wanted
-- When the next turn is.
select min(due_at) from fetch_wanted where door = ?;

-- name: thing_came
-- Takes a thing off that was not named again meanwhile.
delete from fetch_wanted where door = ?1 and thing = ?2 and named = ?3;

-- name: thing_again
-- Another turn for a thing.
update fetch_wanted set due_at = ?3, tries = ?4 where door = ?1 and thing = ?2;

-- name: seen_things
-- What a list showed of these things before.
select thing, version from fetch_seen where door = ?1 and at >= ?2;

-- name: see_things
-- What a list shows of things now.
insert into fetch_seen (door, thing, version, at) values /*rows*/ (?, ?, ?, ?)
on conflict (door, thing) do update set version = excluded.version, at = excluded.at;

-- name: forget_seen
-- What no list will show again.
delete from fetch_seen where door = ?1 and at < ?2;

-- name: select_fetch_door
-- How far a source is asked, and what it answered.
select until, came_at, code, who, said, since_at from fetch_door where door = ?;

-- name: read_until
-- A source's list is read up to here.
insert into fetch_door (door, until, came_at, code, who, said, since_at) values (?1, ?2, null, '', '', '', 0)
on conflict (door) do update set until = excluded.until;

-- name: source_answered
-- What a source answered last: all well, or the problem that stands.
insert into fetch_door (door, until, came_at, code, who, said, since_at) values (?1, null, ?2, ?3, ?4, ?5, ?6)
on conflict (door) do update set came_at = coalesce(excluded.came_at, fetch_door.came_at), code = excluded.code,
    who = excluded.who, said = excluded.said, since_at = excluded.since_at;

-- name: waiting_by_door
-- Things that wait, by source: how many, and since when the oldest.
select door, count(*), min(first_at) from fetch_wanted group by door;
