-- Digests over what is sent, tried, settled and reported. Rows from before have none: those that still wait get theirs at
-- the next start; a row that privacy empties in part loses its own.
alter table frozen add column digest blob;
alter table attempt add column digest blob;
alter table delivery add column digest blob;
alter table order_fact add column row_digest blob;
alter table orders add column digest blob;
