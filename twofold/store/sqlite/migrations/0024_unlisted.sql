-- What is new for several destinations is listed as due when somebody claims, not with each accept; and a row's few words are looked
-- at one by one, where a list of more than two was a table made for each row.

alter table delivery add column unlisted integer;  -- not listed as due yet; 1 in the row that stands for all of its action, else 0
drop index delivery_due;
create index delivery_due on delivery (destination, due_at) where state = 'waiting' and leased_until is null and unlisted is null;
create index delivery_unlisted on delivery (due_at) where unlisted = 1;

-- Bytes that were made behind the place up to which retention had come stayed: it looks at all once more.
delete from progress where name = 'payload' or name like 'payload@%';

-- The same conditions in other words, so no row has to be looked at, as SQLite's own pages on altering tables have it.
pragma writable_schema = on;
update sqlite_schema set sql = replace(sql,
    'state in (''waiting'', ''delivered'', ''suppressed'', ''dead'')',
    'state in (''waiting'', ''delivered'') or state in (''suppressed'', ''dead'')')
where type = 'table' and name = 'delivery';
update sqlite_schema set sql = replace(sql,
    'verdict in (''first'', ''repeat'', ''twin'', ''conflict'')',
    'verdict in (''first'', ''twin'') or verdict in (''repeat'', ''conflict'')')
where type = 'table' and name = 'event';
update sqlite_schema set sql = replace(sql,
    'kind in (''click'', ''visit'', ''chat'', ''survey'', ''shop_says'')',
    'kind in (''click'', ''visit'') or kind in (''chat'', ''survey'') or kind = ''shop_says''')
where type = 'table' and name = 'touch';
pragma writable_schema = reset;
