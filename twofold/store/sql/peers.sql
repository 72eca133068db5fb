-- What several processes on one database tell each other. In a folder that is one process's alone nothing is written here.

-- name: select_revisions
-- How often each kind of thing was changed that processes keep in memory; under no name the own generation.
select kind, value from revision union all select '', generation from worker where number = ?1;

-- name: raise_revision
-- Something of a kind is changed in this transaction.
insert into revision (kind, value) values (?1, 1)
on conflict (kind) do update set value = revision.value + 1 returning value;

-- name: select_workers
-- Which places are taken, by whom, and when each was last seen.
select number, name, seen_at from worker;

-- name: take_worker
-- A process begins under a name: whoever had it before is fenced off by the new generation.
insert into worker (number, name, generation, seen_at) values (?1, ?2, 1, ?3)
on conflict (number) do update set name = excluded.name, generation = worker.generation + 1, seen_at = excluded.seen_at
returning generation;

-- name: see_worker
-- It is still there.
update worker set seen_at = ?2 where number = ?1 and generation = ?3;

-- name: take_duty
-- What only one process does at a time: goes on, or begins where nobody has done it for a while.
insert into duty (name, worker, until_at) values (?1, ?2, ?4)
on conflict (name) do update set worker = excluded.worker, until_at = excluded.until_at
where duty.worker = excluded.worker or duty.until_at < ?3;

-- name: leave_duty
-- What this process did it does no longer: whoever asks next has it.
update duty set until_at = 0 where name = ?1 and worker = ?2;

-- name: who_is_on_duty
-- By what name the process is known that does it now.
select w.name from duty as d join worker as w on w.number = d.worker where d.name = ?1 and d.until_at >= ?2;

-- name: put_meta_first
-- Sets one of the store's own facts unless somebody has set it.
insert into meta (name, value) values (?1, ?2) on conflict do nothing;

-- name: hold_fold_keys
-- Keys of copies that come, each held until the end of the transaction whether it is known or not: nobody else finds it
-- meanwhile, so two writers never begin two actions for one key. Sorted, so that they wait for each other in one order.
insert into held_key (key, action, day) select k.value, null, ?2 from /*each: bytea*/ (?1) as k where true order by k.value
on conflict (key) do update set action = held_key.action returning key, action;

-- name: find_fold_keys
-- The actions that hold these keys, for a writer that is alone.
select key, action from held_key where key in /*ids*/ (?1) and action is not null;

-- name: claim_fold_keys
-- Keys lead to the first action that claims them.
insert into held_key (key, action, day) values /*rows*/ (?, ?, ?)
on conflict (key) do update set action = coalesce(held_key.action, excluded.action),
    day = case when held_key.action is null then excluded.day else held_key.day end;

-- name: lead_fold_keys
-- Keys lead to other actions from now on.
insert into held_key (key, action, day) values /*rows*/ (?, ?, ?)
on conflict (key) do update set action = excluded.action, day = excluded.day;

-- name: expire_fold_keys
-- Some keys that have left the window: claimed before a day, and not by an action that began since, between two times in ms; what came
-- while nobody was sure how late it is stands under the last day that was sure. By a wrong clock it is stamped before that day or
-- later than now, and may have come as late as the next day that has keys.
delete from held_key where key in (
    select k.key from held_key as k left join action as a on a.id = k.action
    where k.day < ?1 and (a.created_at is null or ?3 > case when a.created_at >= k.day * 86400000 and a.created_at < ?4
        then a.created_at else coalesce((select min(n.day) * 86400000 from held_key as n where n.day > k.day), ?4) end)
    order by k.day limit ?2);

-- name: expire_fold_keys @postgres
-- Some keys that have left the window, and that nobody holds at this moment.
delete from held_key where key in (
    select k.key from held_key as k left join action as a on a.id = k.action
    where k.day < ?1 and (a.created_at is null or ?3 > case when a.created_at >= k.day * 86400000 and a.created_at < ?4
        then a.created_at else coalesce((select min(n.day) * 86400000 from held_key as n where n.day > k.day), ?4) end)
    order by k.day limit ?2
    for update of k skip locked);

-- name: newest_key_day
-- The last day that has keys; 0 where there are none.
select coalesce(max(day), 0) from held_key;

-- name: forget_fold_keys
-- Keys lead nowhere any more.
delete from held_key where key in /*ids*/ (?1);

-- name: forget_fold_keys_of
-- Keys that lead to these actions lead nowhere any more.
delete from held_key where key in /*ids*/ (?1) and action in /*ids*/ (?2);

-- name: holders_of_keys
-- The actions that hold any of these keys.
select action from held_key where key in /*ids*/ (?1) and action is not null;
