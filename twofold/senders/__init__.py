"""Who sends which event: what the pages show, what a real browser saw, and what came to our own doors, joined.

Start reading at `call`, the value of one observed call, and `kinds`, the classes of senders with what is at risk in each.
"""
