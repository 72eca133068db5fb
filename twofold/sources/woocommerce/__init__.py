"""WooCommerce: webhooks to order reports.

`webhook` is where to start: signature, ping, what a body is. `states` is the table of order statuses, `orders` the
snapshot and the refunds, `purchases` the Purchase copy, `bodies` how a body is opened.
"""

from __future__ import annotations

from twofold.sources.contract import Source
from twofold.sources.woocommerce.webhook import is_ping, read, signed, topic_of

__all__ = ["WOOCOMMERCE", "is_ping"]

WOOCOMMERCE = Source(name="woocommerce", signed=signed, topic=topic_of, read=read, is_ping=is_ping)
