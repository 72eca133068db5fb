"""Acceptance: one test order and what proves that it became one action; the packet of it that others can hold against a key.

Start reading at `criteria`: what has to be true. A run is what somebody began, ticked and overruled (`run`); `seen` gathers
what the data folder knows of it; `packet` is what leaves, sealed.
"""
