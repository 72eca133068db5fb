-- What several processes on one database tell each other. In a folder, which is one process's alone, these stay empty.

-- One row a kind of thing that processes keep in memory; raised by whoever changes one, in the same transaction.
create table revision (
    kind  text    primary key,
    value integer not null
) strict, without rowid;

-- One row a process: its strand of the journal, and the generation by which its leases and writes are fenced.
create table worker (
    number     integer primary key check (number between 0 and 511),
    name       text    not null unique,
    generation integer not null,
    seen_at    integer not null
) strict;

-- One row a kind of work that only one process does at a time, whose it is, and until when.
create table duty (
    name     text    primary key,
    worker   integer not null,
    until_at integer not null
) strict, without rowid;

-- Fold keys where many write: the look-up holds the row, so it is there before an action is.
create table held_key (
    key    blob    primary key,
    action integer,
    day    integer not null
) strict, without rowid;
create index held_key_day on held_key (day);
