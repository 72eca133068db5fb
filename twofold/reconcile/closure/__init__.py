"""What hangs together with some orders or lines, found by keys: the part of a ledger whose matches are those of the whole."""
