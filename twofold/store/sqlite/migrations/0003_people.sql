-- People: which identifiers were seen together, so that an order without a browser finds the visit that made it.

-- One row a browser in one dataset, as its first-party id tells it.
create table browser (
    id       integer primary key,
    dataset  text    not null,
    fbp      text,                          -- as last received; none once consent was denied
    consent  text    not null,              -- what it last said, as one text
    limits   text    not null,              -- how its data may be used: processing options and opt-out, JSON or empty
    first_at integer not null,
    last_at  integer not null,
    visits   integer not null               -- how many it ever made: the next one's slot is this modulo the slots
) strict;

-- A stretch of time in which a browser kept its address, its agent and its clicks. A ring of slots a browser.
create table visit (
    browser   integer not null,
    slot      integer not null,
    from_at   integer not null,
    until_at  integer not null,
    fbc       text,
    address   text,
    agent     text,
    click_ids text    not null,             -- other platforms' click ids, JSON or empty
    primary key (browser, slot)
) strict, without rowid;

-- An identifier and a browser it was seen with. `key` is a digest of dataset, kind and value: no value is kept.
create table sighting (
    key      blob    not null,
    browser  integer not null,
    kind     text    not null,
    tier     integer not null,              -- highest tier that said so
    first_at integer not null,
    last_at  integer not null,
    primary key (key, browser)
) strict, without rowid;
create index sighting_browser on sighting (browser);
