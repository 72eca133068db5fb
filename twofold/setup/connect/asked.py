"""Systems that are asked: whether their access lets us in, tried by the very questions that the gateway will put; and what is asked how often.

Owns what is tried of each. A shop's list of the last days is looked at, and where it shows an order that order is asked for and read, so that a
right that is missing is known now. Of a provider the key is tried with a question whose answer is kept nowhere.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from twofold.config import SourceSettings
from twofold.event.refusal import Refusal
from twofold.fetching.answers import ask, token_of
from twofold.fetching.contract import Access
from twofold.fetching.systems import SYSTEMS
from twofold.fetching.systems.klarna import fetch as klarna_order
from twofold.pulling.contract import Problem
from twofold.pulling.exchange import Exchange, bearer
from twofold.setup.connect.contract import NotConnected
from twofold.setup.finding import Finding, look, ok
from twofold.sources import SOURCES
from twofold.sources.contract import Ignored, SourceOptions

LOOKED_BACK_S = 7 * 86_400
NOBODYS = "order:00000000-0000-0000-0000-000000000000"
MENDS = {
    "bigcommerce": "BigCommerce > Settings > Store-level API accounts: a V2/V3 token with the scope Orders: read-only; its API path is the endpoint, "
    "without /v3",
    "magento": "Magento > System > Integrations: the resource Sales; Stores > Configuration > Services > OAuth > Consumer Settings: Allow OAuth "
    "Access Tokens to be used as standalone Bearer tokens",
    "prestashop": "PrestaShop > Advanced Parameters > Webservice: switched on, a key with GET on orders, order_states, customers, addresses, countries, "
    "states, currencies",
    "shopware": "Shopware > Settings > System > Integrations: an integration that may read orders",
    "mollie": "my.mollie.com > Developers > API keys: the live key",
    "klarna": "Klarna's portal > Settings > API credentials; another region needs --endpoint",
    "tbc": "developers.tbcbank.ge: the app's apikey; ecom.tbcpayments.ge: client id and secret of the merchant",
}


def tried(source: SourceSettings, exchange: Exchange, now_s: float) -> Iterator[Finding]:
    """What its access may do. Raises `NotConnected` where it may not what the gateway needs."""
    system = SYSTEMS[source.type]
    access = Access(source=source, base=(source.endpoint or system.endpoint).rstrip("/"))
    try:
        if system.changed is None:
            yield _KEYS[source.type](access, exchange)
            return
        page = system.changed(access, int(now_s) - LOOKED_BACK_S, 1, exchange)
        count = f"{len(page.things)}{' or more' if page.more else ''}"
        yield ok("list of changes", f"may be read: {count} orders changed in the last week")
        if page.things:
            thing = page.things[-1].thing
            yield _order(source, thing, system.fetch(access, thing, exchange))
    except Problem as problem:
        raise NotConnected(problem.text, MENDS[source.type]) from None


def asked_of(source: SourceSettings) -> Finding:
    """What is asked, and how often."""
    system = SYSTEMS[source.type]
    every = system.every_minutes if source.every_minutes < 0 else source.every_minutes
    if system.changed is None:
        text = "each payment or order that a notice names; nothing else"
    elif not every:
        text = "each order that a notice names; the list of changes is not read (every_minutes = 0)"
    else:
        text = f"its list of changes each {every} minutes, and each order that changed from now on; orders of before come by import"
    return ok("is asked for", f"{text}; at most {source.asks_per_minute} questions a minute")


def _order(source: SourceSettings, thing: str, body: bytes | None) -> Finding:
    """One order, read as the gateway reads it and kept nowhere."""
    if body is None:
        return look("one order", f"{thing} is on the list and is not known by its number")
    kind = SOURCES[source.type]
    found = kind.read(body, {}, SourceOptions(shop=source.shop, fields=source.fields, stages=source.stages), 0)
    if isinstance(found, Refusal):
        return look("one order", f"{thing} could be had and not understood: {found.path}: expected {found.expected}")
    return ok("one order", f"{thing} may be read" + (f" ({found.reason})" if isinstance(found, Ignored) else ""))


def _mollie(access: Access, exchange: Exchange) -> Finding:
    """docs.mollie.com/reference/list-payments."""
    ask(access, "/v2/payments", exchange, bearer(access.source.token), {"limit": "1"})
    if access.source.token.startswith("test_"):
        return look("key", "lets us in, and knows test payments only, which count for nothing", MENDS["mollie"])
    return ok("key", "lets us in")


def _klarna(access: Access, exchange: Exchange) -> Finding:
    """There is no list: an order that nobody has is not known to whoever is let in, and 401 or 403 to everybody else."""
    klarna_order(access, NOBODYS, exchange)
    return ok("name and secret", "let us in")


def _tbc(access: Access, exchange: Exchange) -> Finding:
    body = {"client_id": access.source.client_id, "client_secret": access.source.client_secret}
    token_of(access, "/v1/tpay/access-token", body, exchange, {"apikey": access.source.token})
    return ok("apikey, client id and secret", "give a token")


_KEYS: dict[str, Callable[[Access, Exchange], Finding]] = {"mollie": _mollie, "klarna": _klarna, "tbc": _tbc}
