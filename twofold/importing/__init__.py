"""Importing a file of orders or sales: read, made into the same readings as webhooks, handed to the store.

Start reading at `run`. `documents` reads files of webhook bodies, `sinks` knows who owns the store at the moment,
`progress` remembers how far an import came, `summary` adds up what the operator compares.
"""
