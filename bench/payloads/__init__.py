"""Our payloads beside those of two public routers for the same messages: which of their fields are here with the same value.

``make payloads`` runs Segment's own mappings (npm, locked by hash) and compares. Owns the messages, the comparing and the kinds of
differences; why each difference is there stands in docs/destinations.md.
"""
