"""Files beside the database, which a database that is put back does not take along: how they are written, and two of them."""
