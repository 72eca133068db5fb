"""Twofold folds the browser and server copies of one shopper action into one and delivers it once.

The way of an event, folder by folder:

- ``tag/`` the browser script; with SDKs, pixels and shop webhooks it is what sends copies to us
- ``collect/`` from the wire to the journal: decode, a list of pure steps, one durable append
- ``event/`` what an event is: model, normalising, hashing, click ids, identity, consent (pure)
- ``sources/`` foreign webhook bodies to raw events (pure)
- ``store/`` journal, fold and outbox in one transaction
- ``destinations/`` what each platform wants and how its answers read (pure)
- ``deliver/`` claim, build, send, settle
- ``sandbox/`` Meta's receiving side on this machine; shares only ``event/`` with the gateway
- ``simulate/`` a shop with a known truth, for the demo
- ``app.py`` wires them; ``cli.py`` is the face
"""

__version__ = "0.2.0"
