"""Mollie: one payment by its id.

Facts: docs.mollie.com/reference/get-payment and authentication, read November 2026; mollie/mollie-api-php. A key of the test mode knows the
test payments only, which count for nothing.
"""

from __future__ import annotations

from urllib.parse import quote

from twofold.fetching.answers import ask
from twofold.fetching.contract import Access, System
from twofold.pulling.exchange import Exchange, bearer


def fetch(access: Access, thing: str, exchange: Exchange) -> bytes | None:
    number = thing.partition(":")[2]
    answer = ask(access, f"/v2/payments/{quote(number, safe='')}", exchange, bearer(access.source.token), may_lack=True)
    return None if answer is None else answer.content


MOLLIE = System(name="mollie", endpoint="https://api.mollie.com", fetch=fetch)
