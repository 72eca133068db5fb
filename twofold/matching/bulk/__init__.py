"""Whole tables at once: what `event` does to one value, done to columns. Uses DuckDB; knows no store and no file format."""
