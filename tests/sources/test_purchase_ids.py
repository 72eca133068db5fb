"""The id of a Purchase: one that only its buyer's browser and the shop can know, made alike by page and webhook."""

from __future__ import annotations

import json
from hashlib import md5, sha256
from typing import Any

import pytest
from shopify_bodies import ORDER as SHOPIFY_ORDER
from stripe_bodies import CHARGE, INTENT, SESSION, event, reading
from test_own import order as own_order
from woocommerce_bodies import ORDER as WOO_ORDER
from woocommerce_bodies import UPDATED

from twofold.sources.contract import Reading, SourceOptions
from twofold.sources.own.webhook import OWN
from twofold.sources.purchase_ids import purchase_id, secret_id
from twofold.sources.shopify import SHOPIFY
from twofold.sources.woocommerce import WOOCOMMERCE
from twofold.store.ladder import is_random

SHOP = "shop.example"
NOW_MS = 1_790_100_000_000
TOKEN = "5f3a9c77d0e14b2fa1b2c3d4"


def digest(text: str) -> str:
    return "purchase." + sha256(text.encode()).hexdigest()[:32]


def event_id(source: Any, body: Any, headers: Any, form: str) -> str | None:
    found = source.read(json.dumps(body).encode(), headers, SourceOptions(shop=SHOP, event_id=form), NOW_MS)
    assert isinstance(found, Reading), found
    assert found.copy is not None
    return found.copy.event_id


SHOPIFY_HEADERS = {"x-shopify-topic": "orders/paid"}
# name, source, body, headers, what both sides know, the order's id
SHOPS = [
    ("shopify", SHOPIFY, SHOPIFY_ORDER, SHOPIFY_HEADERS, f"checkout:{SHOPIFY_ORDER['checkout_token']}", SHOPIFY_ORDER["id"]),
    ("woocommerce", WOOCOMMERCE, WOO_ORDER, UPDATED, f"order_key:{WOO_ORDER['order_key']}", WOO_ORDER["id"]),
    ("own", OWN, own_order(links=[f"checkout:{TOKEN}"]), {}, f"checkout:{TOKEN}", own_order()["id"]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("source", "body", "headers", "secret", "order"), [r[1:] for r in SHOPS], ids=[r[0] for r in SHOPS]
)
def test_it_is_made_of_the_secret_unless_the_setting_says_otherwise(source, body, headers, secret, order):
    """The digest of what page and shop share; with the form of version 0.2, the order's id."""
    assert event_id(source, body, headers, "secret") == digest(secret)
    assert event_id(source, body, headers, "order") == f"purchase.{SHOP}.{order}"


NO_SECRETS = [
    ("none", []),
    ("the number", ["number:1001", "order:5512345678901"]),
    ("a short one", ["checkout:c0ffee", "order_key:wc_order_1"]),
    ("digits, which are counted", ["checkout:36578301542399187"]),
    ("a cart, which can be ordered twice", [f"cart:{TOKEN}"]),
    ("a payment, which the page may not know", ["payment:pi_3OAbCdEfGhIjKlMnOp"]),
    ("a hash of nothing, which every order may have", [f"checkout:{sha256(b'').hexdigest()}"]),
    ("a hash of a word for nothing", [f"order_key:{md5(b'undefined').hexdigest()}"]),
    ("noughts", ["checkout:00000000-0000-0000-0000-000000000000"]),
]


@pytest.mark.parametrize("links", [r[1] for r in NO_SECRETS], ids=[r[0] for r in NO_SECRETS])
def test_without_a_secret_it_is_the_orders(links):
    assert secret_id(links) is None
    assert purchase_id(SourceOptions(shop=SHOP), "1001", links) == f"purchase.{SHOP}.1001"


def test_the_first_of_several_secrets_is_taken():
    """As the tag takes it: in the order in which the shop lists them."""
    assert secret_id([f"cart:{TOKEN}", f"order_key:{TOKEN}", f"checkout:{TOKEN}"]) == digest(f"order_key:{TOKEN}")


STRIPE_PAYMENT = "pi_3QxR8kLkdIwHu7ix0aB1cD2e"
STRIPE_OBJECTS = [
    ("checkout.session.completed", SESSION, {"payment_intent": STRIPE_PAYMENT, "client_reference_id": None}),
    ("payment_intent.succeeded", INTENT, {"id": STRIPE_PAYMENT}),
    ("charge.succeeded", CHARGE, {"payment_intent": STRIPE_PAYMENT}),
]


def stripe_ids(metadata: dict[str, str], form: str = "secret") -> list[str | None]:
    """What each object of one Stripe sale makes of the same metadata."""
    options = SourceOptions(shop=SHOP, event_id=form)
    copies = [
        reading(event(name, thing, **changes, metadata=metadata), options).copy
        for name, thing, changes in STRIPE_OBJECTS
    ]
    return [copy.event_id for copy in copies if copy is not None]


@pytest.mark.parametrize("form", ["secret", "order"])
def test_all_objects_of_a_stripe_sale_make_one_id(form):
    """Whichever comes first: the shop's drawn one, else the order's, which is Stripe's own where the shop numbers none."""
    drawn = {"order_id": "1001", "event_id": "7f8c2a64-9b1e-4d55-8f0a-2c6e1b9d4a77"}
    assert stripe_ids(drawn, form) == [drawn["event_id"]] * 3
    assert stripe_ids({"order_id": "1001"}, form) == [f"purchase.{SHOP}.1001"] * 3
    assert stripe_ids({}, form) == [f"purchase.{SHOP}.{STRIPE_PAYMENT}"] * 3
    assert is_random(STRIPE_PAYMENT)


def test_a_stripe_session_s_secret_is_not_in_the_other_objects():
    """Why none is derived from it: an id that one object can make and the next cannot would let an order leave twice."""
    session, *others = (
        reading(event(name, thing, **changes, metadata={"order_id": "1001"}), SourceOptions(shop=SHOP)).order
        for name, thing, changes in STRIPE_OBJECTS
    )
    assert f"session:{SESSION['id']}" in session.aliases
    assert not any(alias.startswith("session:") for order in others for alias in order.aliases)
    assert all(f"payment:{STRIPE_PAYMENT}" in order.aliases for order in (session, *others))
