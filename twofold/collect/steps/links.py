"""The step that says what a copy is bound to: carts, checkouts, orders, and the shop's own id of the browser.

Owns which links are believed and which are read from a page's address. Links are "kind:value"; the browser's and the
shop's copy must name the same one, then the order finds the visit that made it (`store.people`).
"""

from __future__ import annotations

import re
from urllib.parse import unquote

from twofold.collect.steps.draft import Draft
from twofold.event.identity import read_event_id
from twofold.event.refusal import Refusal, describe

MAX_LINKS = 20
MAX_VISITOR = 128  # characters
_LINK = re.compile(r"([a-z][a-z0-9_]{0,30}):([!-~]{1,200})")
# What shops put into their addresses. Shopify: the third part of a checkout's path is the cart's token, older
# checkouts have their own. WooCommerce: the confirmation page names the order's key.
_PAGES: tuple[tuple[str, str, re.Pattern[str]], ...] = (
    ("/checkouts/", "cart", re.compile(r"/checkouts/cn/([A-Za-z0-9_-]{16,200})")),
    ("/checkouts/", "checkout", re.compile(r"/checkouts/(?:c/)?([0-9a-f]{32})(?![0-9a-f])")),
    ("wc_order_", "order_key", re.compile(r"[?&]key=(wc_order_[A-Za-z0-9]{4,40})(?![A-Za-z0-9])")),
)


def put_links(draft: Draft) -> Refusal | None:
    """``links`` from the copy itself and, for browsers, from the page's address; ``visitor``."""
    links: list[str] = []
    given = [draft.raw.links] if isinstance(draft.raw.links, str) else draft.raw.links
    if isinstance(given, list):
        links = [link for item in given[:MAX_LINKS] if (link := _read_link(item))]
        if len(links) < len(given):
            draft.warnings.append(f'links: {len(given) - len(links)} are not "kind:value"; left out')
    elif given is not None:
        draft.warnings.append(f"links: expected a list of texts, got {describe(given)}; left out")
    if draft.is_browser:
        links += _links_in(draft.raw.event_source_url)
    if links:
        draft.fields["links"] = tuple(dict.fromkeys(links))
    visitor = read_event_id(draft.raw.visitor) if draft.raw.visitor is not None else None
    if visitor is not None and len(visitor) <= MAX_VISITOR and "@" not in visitor:
        draft.fields["visitor"] = visitor
    elif draft.raw.visitor is not None:
        draft.warnings.append(f"visitor: expected an id of 1 to {MAX_VISITOR} characters; left out")
    return None


def _read_link(item: object) -> str | None:
    match = _LINK.fullmatch(item) if isinstance(item, str) else None
    if match is None:
        return None
    kind, value = match.groups()
    if kind == "cart":
        # A cart's newer token goes with a secret key in cookies, and without it in orders.
        value = unquote(value).partition("?")[0]
    return f"{kind}:{value}" if value and "@" not in value and "%40" not in value else None


def _links_in(url: object) -> list[str]:
    if not isinstance(url, str):
        return []
    found = ((kind, pattern.search(url)) for hint, kind, pattern in _PAGES if hint in url)
    return [f"{kind}:{match[1]}" for kind, match in found if match]
