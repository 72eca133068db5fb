-- Which order a name leads to decides what a report or a Purchase counts for; an altered row is found by its check.
alter table order_name add column crc integer;  -- over name and order; none on rows from before
