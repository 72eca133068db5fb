"""Pages on which the books are kept: what is matched by hand, and files that are dropped."""
