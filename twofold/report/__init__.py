"""What is said about the whole: match quality, stitching. Reads the store, changes nothing."""
