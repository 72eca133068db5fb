"""The three compliance webhooks as privacy requests.

Owns their shapes (shopify.dev, "Privacy law compliance", read November 2026). The body decides what is asked, because
the topic is not signed: a captured request for a copy must not become an erasure.
"""

from __future__ import annotations

from collections.abc import Iterable

from twofold.sources.contract import PrivacyRequest
from twofold.sources.shopify.bodies import Part, exact_id, read_digits

_MAX_ORDERS = 10_000


def read_person(body: Part, kind: str) -> PrivacyRequest:
    """``customers/redact`` and ``customers/data_request``. A customer may be known by e-mail alone."""
    customer = body.part("customer")
    number = customer.digits("id")
    orders = body.values.get("orders_to_redact" if kind == "erase" else "orders_requested")
    return PrivacyRequest(
        kind=kind,
        emails=_one(customer.text("email")),
        phones=_one(customer.text("phone")),
        external_ids=_one(number and exact_id(number, customer.values.get("admin_graphql_api_id"))),
        order_ids=_ids(body, orders),
    )


def is_for_another_shop(body: Part, shop: str) -> bool:
    """One app has one secret for all shops it is installed in, so a signed body can be about another shop.

    Only certain when the configured name is a myshopify domain as well.
    """
    domain = (body.text("shop_domain") or "").strip().lower()
    return domain.endswith(".myshopify.com") and shop.lower().endswith(".myshopify.com") and domain != shop.lower()


def _ids(body: Part, orders: object) -> tuple[str, ...]:
    if not isinstance(orders, list):
        return ()
    found = [read_digits(order) for order in orders[:_MAX_ORDERS]]
    if None in found or len(orders) > _MAX_ORDERS:
        body.findings.note("some of the named orders are no order numbers; left out")
    return tuple(filter(None, found))


def _one(value: str | None) -> tuple[str, ...]:
    return tuple(_stripped(filter(None, [value])))


def _stripped(values: Iterable[str]) -> Iterable[str]:
    return (value.strip() for value in values)
