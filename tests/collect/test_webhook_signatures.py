"""Signatures at the real door: what is refused, what of it is kept, and what a captured body can do with other headers."""

from __future__ import annotations

import base64
import gzip
import hashlib
import hmac
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from running_gateway import DATASET, NOW_S, Reply, Running, request

from tests.sources.stripe_bodies import SESSION
from tests.sources.stripe_bodies import event as stripe_event
from tests.sources.woocommerce_bodies import order as woo_order
from twofold.config import settings_from
from twofold.errors import ConfigError
from twofold.store.engines import open_reader

SECRET, OLDER = "hush-0123456789abcdef", "older-0123456789abcde"
PASSWORD = "pipe:hush-0123456789"
SHOP = "demo.myshopify.com"
SOURCES = {
    "shopify": SHOP, "woocommerce": "woo.example", "stripe": "stripe.example", "own": "own.example", "chat": "chat.example",
    "hubspot": "hub", "pipedrive": "pipe",
}  # fmt: skip
CONFIGURATION: dict[str, Any] = {
    "dataset": [{"id": DATASET}],
    "source": [
        {"type": kind, "dataset": DATASET, "shop": shop, "secret": PASSWORD if kind == "pipedrive" else [SECRET, OLDER]}
        for kind, shop in SOURCES.items()
    ],
}
ORDER = {
    "id": 5678901234567, "email": "john_smith@gmail.com", "created_at": "2026-09-21T10:13:20-04:00",
    "updated_at": "2026-09-21T10:13:20-04:00", "currency": "EUR", "total_price": "42.50", "financial_status": "paid",
    "order_number": 1001, "line_items": [{"variant_id": 111, "quantity": 2, "price": "21.25"}],
}  # fmt: skip
PERSONAL = b'{"email":"john_smith@gmail.com","id":1}'


def mac(body: bytes, secret: str = SECRET) -> bytes:
    return hmac.new(secret.encode(), body, hashlib.sha256).digest()


def b64(value: bytes) -> str:
    return base64.b64encode(value).decode()


def timed(body: bytes, secret: str, at: int = NOW_S) -> str:
    return f"t={at},v1={mac(f'{at}.'.encode() + body, secret).hex()}"


SIGNED: dict[str, Callable[[bytes, str], dict[str, str]]] = {
    "shopify": lambda body, secret: {
        "x_shopify_hmac_sha256": b64(mac(body, secret)),
        "x_shopify_topic": "orders/create",
    },
    "woocommerce": lambda body, secret: {"x_wc_webhook_signature": b64(mac(body, secret))},
    "stripe": lambda body, secret: {"stripe_signature": timed(body, secret)},
    "own": lambda body, secret: {"x_twofold_signature": timed(body, secret)},
    "chat": lambda body, secret: {"x_hub_signature_256": f"sha256={mac(body, secret).hex()}"},
    "hubspot": lambda body, secret: {"x_hubspot_signature": hashlib.sha256(secret.encode() + body).hexdigest()},
    "pipedrive": lambda _, secret: {"authorization": f"Basic {b64(secret.encode())}"},
}


@pytest.fixture(scope="module")
def _one_gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    running = Running(tmp_path_factory.mktemp("gateway") / "data", CONFIGURATION)
    yield running
    running.close()


def post(gateway: Running, kind: str, body: bytes, headers: dict[str, str]) -> Reply:
    return gateway.send("POST", f"/webhooks/{kind}/{SOURCES[kind]}", body, content_type="application/json", **headers)


def secret_of(kind: str) -> str:
    return PASSWORD if kind == "pipedrive" else SECRET


BAD: list[tuple[str, Callable[[str], dict[str, str]]]] = [
    ("no signature", lambda kind: {}),
    ("another secret", lambda kind: SIGNED[kind](PERSONAL, "someone:else-0123456789")),
    ("the signature of another body", lambda kind: SIGNED[kind](b"{}", "other:" + secret_of(kind))),
    ("an empty one", lambda kind: dict.fromkeys(SIGNED[kind](PERSONAL, SECRET), "")),
    ("a digit more", lambda kind: {k: v + "0" for k, v in SIGNED[kind](PERSONAL, secret_of(kind)).items()}),
    ("twice", lambda kind: {k: f"{v},{v}" for k, v in SIGNED[kind](PERSONAL, secret_of(kind)).items()}),
    ("bytes that are no text", lambda kind: {k: "\xff\xfe\x80" + v for k, v in SIGNED[kind](PERSONAL, SECRET).items()}),
    ("eight kilobytes", lambda kind: {k: (v * 100)[:8_000] for k, v in SIGNED[kind](PERSONAL, "x:" + SECRET).items()}),
]


@pytest.mark.parametrize(("claim", "headers"), BAD, ids=[row[0] for row in BAD])
@pytest.mark.parametrize("kind", SOURCES)
def test_a_bad_signature_is_401_and_its_body_is_kept_masked(
    kind: str, claim: str, headers: Callable[[str], dict[str, str]], gateway: Running
) -> None:
    """Every source answers a stranger with 401; the attempt is one row, without what could be somebody's address."""
    assert post(gateway, kind, PERSONAL, headers(kind)).status == 401
    assert gateway.new_events() == []
    (row,) = gateway.new_refused()
    assert (row["entry"], row["dataset"], row["reason"]) == ("webhook", DATASET, "bad_signature")
    assert "john_smith" not in row["body"]


@pytest.mark.parametrize("kind", SOURCES)
def test_a_good_signature_is_never_401(kind: str, gateway: Running) -> None:
    """What is signed is read, and is refused, if at all, for what it says; during a rotation by either secret."""
    for secret in (secret_of(kind),) if kind == "pipedrive" else (SECRET, OLDER):
        assert post(gateway, kind, PERSONAL, SIGNED[kind](PERSONAL, secret)).status == (400 if kind == "own" else 200)
    assert {row["reason"] for row in gateway.new_refused()}.isdisjoint({"bad_signature"})


@pytest.mark.parametrize(("late_s", "replay"), [(0, False), (299, False), (301, True), (-299, False), (-301, True)])
@pytest.mark.parametrize(("kind", "read"), [("stripe", 200), ("own", 400)])
def test_a_replay_is_refused_after_five_minutes(
    kind: str, read: int, late_s: int, replay: bool, gateway: Running
) -> None:
    """By the gateway's own clock; before that the body is read (here it is no event, which only a developer is told)."""
    gateway.now = (NOW_S + late_s) * 1000
    assert post(gateway, kind, PERSONAL, SIGNED[kind](PERSONAL, SECRET)).status == (401 if replay else read)


def test_header_names_have_any_case_and_the_signature_has_one_field(gateway: Running) -> None:
    """Names in capitals are the same header; two halves of a signature in two fields are none."""
    body = json.dumps(ORDER | {"id": 61}).encode()
    text = b64(mac(body))
    path = f"/webhooks/shopify/{SHOP}"
    rows = [
        ((f"X-SHOPIFY-HMAC-SHA256: {text}", "X-SHOPIFY-TOPIC: orders/create"), 200),
        ((f"x-shopify-hmac-sha256: {text}", "x-shopify-topic: orders/create"), 200),
        ((f"X-Shopify-Hmac-Sha256: {text[:20]}", f"X-Shopify-Hmac-Sha256: {text[20:]}"), 401),
        (("X-Shopify-Hmac-Sha256: AAAA", "X-Shopify-Hmac-Sha256: BBBB"), 401),
    ]
    for fields, status in rows:
        with gateway.raw() as client:
            client.write(request("POST", path, body, *fields))
            reply = client.read()
            assert reply is not None
            assert reply.status == status, fields


def test_a_content_coding_is_taken_off_before_the_signature(gateway: Running) -> None:
    """Shops sign what they wrote: a coding that something on the way put on is not part of it, one of the coded bytes is
    not the shop's signature, and a coding that is a lie is no webhook."""
    body = json.dumps(ORDER | {"id": 62}).encode()
    packed = gzip.compress(body, mtime=0)
    coded = {"content_encoding": "gzip"}
    assert post(gateway, "shopify", packed, SIGNED["shopify"](body, SECRET) | coded).status == 200
    assert post(gateway, "shopify", packed, SIGNED["shopify"](packed, SECRET) | coded).status == 401
    assert post(gateway, "shopify", body, SIGNED["shopify"](body, SECRET) | coded).status == 400
    assert (
        post(gateway, "shopify", packed, SIGNED["shopify"](packed, SECRET)).json["classified"] == "refused"
    )  # no JSON


ALTERED = [
    {"x_shopify_topic": "orders/paid"},
    {"x_shopify_topic": "orders/cancelled"},
    {"x_shopify_topic": "orders/delete"},
    {"x_shopify_topic": "refunds/create"},
    {"x_shopify_topic": "customers/redact"},
    {"x_shopify_topic": "shop/redact"},
    {"x_shopify_topic": "app/uninstalled"},
    {"x_shopify_topic": ""},
    {"x_shopify_test": "true"},
    {"shopify_test": "true"},
    {"x_shopify_shop_domain": "other.myshopify.com"},
    {"x_shopify_webhook_id": "11111111-2222-3333-4444-555555555555"},
    {"x_shopify_event_id": "another"},
    {"x_shopify_triggered_at": "2030-01-01T00:00:00Z"},
    {"x_shopify_api_version": "1999-01"},
    {"x_forwarded_for": "203.0.113.77", "user_agent": "another"},
]


def test_a_captured_body_with_other_headers_says_nothing_new(gateway: Running) -> None:
    """Only the body is signed: the same bytes make one Purchase, which no header takes back or makes twice."""
    body = json.dumps(ORDER | {"id": 63, "order_number": 63}).encode()
    assert post(gateway, "shopify", body, SIGNED["shopify"](body, SECRET)).json["events_received"] == 1
    before = gateway.new_event(), state_of(gateway, "63")
    for changes in ALTERED:
        assert post(gateway, "shopify", body, SIGNED["shopify"](body, SECRET) | changes).status == 200, changes
    assert {event.event_id for event in gateway.new_events()} <= {before[0].event_id}
    assert state_of(gateway, "63") == before[1]


def test_a_body_fits_no_other_source(gateway: Running) -> None:
    """Two systems with one secret: a body of one, with its signature in the other's header, is no order there."""
    body = json.dumps(ORDER | {"id": 64}).encode()
    text = b64(mac(body))
    assert post(gateway, "woocommerce", body, {"x_shopify_hmac_sha256": text}).status == 401
    post(gateway, "woocommerce", body, {"x_wc_webhook_signature": text, "x_wc_webhook_topic": "order.created"})
    assert gateway.new_events() == []


def test_the_ping_is_answered_and_leaves_nothing(gateway: Running) -> None:
    """WooCommerce's greeting is unsigned and must get 200; at another source's address it is a stranger."""
    for body in (b"webhook_id=7", b"webhook_id=12345678901234567890"):
        reply = gateway.send("POST", "/webhooks/woocommerce/woo.example", body)
        assert (reply.status, reply.json["events_received"]) == (200, 0)
    assert gateway.new_refused() == []
    assert gateway.send("POST", f"/webhooks/shopify/{SHOP}", b"webhook_id=7").status == 401
    assert gateway.send("POST", "/webhooks/woocommerce/woo.example", b"webhook_id=7&id=5").status == 401


@pytest.mark.parametrize("secret", ["", "short", "fifteen-letters", [], [SECRET, ""], [SECRET, "short"]])
def test_an_empty_or_short_secret_is_refused_by_the_configuration(secret: Any) -> None:
    """A gateway does not start with a secret that could be guessed from one captured body."""
    source = CONFIGURATION["source"][0] | {"secret": secret}
    with pytest.raises(ConfigError):
        settings_from({"server": {"data": "unused"}, **CONFIGURATION, "source": [source]}, environ={})


def test_another_systems_event_that_cannot_be_sent_is_left_out_and_not_refused(
    start_gateway: Callable[..., Running],
) -> None:
    """A CRM cannot make last month's lead younger: it gets 200 and the reason, and one row is kept. A developer who
    writes our own body gets 400."""
    stages = {"stages": {"lead": "Lead", "2": "Lead"}}
    source = [row | (stages if row["type"] in ("hubspot", "pipedrive") else {}) for row in CONFIGURATION["source"]]
    gateway = start_gateway({**CONFIGURATION, "source": source})
    old_ms = (NOW_S - 30 * 86_400) * 1000
    contact = {"vid": 251, "properties": {
        "email": {"value": "john_smith@gmail.com"},
        "lifecyclestage": {"value": "lead", "versions": [{"value": "lead", "timestamp": old_ms}]},
    }}  # fmt: skip
    deal = {"data": {"id": 8, "stage_id": 2, "add_time": "2026-01-01T00:00:00Z"},
            "meta": {"action": "create", "entity": "deal"}}  # fmt: skip
    for kind, body in (("hubspot", contact), ("pipedrive", deal)):
        raw = json.dumps(body).encode()
        reply = post(gateway, kind, raw, SIGNED[kind](raw, secret_of(kind)))
        assert (reply.status, reply.json["events_received"], reply.json["classified"]) == (200, 0, "lead stage")
        assert reply.json["messages"]
        assert [row["entry"] for row in gateway.new_refused()] == ["webhook"]
    event = {"type": "event", "event_name": "Lead", "event_time": NOW_S - 30 * 86_400, "action_source": "phone_call",
             "user_data": {"em": "john_smith@gmail.com"}}  # fmt: skip
    raw = json.dumps(event).encode()
    assert post(gateway, "own", raw, SIGNED["own"](raw, SECRET)).status == 400
    assert gateway.new_events() == []


NO_ORDER = [b"{", b"[]", b"null", b'"text"', b"\xff\xfe{\x00}\x00", b'{"id": NaN}', b'{"id": null}', b"webhook_id=x"]


@pytest.mark.parametrize("kind", [kind for kind in SOURCES if kind != "own"])
def test_nothing_that_is_signed_makes_a_platform_give_up_its_webhook(kind: str, gateway: Running) -> None:
    """WooCommerce gives up after five refusals in a row, Shopify after eight: what sending again would not mend gets 200,
    and is a row. The developer of a shop of his own gets 400 for the same."""
    for body in NO_ORDER:
        assert post(gateway, kind, body, SIGNED[kind](body, secret_of(kind))).status == 200, body
        assert gateway.new_events() == []
        assert [row["entry"] for row in gateway.new_refused()] == ["webhook"], body


def state_of(gateway: Running, order_id: str) -> Any:
    """The ledger's state of an order, as its row holds it."""
    db = open_reader(gateway.folder)
    rows = list(db.execute("select state from orders where order_id = ?", (order_id,)))
    db.close()
    ((state,),) = rows
    return json.loads(state)


NOBODY = {"customer": None, "customer_details": None, "customer_email": None}
"""A payment link that asks for nothing and makes no customer: all three are nullable in the API reference."""


@pytest.mark.parametrize(
    ("name", "changes", "known"),
    [
        ("cs_n1", NOBODY | {"metadata": {"order_id": "N1"}}, "N1"),
        ("cs_n2", NOBODY | {"metadata": {}, "client_reference_id": "N2"}, "N2"),
        ("cs_n3", NOBODY | {"metadata": {}, "payment_intent": "pi_n3"}, "pi_n3"),
        ("cs_n4", NOBODY | {"metadata": None, "payment_intent": "pi_n4"}, "pi_n4"),
        ("cs_n5", dict.fromkeys(NOBODY, ...) | {"metadata": {"order_id": "N5"}}, "N5"),
        ("cs_n6", NOBODY | {"customer_details": {"email": None, "name": None, "phone": None, "address": None},
                            "metadata": {"order_id": "N6"}}, "N6"),
    ],
)  # fmt: skip
def test_a_paid_session_without_a_buyer_is_a_paid_order(
    name: str, changes: dict[str, Any], known: str, gateway: Running
) -> None:
    """No platform can be told of nobody, which is said; that it was bought, and for how much, stands in the ledger."""
    intent = {} if "payment_intent" in changes else {"payment_intent": f"pi_{name}"}
    body = stripe_event("checkout.session.completed", SESSION, at=NOW_S - 60, id=name, **intent, **changes)
    raw = json.dumps(body).encode()
    reply = post(gateway, "stripe", raw, SIGNED["stripe"](raw, SECRET))
    assert (reply.status, reply.json["classified"]) == (200, "checkout paid")
    assert [row["reason"] for row in gateway.new_refused()] == ["missing_user_data"]  # of the copy
    state = state_of(gateway, known)
    assert (state["shop"]["total"], state["shop"]["currency"], state["paid"]) == ("32.40", "EUR", "paid")
    assert state["received"] == {"EUR": "32.40"}


@pytest.mark.parametrize(
    ("number", "changes", "paid"),
    [
        (9101, {"status": "processing", "transaction_id": "ch_9101"}, "paid"),
        (9102, {"status": "processing", "transaction_id": ""}, None),
        (9103, {"status": "completed", "transaction_id": ""}, "paid"),
        (
            9104,
            {"status": "completed", "transaction_id": "", "payment_method": "cod", "payment_method_title": "Cash"},
            "paid",
        ),
        (
            9105,
            {"status": "processing", "transaction_id": "", "payment_method": "cod", "payment_method_title": "Cash"},
            "unpaid",
        ),
        (9106, {"status": "on-hold", "transaction_id": "", "payment_method": "bacs"}, "unpaid"),
        (9107, {"status": "pending", "transaction_id": ""}, "unpaid"),
    ],
)
@pytest.mark.parametrize("absent", [None, ...], ids=["null", "left out"])
def test_an_order_of_woocommerce_without_date_paid_is_paid_by_its_status_and_transaction(
    number: int, changes: dict[str, Any], paid: str | None, absent: Any, gateway: Running
) -> None:
    """``date_paid`` is null until WooCommerce stamps it, and some senders leave the field out. Money that came before the goods needs
    a word of its own (the transaction) or a person's "completed"; cash at the door needs "completed"."""
    number += 100 * (absent is None)
    changes = changes | {"transaction_id": changes["transaction_id"] and f"ch_{number}"}
    at = "2026-09-21T14:14:05"
    body = woo_order(
        order_key=f"wc_order_{number}",
        meta_data=[],
        id=number,
        number=str(number),
        date_paid=absent,
        date_paid_gmt=absent,
        date_modified_gmt=at,
        **changes,
    )
    raw = json.dumps(body).encode()
    headers = SIGNED["woocommerce"](raw, SECRET) | {
        "x_wc_webhook_topic": "order.updated",
        "x_wc_webhook_resource": "order",
    }
    reply = post(gateway, "woocommerce", raw, headers)
    assert reply.status == 200, reply.json
    state = state_of(gateway, str(number))
    assert (state["shop"]["total"], state.get("paid")) == ("32.40", paid)
    assert (state.get("paid_at") is not None) == (paid == "paid")
