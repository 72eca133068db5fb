"""The step that says what a copy is bound to: carts, checkouts, orders, and the shop's own id of the browser.

Owns which links are believed and which are read from a page's address. Links are "kind:value"; the browser's and the
shop's copy must name the same one, then the order finds the visit that made it (`store.people`).
"""

from __future__ import annotations

import re
from urllib.parse import unquote, urlsplit

from twofold.collect.steps.draft import Draft
from twofold.event.contact import names_somebody
from twofold.event.identity import read_event_id
from twofold.event.model import Tier
from twofold.event.refusal import Refusal, describe
from twofold.event.scalars import as_list, names_nobody

MAX_LINKS = 20
MAX_VISITOR = 128  # characters
_LINK = re.compile(r"([a-z][a-z0-9_]{0,30}):([!-~]{1,200})")
# What shops put into their addresses. Shopify: the third part of a checkout's path is the cart's token, older checkouts
# have their own, the order's status page has the order's. WooCommerce: the confirmation page names the order's id and
# key. Stripe: the page after a checkout or a payment names it where the shop asked for it (success_url, return_url).
_PAGES: tuple[tuple[str, str, re.Pattern[str]], ...] = (
    ("/checkouts/", "cart", re.compile(r"/checkouts/cn/([A-Za-z0-9_-]{16,200})")),
    ("/checkouts/", "checkout", re.compile(r"/checkouts/(?:c/)?([0-9a-f]{32})(?![0-9a-f])")),
    ("order", "order_key", re.compile(r"/orders/([0-9a-f]{32})(?![0-9a-f])")),
    ("order", "order_key", re.compile(r"[?&]key=(wc_order_[A-Za-z0-9]{4,40})(?![A-Za-z0-9])")),
    ("order", "order", re.compile(r"/order-received/([1-9][0-9]{0,19})(?=[/?#]|$)")),
    ("order", "order", re.compile(r"[?&]order-received=([1-9][0-9]{0,19})(?=[&#]|$)")),
    ("=cs_", "session", re.compile(r"[?&]session_id=(cs_[A-Za-z0-9_]{4,120})(?![A-Za-z0-9_])")),
    ("=pi_", "payment", re.compile(r"[?&]payment_intent=(pi_[A-Za-z0-9]{4,60})(?![A-Za-z0-9])")),
)


def names_an_order(url: str) -> bool:
    """True for an address of which `put_links` reads something."""
    return bool(_links_in(url))


def put_links(draft: Draft) -> Refusal | None:
    """``links`` from the copy itself and from the address of the page it is about; ``visitor``."""
    links: list[str] = []
    given = draft.raw.links if draft.raw.links is None else as_list(draft.raw.links, alone=True)
    if isinstance(given, list):
        links = [link for item in given[:MAX_LINKS] if (link := _read_link(item))]
        if len(links) < len(given):
            draft.warnings.append(f'links: {len(given) - len(links)} are not "kind:value"; left out')
    elif draft.raw.links is not None:
        draft.warnings.append(f"links: expected a list of texts, got {describe(draft.raw.links)}; left out")
    if draft.origin.tier < Tier.T3:  # a webhook's page is where the visit began, which can be another order's
        links += _links_in(draft.raw.event_source_url)
    if draft.origin.policy.shops:
        draft.fields["shop"] = _shop_of(draft)
    if links:
        draft.fields["links"] = tuple(dict.fromkeys(links))
    visitor = read_event_id(draft.raw.visitor) if draft.raw.visitor is not None else None
    if (
        visitor is not None
        and len(visitor) <= MAX_VISITOR
        and not names_somebody(visitor)
        and not names_nobody(visitor)
    ):
        draft.fields["visitor"] = visitor
    elif draft.raw.visitor is not None:
        draft.warnings.append(f"visitor: expected an id of 1 to {MAX_VISITOR} characters; left out")
    return None


def _shop_of(draft: Draft) -> str:
    """Whose copy it is: its webhook's or file's, else that of the page's host."""
    shops, page = draft.origin.policy.shops, draft.raw.event_source_url
    if draft.origin.shop:
        return draft.origin.shop if draft.origin.shop in shops else ""
    try:
        host = (urlsplit(page).hostname or "") if isinstance(page, str) else ""
    except ValueError:
        return ""
    return next((shop for shop in sorted(shops) if host == shop or host.endswith(f".{shop}")), "")


def _read_link(item: object) -> str | None:
    match = _LINK.fullmatch(item) if isinstance(item, str) else None
    if match is None:
        return None
    kind, value = match.groups()
    if kind == "cart":
        # A cart's newer token goes with a secret key in cookies, and without it in orders.
        value = unquote(value).partition("?")[0]
    fits = value and not names_somebody(value) and not names_nobody(value)
    return f"{kind}:{value}" if fits else None


def _links_in(url: object) -> list[str]:
    if not isinstance(url, str):
        return []
    # Spelt out: a loop takes four times as long, and this runs for every event.
    if not ("order" in url or "/checkouts/" in url or "=cs_" in url or "=pi_" in url):
        return []
    found = ((kind, pattern.search(url)) for hint, kind, pattern in _PAGES if hint in url)
    return [f"{kind}:{match[1]}" for kind, match in found if match]
