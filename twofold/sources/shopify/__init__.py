"""Shopify: webhooks to order reports, and what else sends for the shop.

`webhook` is where to start: signature, topic, reader. The readers: `orders` (the snapshot), `money` (transactions,
refunds, disputes), `parcels`, `purchases` (the Purchase copy), and
`privacy`. `topics` knows names and shapes, `bodies` how a wrong value is answered. `storefront` reads a page's source
for other senders of the same purchases.
"""

from __future__ import annotations

from twofold.sources.contract import Source
from twofold.sources.shopify.webhook import read, signed, topic_of

SHOPIFY = Source(name="shopify", signed=signed, topic=topic_of, read=read)
