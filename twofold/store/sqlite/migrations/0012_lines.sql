-- Money, parcels, advertising, rates and costs as lines: append-only, seen only once their whole file is there.

-- One row a line as one file or message told it. A line that is told again with other content is a further row.
create table line (
    id          integer primary key,
    file        integer not null,           -- of line_file; 0: told by a webhook or a command
    row_number  integer not null,           -- where it stands in its file
    kind        text    not null,           -- money, batch, statement, spend, site_day, parcel, rate, cost, survey, decision
    day         integer not null,           -- days since 1970-01-01
    name        blob    not null,           -- which line it is
    told_at     integer,                    -- Unix s, the source's own time of this state
    as_of       integer not null,           -- by which two states of one line are compared, then step, then id
    step        integer not null,
    ordinal     integer not null,           -- its place among its equals, of a line without an id
    received_at integer not null,           -- ms
    content     blob    not null,           -- keyed digest of what it says, without text and counterpart
    body        blob    not null,
    digest      blob    not null
) strict;
create index line_day on line (kind, day);
create index line_name on line (name);

-- Names that have several rows: of all others the only row stands.
create table line_again (
    name blob primary key
) strict, without rowid;

-- What a line can be looked up by: the first eight bytes of a digest of its order, parcel, batch, payment or counterpart.
create table line_key (
    key  integer not null,
    line integer not null,
    primary key (key, line)
) strict, without rowid;

-- One row a file, written when all of its lines are there: they are seen from then on.
create table line_file (
    id          integer primary key,
    sha256      text    not null,
    reading     text    not null,           -- stands for everything that changes how the same file is read
    kind        text    not null,
    format      text    not null,
    imported_at integer not null,           -- ms
    lines       integer not null,           -- rows of line that it brought
    facts       text    not null,           -- counts, and what does not balance
    digest      blob    not null
) strict;
create index line_file_sha on line_file (sha256);

-- A file that is being read. Whose owner died: its lines were never seen, and are taken out.
create table line_load (
    id         integer primary key,
    first_line integer not null,
    touched_at integer not null             -- ms
) strict;

-- Days on which a file that is being read changes something.
create table line_load_day (
    load integer not null,
    kind text    not null,
    day  integer not null,
    primary key (load, kind, day)
) strict, without rowid;

-- Names and texts as a statement has them, where [money] text = "kept": contact data, for its days only.
create table line_text (
    line        integer primary key,
    received_at integer not null,           -- ms
    text        text    not null,
    digest      blob    not null
) strict;
