"""TBC E-Commerce: one payment by its id.

Facts: developers.tbcbank.ge, "Get access token" (client_id and client_secret in a form, `apikey` in a header) and "Get E-Commerce payment details", read
November 2026.
"""

from __future__ import annotations

from urllib.parse import quote

from twofold.fetching.answers import ask, token_of
from twofold.fetching.contract import Access, System
from twofold.pulling.exchange import Exchange, bearer


def fetch(access: Access, thing: str, exchange: Exchange) -> bytes | None:
    key = {"apikey": access.source.token}
    body = {"client_id": access.source.client_id, "client_secret": access.source.client_secret}
    token = token_of(access, "/v1/tpay/access-token", body, exchange, key)
    path = f"/v1/tpay/payments/{quote(thing.partition(':')[2], safe='')}"
    answer = ask(access, path, exchange, {**key, **bearer(token)}, may_lack=True)
    return None if answer is None else answer.content


TBC = System(name="tbc", endpoint="https://api.tbcbank.ge", fetch=fetch)
