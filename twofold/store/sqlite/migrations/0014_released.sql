-- A person's word for a delivery that was kept back outlives whatever becomes of the delivery meanwhile.

-- One row a delivery that a person let through: the gates of trust ask it nothing more.
create table released (
    delivery    integer primary key,
    released_at integer not null,           -- ms
    digest      blob                        -- none on those let through before there was this table
) strict;
insert into released select id, due_at, null from delivery where state = 'waiting' and reason = 'released';
