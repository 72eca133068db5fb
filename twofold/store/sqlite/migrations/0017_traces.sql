-- The id of the answer that a sender got (`fbtrace_id`): by it the sender's log and ours are joined.
alter table refused add column trace text not null default '';  -- empty on rows from before
-- Answers of which the log has a line: one a class of request and minute. Holds nothing that a sender wrote.
create table trace (
    id       integer primary key,
    trace    text    not null unique,
    at       integer not null,           -- ms
    entry    text    not null,           -- which door
    outcome  text    not null,           -- accepted, a drop reason, or the status
    status   integer not null,
    requests integer not null,           -- of this class since the line before
    position integer not null,           -- where the journal stood: its copies are at it, or just before
    events   integer not null            -- how many they are
) strict;
