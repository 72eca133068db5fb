"""Stripe: events of payments to order reports.

`webhook` is where to start: signature, event, the table of types. `deliveries` is one event opened, `identity` says
which order a payment belongs to, `checkouts` and `payments` read the objects, `purchases` makes the Purchase copy,
`minor_units` and `methods` are tables.
"""

from __future__ import annotations

from twofold.sources.contract import Source
from twofold.sources.stripe.webhook import read, signed, topic_of

STRIPE = Source(name="stripe", signed=signed, topic=topic_of, read=read)
