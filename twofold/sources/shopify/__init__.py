"""Shopify: webhooks to order reports.

`webhook` is where to start: signature, topic, reader. The readers: `orders` (the snapshot), `money` (transactions,
refunds, disputes), `parcels`, `purchases` (the Purchase copy), and
`privacy`. `topics` knows names and shapes, `bodies` how a wrong value is answered.
"""

from __future__ import annotations

from twofold.sources.contract import Source
from twofold.sources.shopify.webhook import read, signed, topic_of

SHOPIFY = Source(name="shopify", signed=signed, topic=topic_of, read=read)
