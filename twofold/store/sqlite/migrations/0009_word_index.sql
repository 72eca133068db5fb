-- An index of the journal's words, so that a person is found without reading every row.

-- One row for each 4,096 rows of the journal: fingerprints of the words in them, with the sixteenth they stand in; sorted.
create table word_index (
    block    integer primary key,           -- its rows are block * 4096 + 1 and the 4,095 after that
    entries  blob    not null,
    checksum integer not null               -- of the entries: a row that was damaged is not believed
) strict;

-- Sixteenths of such a row that have to be made again: their bodies were changed, or they are older than the index.
create table word_index_stale (
    part     integer primary key,           -- block * 16 + 0..15
    because  integer not null               -- 0 older than the index, 1 retention, 2 an erasure, which waits for it
) strict, without rowid;

insert into word_index_stale (part, because)
with recursive part(n) as (
    select 0 where exists (select 1 from event)
    union all select n + 1 from part where (n + 1) * 256 < (select max(position) from event)
)
select n, 0 from part;
