-- Consent that was withdrawn, by mark. One row a mark; a person usually has several.
create table withdrawal (
    name         blob    primary key,       -- keyed digest of dataset, kind and value; the value is nowhere
    withdrawn_at integer not null,          -- ms; the latest time
    granted_at   integer                    -- ms; when consent was given again since: events after it may go
) strict, without rowid;
