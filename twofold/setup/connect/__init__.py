"""Webhooks made, found and taken away by the platforms' own APIs, one file a platform; `wiring` writes what came of it.

A platform's file owns its addresses, words and errors, with the page they are from. What was there before is told and left alone;
ours are those that lead to our address. Everything can be done again.
"""
