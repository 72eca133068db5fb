-- What platforms were told about lists of people. Times in Unix ms. A person is here as the digests that the platform was told, and
-- nothing else; they go when the platform has taken the person off its list.

create table if not exists list (
    id       integer primary key,
    audience text    not null,
    account  text    not null,              -- name of the [[account]]
    platform text    not null,
    remote   text    not null,              -- the list's id there
    listed_at integer,                      -- when it was last worked out
    people   integer not null default 0,    -- who may be told, then
    fitting  integer not null default 0,    -- who fits the rule, then
    left_out text    not null default '{}', -- JSON: reason to how many
    synced_at integer,                      -- when the platform had last been told all
    problem  text    not null default '',   -- why it was not
    code     text    not null default '',
    again_at integer not null default 0,    -- not before then, as the platform asked
    unique (audience, account, remote)
) strict;

-- One row a row of a list. adding: it may have been told, and nobody knows yet; removing: that it goes is being told.
create table if not exists told (
    list  integer not null,
    em    text    not null,
    ph    text    not null,
    value text    not null,
    state text    not null check (state in ('adding', 'told', 'removing', 'refused')),
    batch integer not null,
    primary key (list, em, ph)
) strict, without rowid;

-- Append-only: what was to be told, and what came back. `digest` stands for the rows; it needs the folder's secret.
create table if not exists batch (
    id         integer primary key,
    list       integer not null,
    kind       text    not null check (kind in ('add', 'remove')),
    meant_at   integer not null,            -- on disk before anything left
    ended_at   integer,                     -- null: nobody knows what became of it
    rows       integer not null,
    em         integer not null,            -- digests of addresses
    ph         integer not null,            -- digests of telephones
    digest     text    not null,
    session    integer not null,            -- drawn; by it the platform knows a repeat
    outcome    text    not null default '',
    code       text    not null default '',
    note       text    not null default '',
    number     text    not null default '', -- the platform's number of the request
    later      text    not null default ''  -- what it told about that number afterwards
) strict;
create index if not exists batch_list on batch (list, id);
