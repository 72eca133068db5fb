"""Where questions are asked: DuckDB on this machine, PostgreSQL or Spark beside it. One file an engine, loaded when used."""
