"""The id of a Purchase, as the shop's page and its webhook make it, each for itself.

Owns the two forms. From a secret of the purchase that only its buyer's browser and the shop know (a checkout's token, an
order's key), so that nobody can send it to the platform beforehand and have the real one dropped as a repetition; or from
the order's id, as version 0.2.0 made it, which anybody can count. The tag, examples/shopify-pixel.js and
examples/woocommerce/functions.php make the same.
"""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha256

from twofold.event.identity import is_secret_link
from twofold.sources.contract import SourceOptions

SECRETS = frozenset({"checkout", "order_key"})


def purchase_id(options: SourceOptions, order_id: str, links: Iterable[str]) -> str:
    """The Purchase's id for an order with these links; by its id where it has no secret, or the setting says so."""
    secret = None if options.event_id == "order" else secret_id(links)
    return secret or f"purchase.{options.shop}.{order_id}"


def secret_id(links: Iterable[str]) -> str | None:
    """``purchase.`` and 32 hexadecimal digits of the SHA-256 of the first secret, written "kind:value"."""
    secret = next((s for s in links if s.partition(":")[0] in SECRETS and is_secret_link(s)), None)
    return f"purchase.{sha256(secret.encode()).hexdigest()[:32]}" if secret else None
