"""Lists of people for platforms: who is in them by rule, who may be told, what a platform was told and that it was taken back.

Never on the gateway's loop: a child process reads the store, works out who belongs on which list, and tells the platforms what
changed. What they were told stands in `audiences.db` as their own digests, so that each can be taken back; nothing else of a person
is kept there.
"""
