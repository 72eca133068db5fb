"""Twofold folds the browser and server copies of one shopper action into one and delivers it once.

The way of an event, folder by folder:

- ``tag/`` the browser script; with SDKs, pixels and shop webhooks it is what sends copies to us
- ``collect/`` from the wire to one durable append: listen, doors, steps, limits
- ``event/`` what everybody may speak of (pure)
- ``schema/`` what events may say: documented, declared, undeclared (pure)
- ``touch/`` where a visit, a chat or an order came from (pure)
- ``matching/`` who a copy is about, and under which hash (pure)
- ``consent/`` what was said, and what follows (pure)
- ``sources/`` foreign webhook bodies to order reports and events (pure)
- ``ledger/`` orders, money, parcels: values and rules (pure)
- ``store/`` journal, fold, outbox, orders, visitors and gates in one transaction; the engine in ``sqlite/``
- ``privacy/`` find, export, empty and erase what is held of a person
- ``destinations/`` what each platform wants and how its answers read (pure)
- ``deliver/`` claim, build, send, settle
- ``facts/`` what happened as typed columns by day, for reports
- ``backup/`` the data folder kept in another place, and its erasures apart from it
- ``reconcile/`` what pays what, and where the money of every order is (pure, and SQL)
- ``attribution/`` which campaign an order is credited to
- ``report/`` figures for people
- ``config/`` the settings: which there are, how the file is read, what is wrong with it
- ``policies.py`` what the settings mean for each part; ``listening.py`` the socket and the HTTP server;
  ``roles.py`` which part of the work a process does
- ``control/`` what commands ask of the running gateway, or do to its folder
- ``importing/`` files in
- ``pulling/`` what platforms, shops and banks answer, fetched
- ``audiences/`` lists of people at platforms: who is on them by rule, who may be told, what was told and taken back
- ``fetching/`` what shops and providers only name, asked for by its id; lists of changes of those that never send
- ``setup/`` writing a configuration, looking after it, connecting it with the platforms
- ``senders/`` who sends which event: pages, a real browser and our journal, joined
- ``router/`` what is wrong with the signal: findings with evidence, first check and what not to do yet
- ``acceptance/`` test orders with their evidence, and signed packets
- ``alerts/`` tells people what began to be wrong and what ended
- ``sandbox/`` Meta's receiving side on this machine; shares only ``event/`` with the gateway
- ``simulate/`` a shop with a known truth, for the demo
- ``client/`` events and orders from a shop's own Python, without the rest
- ``console/`` pages for people, in a process of its own
- ``duties/`` what a gateway does beside accepting and delivering, and when
- ``app.py`` starts and stops them; ``commands/`` and ``cli.py`` are the face

Which may import which: docs/rooms.md. The way of an event and who runs on which thread: docs/developers.md.
"""

__version__ = "0.3.0"
