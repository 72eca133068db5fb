-- Privacy: what was taken out of the journal and why, requests of people, and the chained log of such acts.

-- One row a journal row whose body was changed. The chain was made over the body as it came: `digest` is that of the
-- body then (salted; the salt is gone), `body` that of the body now.
create table redaction (
    position integer primary key,
    digest   blob    not null,
    body     blob    not null
) strict;

-- Append-only and chained: erasures, exports, what retention emptied, and seals over what was shared.
create table audit (
    id    integer primary key,
    at    integer not null,
    kind  text    not null,                 -- erase, erase_again, export, retention, shared
    facts text    not null,                 -- JSON, no personal data
    chain blob    not null
) strict;

-- One row a request of a person, whoever brought it. What is wanted is in `erasure_key`, as keyed digests.
create table erasure (
    id           text    primary key,
    kind         text    not null check (kind in ('erase', 'export', 'erase_shop')),
    requested_at integer not null,
    requested_by text    not null,          -- the command, the source, or "restore"
    dataset      text,                      -- null: all
    named        text    not null,          -- which kinds, how many of each
    state        text    not null check (state in ('held', 'asked', 'found', 'cleared', 'done')),
    scanned      integer not null,          -- up to which journal position it was looked for,
    orders_at    integer not null,          -- ... up to which order,
    refused_at   integer not null,          -- ... and up to which refused row
    salt         blob,                      -- makes the names that stand for erased ids; emptied at the end
    counts       text    not null,          -- JSON
    done_at      integer
) strict, without rowid;

-- What is looked for, and found to be the person's: keyed digests by kind. Emptied when all is done.
create table erasure_key (
    erasure text not null,
    kind    text not null,
    digest  blob not null,
    primary key (erasure, kind, digest)
) strict, without rowid;

-- What is still to be done: journal rows and actions of the person (1), rows that only mention them (0).
create table erasure_row (
    erasure  text    not null,
    position integer not null,
    whole    integer not null check (whole in (0, 1)),
    primary key (erasure, position)
) strict, without rowid;
create table erasure_action (
    erasure text    not null,
    action  integer not null,
    whole   integer not null check (whole in (0, 1)),
    stopped integer not null,               -- 1 once nothing of the person can be sent with it any more
    primary key (erasure, action)
) strict, without rowid;

create table erasure_order (
    erasure text    not null,
    orders  integer not null,
    whole   integer not null check (whole in (0, 1)),
    primary key (erasure, orders)
) strict, without rowid;

-- Keyed digests of order and event ids that were erased: what comes in under them later is not sent.
create table erased_id (
    digest blob    primary key,
    at     integer not null
) strict, without rowid;

-- How far retention has come, per kind of data; and what it passed over because something still waited for it.
create table retention (
    what     text    primary key,
    position integer not null,
    done_at  integer not null               -- for trail_before: what was settled before has no trail any more, in ms
) strict, without rowid;
create table retention_later (
    what     text    not null,
    position integer not null,
    primary key (what, position)
) strict, without rowid;
