-- The embedded store. Every table says what one row is. Times: *_at in Unix ms, event_time in Unix s.

-- One row a copy, as journalled. Positions have no holes; `chain` is a digest over the row before and this
-- row's own digest, so a lost, altered or moved row is found by `twofold verify`.
create table event (
    position    integer primary key,
    received_at integer not null,
    dataset     text    not null,
    event_name  text    not null,
    event_id    text    not null,
    event_time  integer not null,
    channel     text    not null check (channel in ('browser', 'server')),
    sender      text    not null,
    tier        integer not null check (tier between 0 and 3),
    verdict     text    not null check (verdict in ('first', 'repeat', 'twin', 'conflict')),
    action      integer not null,
    late        integer not null check (late in (0, 1)),
    body        blob    not null,
    chain       blob    not null
) strict;

-- One row an action: what the shopper did once. Its id is the position of its first copy.
create table action (
    id          integer primary key,
    dataset     text    not null,
    event_name  text    not null,
    event_id    text    not null,           -- the id it is sent under
    fold_key    text    not null,           -- for people: which key it was folded by
    event_time  integer not null,
    created_at  integer not null,
    due_at      integer not null,           -- end of the hold
    sealed_at   integer,                    -- when the first payload was frozen; later copies are late
    copies      integer not null,
    late        integer not null,
    tier        integer not null,           -- highest tier seen: whose money is kept
    channels    integer not null,           -- 1 browser, 2 server, 3 both
    consent     text    not null,
    value       text,
    currency    text,
    order_id    text,
    goods       text,                       -- short digest of the content ids
    routes      integer not null,           -- destinations configured when it was accepted
    merged_into integer                     -- set when two actions turned out to be one
) strict;

-- Copies beyond the first: most actions have none, so this stays small.
create table copy (
    action   integer not null,
    position integer not null,
    primary key (action, position)
) strict, without rowid;

create table destination (
    id           integer primary key check (id between 1 and 255),
    name         text not null unique,
    paused_for   text,
    paused_at    integer,
    paused_until integer
) strict;

-- One row for each action and destination: id = action * 256 + destination.id, so there cannot be two.
create table delivery (
    id               integer primary key,
    destination      integer not null,
    state            text    not null check (state in ('waiting', 'delivered', 'suppressed', 'dead')),
    reason           text    not null,
    due_at           integer not null,      -- while leased: the end of the lease
    lease            integer not null,      -- fencing number; 0 before the first claim
    attempts         integer not null,
    first_attempt_at integer,
    unsure_since     integer,               -- first attempt of unknown fate: whether it arrived nobody knows
    settled_at       integer
) strict;
create index delivery_due on delivery (destination, due_at) where state = 'waiting';

-- The bytes that every attempt of a delivery carries, fixed at the first claim.
create table frozen (
    delivery         integer primary key,
    event_id         text not null,
    event_time       integer not null,
    action_source    text not null,
    test_event_code  text,
    payload          blob not null
) strict;

-- Append-only: what was tried and what came back.
create table attempt (
    id         integer primary key,
    delivery   integer not null,
    started_at integer not null,
    ended_at   integer not null,
    outcome    text    not null,
    status     integer,
    code       text    not null,
    decision   text    not null,
    note       text    not null
) strict;
create index attempt_delivery on attempt (delivery);

-- One row a refused copy or body, contact data masked; capped, oldest first out. `tally` keeps the count.
create table refused (
    id          integer primary key,
    received_at integer not null,
    entry       text    not null,           -- where it knocked: events, tr, tag, shopify
    dataset     text    not null,
    event_name  text    not null,
    event_id    text    not null,
    reason      text    not null,
    place       integer,                    -- index in the batch
    path        text    not null,
    expected    text    not null,
    got         text    not null,
    size        integer not null,
    body        text    not null
) strict;

-- Counters kept in the same transactions as the rows they count, so that `verify` can compare the two.
create table tally (
    name text primary key,
    n    integer not null
) strict, without rowid;

create table meta (
    name  text primary key,
    value text not null
) strict, without rowid;
