"""Tells people that something began to be wrong, and that it ended: by webhook, e-mail, Slack or Teams.

Owns what is told when (`book`, pure), its words and forms (`message`, pure) and the sending (`sending`). What is wrong is the
router's. No contact data: a message holds names of kinds, senders and events, masked like everything that strangers write.
"""
