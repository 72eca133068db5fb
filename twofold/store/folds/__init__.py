"""One batch while it is folded: what it has read and is about to write, and whose orders its copies name."""
