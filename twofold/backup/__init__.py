"""A data folder kept in another place, and taken from there again: sets of chunks, and the erasures apart from them."""
