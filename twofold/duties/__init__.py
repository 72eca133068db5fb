"""What a gateway does beside accepting and delivering: each piece of work is a coroutine that runs until it is cancelled.

Owns when each is done and what becomes of one that fails; what is done is the rooms'. Which process does which is `roles`.
"""
