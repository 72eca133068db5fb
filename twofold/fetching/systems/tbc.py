"""TBC E-Commerce: one payment by its id.

Facts: developers.tbcbank.ge, "Get access token" (client_id and client_secret in a form, `apikey` in a header) and "Get E-Commerce payment details", read
November 2026.
"""

from __future__ import annotations

from urllib.parse import quote

from twofold.fetching.answers import content_at, token_of
from twofold.fetching.contract import Access, System, id_of
from twofold.pulling.exchange import Exchange, bearer


def fetch(access: Access, thing: str, exchange: Exchange) -> bytes | None:
    key = {"apikey": access.source.token}
    body = {"client_id": access.source.client_id, "client_secret": access.source.client_secret}
    token = token_of(access, "/v1/tpay/access-token", body, exchange, key)
    return content_at(access, f"/v1/tpay/payments/{quote(id_of(thing), safe='')}", exchange, {**key, **bearer(token)})


TBC = System(name="tbc", endpoint="https://api.tbcbank.ge", fetch=fetch)
