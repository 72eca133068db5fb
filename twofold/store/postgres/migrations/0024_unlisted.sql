-- works from form 23
-- Here everything is listed as due with the accept; the column is for what comes from the embedded engine.

alter table delivery add column unlisted bigint;  -- of the embedded engine: not listed as due yet

-- Bytes that were made behind the place up to which retention had come stayed: it looks at all once more.
delete from progress where name = 'payload' or name like 'payload@%';
