"""The lives of orders as tables: spans in which nothing changed, rows of them, and the report of the chain out of their sums."""
