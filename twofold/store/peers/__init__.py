"""Several processes on one database: what each must hear of the others, and what each numbers by itself."""
