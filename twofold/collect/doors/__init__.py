"""One file a door: what it accepts, how it is read, and what it answers."""
