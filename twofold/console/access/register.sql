-- People who log in, their sessions and links. Times in Unix s. No e-mail, no name but the one they log in with.
create table if not exists person (
    id         integer primary key,
    name       text    not null unique,
    role       text    not null,
    password   text    not null,            -- argon2id
    one_time   text    not null,            -- secret of time-based codes; empty without
    used_step  integer not null,            -- step of the last code: none is taken twice
    created_at integer not null,
    ended_at   integer
) strict;

create table if not exists session (
    digest     blob    primary key,         -- of the cookie's token
    person     integer not null,
    csrf       text    not null,
    created_at integer not null,
    seen_at    integer not null
) strict, without rowid;

-- A link that lets somebody in once: the first owner, or an invitation.
create table if not exists link (
    digest     blob    primary key,
    role       text    not null,
    made_by    integer,
    expires_at integer not null,
    used_at    integer
) strict, without rowid;

-- Tries that failed, by address and by name: after some of them the next has to wait.
create table if not exists failure (
    mark   blob    not null,                -- digest of the address or name
    at     integer not null
) strict;
create index if not exists failure_mark on failure (mark, at);

-- What was changed through the console, by whom.
create table if not exists act (
    id     integer primary key,
    at     integer not null,
    person text    not null,
    what   text    not null,
    facts  text    not null
) strict;

-- A link that shows one page, with one query, to whoever has it.
create table if not exists share (
    id         integer primary key,
    digest     blob    not null unique,
    path       text    not null,
    query      text    not null,
    made_by    integer not null,
    made_at    integer not null,
    expires_at integer not null,
    ended_at   integer
) strict;

-- Whom a proxy that knows its people means by an identity: as a digest, as it is often an e-mail address.
create table if not exists identity (
    digest blob    primary key,
    person integer not null
) strict, without rowid;
