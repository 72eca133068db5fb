"""Executable rules for signal that is lost or wrong: each finding with its evidence, first check and what not to do yet.

Owns what counts as a finding, from which share on, and its words. Start reading at `finding` (the value) and `every` (all of
them, the most pressing first). Reads the store's figures; changes nothing. The console's page *What to do* shows findings as
findings, one card each.
"""

MODULE = "twofold.router"
"""What a child process of the gateway runs."""
