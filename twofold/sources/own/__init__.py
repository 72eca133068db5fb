"""The signed webhook for a shop of one's own."""
