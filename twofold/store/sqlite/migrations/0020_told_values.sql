-- What an order was said to be worth stays said: also where the bytes that said it are built again.

-- One row a delivery whose value was worked out for its destination, at the claim that first built its bytes.
create table told_value (
    delivery integer primary key,
    worth    text    not null check (worth in ('margin', 'revenue')),
    value    text    not null,
    currency text    not null,
    digest   blob    not null
) strict;
