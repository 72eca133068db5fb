"""A whole store taken from one engine to another: every row of every table, streamed, and held against what left."""
