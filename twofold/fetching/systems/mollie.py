"""Mollie: one payment by its id.

Facts: docs.mollie.com/reference/get-payment and authentication, read November 2026; mollie/mollie-api-php. A key of the test mode knows the
test payments only, which count for nothing.
"""

from __future__ import annotations

from urllib.parse import quote

from twofold.fetching.answers import content_at
from twofold.fetching.contract import Access, System, id_of
from twofold.pulling.exchange import Exchange, bearer


def fetch(access: Access, thing: str, exchange: Exchange) -> bytes | None:
    return content_at(access, f"/v2/payments/{quote(id_of(thing), safe='')}", exchange, bearer(access.source.token))


MOLLIE = System(name="mollie", endpoint="https://api.mollie.com", fetch=fetch)
