-- What a shop or a provider only named is asked for by its id, and what is asked from time to time has a place to go on from.

-- Things that are to be asked for: one row each, however often they are named meanwhile.
create table fetch_wanted (
    door     text    not null,             -- the source, as the ledger calls it
    thing    text    not null,             -- kind and id, such as order:123
    first_at integer not null,             -- ms
    named    integer not null,             -- how often it was named: what is named while it is asked for is asked for again
    due_at   integer not null,             -- ms
    tries    integer not null,
    primary key (door, thing)
) strict, without rowid;
create index fetch_wanted_due on fetch_wanted (door, due_at);

-- What a list showed of a thing when it was last wanted, as long as the list can show it again.
create table fetch_seen (
    door    text    not null,
    thing   text    not null,
    version blob    not null,              -- a digest of what the list said
    at      integer not null,              -- the shop's own time of change, s
    primary key (door, thing)
) strict, without rowid;

-- How far a source is asked, and what it answered last.
create table fetch_door (
    door     text    not null primary key,
    until    integer,                      -- the shop's own time, s: changes up to here are wanted or fetched
    came_at  integer,                      -- ms: when it last answered
    code     text    not null,             -- of the problem that stands, empty for none
    who      text    not null,             -- must act on it
    said     text    not null,
    since_at integer not null              -- ms: of that problem
) strict, without rowid;
