-- Lines of money, parcels, advertising, rates and costs. Every statement has its plain words, as in core.sql.

-- name: next_line_file
-- A number for a file that is being read. One whose reader died has its row until none of its lines is left.
select 1 + greatest(coalesce((select max(id) from line_file), 0), coalesce((select max(id) from line_load), 0));

-- name: last_line
-- The newest line's number; 0 when there is none.
select coalesce(max(id), 0) from line;

-- name: insert_line_load
-- A file begins to be read.
insert into line_load (id, first_line, touched_at) values (?, ?, ?);

-- name: touch_line_load
-- A file is still being read.
update line_load set touched_at = ?2 where id = ?1;

-- name: select_line_loads
-- Files that are being read, or whose reader died, that nobody has added to since a time.
select id, first_line from line_load where touched_at < ? order by id;

-- name: select_line_load
-- Is this file still being read.
select id, first_line from line_load where id = ?;

-- name: drop_line_load
-- A file is no longer being read.
delete from line_load where id = ?;

-- name: drop_line_load_days
-- Days of a file that is no longer being read.
delete from line_load_day where load = ?;

-- name: select_line_load_days
-- Days on which a file changes something.
select kind, day from line_load_day where load = ? order by kind, day;

-- name: insert_line_load_days
-- Further days on which a file changes something.
insert into line_load_day (load, kind, day) values /*rows*/ (?, ?, ?)
on conflict do nothing;

-- name: select_lines_of_load
-- Some lines of a file whose reader died, by their number.
select id, body from line where id >= ?2 and file = ?1 order by id limit ?3;

-- name: drop_lines
-- Takes out lines that were never seen.
delete from line where id in /*ids*/ (?);

-- name: drop_line_keys
-- Keys of a line that are gone.
delete from line_key where line = ?2 and key = ?1;

-- name: insert_line_file
-- All lines of a file are there: from this commit on they are seen.
insert into line_file (id, sha256, reading, kind, format, imported_at, lines, facts, digest)
values (?, ?, ?, ?, ?, ?, ?, ?, ?);

-- name: select_line_file
-- Imports of this content that was read in this way.
select id, facts from line_file where sha256 = ?1 and reading = ?2 order by id;

-- name: select_line_files
-- All files that were read, the first first.
select id, sha256, reading, kind, format, imported_at, lines, facts from line_file order by id;

-- name: select_lines_named
-- Rows of these names, seen or not yet, with where each stands among the states of its line.
select l.name, l.file, l.as_of, l.step, l.id, l.kind, l.day, l.content, l.told_at,
       l.file = 0 or l.file = ?2 or exists (select 1 from line_file as f where f.id = l.file) as seen
from line as l where l.name in /*ids*/ (?1);

-- name: insert_lines
-- Lines as they were told.
insert into line (id, file, row_number, kind, day, name, told_at, as_of, step, ordinal, received_at, content, body, digest)
values /*rows*/ (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?);

-- name: insert_lines_again
-- Names that have several rows now.
insert into line_again (name) values /*rows*/ (?)
on conflict do nothing;

-- name: insert_line_keys
-- What lines can be looked up by.
insert into line_key (key, line) values /*rows*/ (?, ?)
on conflict do nothing;

-- name: standing_lines
-- Lines of a kind that stand, of a span of days, in an order that does not depend on how they came.
select l.id, l.name, l.file, l.row_number, l.told_at, l.received_at, l.body, 1 as stands
from line as l
where l.kind = ?1 and l.day between ?2 and ?3
and (l.file = 0 or exists (select 1 from line_file as f where f.id = l.file))
and (not exists (select 1 from line_again as a where a.name = l.name)
     or not exists (select 1 from line as o where o.name = l.name and o.id <> l.id
                    and (o.as_of, o.step, o.id) > (l.as_of, l.step, l.id)
                    and (o.file = 0 or exists (select 1 from line_file as f where f.id = o.file))))
order by l.day, l.name;

-- name: all_lines
-- The same with every earlier state of each line, the oldest first.
select l.id, l.name, l.file, l.row_number, l.told_at, l.received_at, l.body,
       not exists (select 1 from line_again as a where a.name = l.name)
       or not exists (select 1 from line as o where o.name = l.name and o.id <> l.id
                      and (o.as_of, o.step, o.id) > (l.as_of, l.step, l.id)
                      and (o.file = 0 or exists (select 1 from line_file as f where f.id = o.file))) as stands
from line as l
where l.kind = ?1 and l.day between ?2 and ?3
and (l.file = 0 or exists (select 1 from line_file as f where f.id = l.file))
order by l.day, l.name, l.as_of, l.step, l.id;

-- name: lines_of_numbers
-- These states of lines, in the same order.
select l.id, l.name, l.file, l.row_number, l.told_at, l.received_at, l.body,
       not exists (select 1 from line_again as a where a.name = l.name)
       or not exists (select 1 from line as o where o.name = l.name and o.id <> l.id
                      and (o.as_of, o.step, o.id) > (l.as_of, l.step, l.id)
                      and (o.file = 0 or exists (select 1 from line_file as f where f.id = o.file))) as stands
from line as l
where l.id in /*ids*/ (?1)
order by l.day, l.name, l.as_of, l.step, l.id;

-- name: lines_of_names
-- The states of lines of these names that were seen, in the same order.
select l.id, l.name, l.file, l.row_number, l.told_at, l.received_at, l.body,
       not exists (select 1 from line as o where o.name = l.name and o.id <> l.id
                   and (o.as_of, o.step, o.id) > (l.as_of, l.step, l.id)
                   and (o.file = 0 or exists (select 1 from line_file as f where f.id = o.file))) as stands
from line as l
where l.name in /*ids*/ (?1) and (l.file = 0 or exists (select 1 from line_file as f where f.id = l.file))
order by l.day, l.name, l.as_of, l.step, l.id;

-- name: lines_by_key
-- Lines that have this key, with every state that was seen, the oldest first.
select l.id, l.name, l.file, l.row_number, l.told_at, l.received_at, l.body,
       not exists (select 1 from line as o where o.name = l.name and o.id <> l.id
                   and (o.as_of, o.step, o.id) > (l.as_of, l.step, l.id)
                   and (o.file = 0 or exists (select 1 from line_file as f where f.id = o.file))) as stands
from line_key as k join line as l on l.id = k.line
where k.key = ?1 and (l.file = 0 or exists (select 1 from line_file as f where f.id = l.file))
order by l.day, l.name, l.as_of, l.step, l.id;

-- name: lines_by_name
-- Every state of one line that was seen, the oldest first.
select l.id, l.name, l.file, l.row_number, l.told_at, l.received_at, l.body,
       not exists (select 1 from line as o where o.name = l.name and o.id <> l.id
                   and (o.as_of, o.step, o.id) > (l.as_of, l.step, l.id)
                   and (o.file = 0 or exists (select 1 from line_file as f where f.id = o.file))) as stands
from line as l
where l.name = ?1 and (l.file = 0 or exists (select 1 from line_file as f where f.id = l.file))
order by l.as_of, l.step, l.id;

-- name: line_span
-- The first and last day of a kind.
select min(day), max(day) from line where kind = ?;

-- name: insert_line_texts
-- Names and texts as a statement has them, for their days.
insert into line_text (line, received_at, text, digest) values /*rows*/ (?, ?, ?, ?)
on conflict do nothing;

-- name: oldest_line_texts
-- The texts that were kept longest.
select line, received_at from line_text order by line limit ?;

-- name: drop_line_texts
-- Texts that are no longer kept.
delete from line_text where line in /*ids*/ (?);

-- name: line_text_of
-- What is kept of the text of a line.
select text from line_text where line = ?;

-- name: line_texts_after
-- Kept texts, for whoever looks for a person in them.
select line, text from line_text where line > ? order by line limit ?;

-- name: lines_with_keys
-- Rows that have one of these keys, whether they are seen yet or not.
select distinct l.id, l.body from line_key as k join line as l on l.id = k.line
where k.key in /*ids*/ (?) order by l.id;

-- name: select_lines_at
-- Rows by their numbers, with all that their digest covers.
select id, file, row_number, kind, day, name, told_at, as_of, step, ordinal, received_at, content, body
from line where id in /*ids*/ (?) order by id;

-- name: redact_line
-- What is left of a line without a person.
update line set body = ?2, digest = ?3 where id = ?1;

-- name: lines_between_names
-- Every state that was seen of the lines whose names lie between two.
select l.id, l.name, l.file, l.row_number, l.told_at, l.received_at, l.body,
       not exists (select 1 from line as o where o.name = l.name and o.id <> l.id
                   and (o.as_of, o.step, o.id) > (l.as_of, l.step, l.id)
                   and (o.file = 0 or exists (select 1 from line_file as f where f.id = o.file))) as stands
from line as l
where l.name between ?1 and ?2 and (l.file = 0 or exists (select 1 from line_file as f where f.id = l.file))
order by l.name, l.as_of, l.step, l.id limit 100;

-- name: standing_answers
-- Answers of surveys that stand and have one of these keys.
select distinct l.body
from line_key as k join line as l on l.id = k.line
where k.key in /*ids*/ (?) and l.kind = 'survey'
and (l.file = 0 or exists (select 1 from line_file as f where f.id = l.file))
and not exists (select 1 from line as o where o.name = l.name and o.id <> l.id
                and (o.as_of, o.step, o.id) > (l.as_of, l.step, l.id)
                and (o.file = 0 or exists (select 1 from line_file as f where f.id = o.file)));

-- name: forms_of_lines
-- In which formats lines were told that have several rows: name, format.
select distinct a.name, coalesce(json_extract(cast(l.body as text), '$.form'), '') as form
from line_again as a join line as l on l.name = a.name
where l.kind = 'money' and (l.file = 0 or exists (select 1 from line_file as f where f.id = l.file));

-- name: forms_of_lines @postgres
-- In which formats lines were told that have several rows: name, format.
select distinct a.name, coalesce(convert_from(l.body, 'UTF8')::json ->> 'form', '') as form
from line_again as a join line as l on l.name = a.name
where l.kind = 'money' and (l.file = 0 or exists (select 1 from line_file as f where f.id = l.file));

-- name: costs_version
-- The newest cost, the newest rate, and the newest file, by which earlier rows come to be seen.
select coalesce((select max(id) from line where kind = 'cost'), 0), coalesce((select max(id) from line where kind = 'rate'), 0),
       coalesce((select max(id) from line_file), 0);
