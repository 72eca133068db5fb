"""From the wire to the journal. Start reading at `pipeline`; the doors are in `http`."""
