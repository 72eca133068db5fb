"""A shop's signal under faults that are known: what its pages, servers and other tools send in some weeks, as requests.

Owns the sessions of a seed, what each fault does to them, and the requests that come of them. Pure: opens no socket and reads
no clock. Who plays the requests moves the clock of the gateway that they go to. Start reading at `session`, then `faults`.
"""
