"""The mappings of examples/mapped as they are published: each is a configuration, and reads a body that its system published.

Bodies: Commerce Layer's as recorded (hookdeck/webhook-samples); Fourthwall's of its page on webhooks; PostHog's of the fields that its source
gives a webhook (plugin-server/src/cdp/types.ts), as no body of it is published. Saleor sends what its subscription asks for, so its body
is that of the subscription in the example, in the types of its published schema; Medusa's is what the subscriber in the example posts, in the types
of its published schema. Saleor's signature is made by the library with which Saleor makes it.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import hmac
import json
import os
import subprocess
import tomllib
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from jwt import api_jws
from jwt.algorithms import RSAAlgorithm

from twofold.collect.doors.webhooks import WebhookDoor
from twofold.config import settings_from
from twofold.ledger.model import Paid
from twofold.policies import webhook_doors
from twofold.sources.contract import Ignored, Reading

HERE = Path(__file__).parent
FOLDER = HERE.parents[1] / "examples" / "mapped"
SECRET = "Hush-0123456789_abcdef"
SIGNED = {"commercelayer": "x-commercelayer-signature", "fourthwall": "x-fourthwall-hmac-sha256"}


def door(name: str) -> WebhookDoor:
    """The one door of an example, its secret out of the environment."""
    told = tomllib.loads((FOLDER / f"{name}.toml").read_text(encoding="utf-8"))
    told["dataset"] = [{"id": "1234567890"}]
    variable = told["source"][0]["secret"].removeprefix("env:")
    (made,) = webhook_doors(
        settings_from(told, environ={variable: jwks() if name == "saleor" else SECRET}), "secret"
    ).values()
    return made


def recorded(name: str) -> dict[str, Any]:
    return json.loads((HERE / "recorded" / f"{name}.json").read_bytes())


@functools.cache
def private_key() -> RSAPrivateKey:
    return generate_private_key(65537, 2048)


def jwks() -> str:
    """As Saleor publishes its key."""
    told = json.loads(RSAAlgorithm.to_jwk(private_key().public_key())) | {"use": "sig", "kid": "1"}
    return json.dumps({"keys": [told]})


def read(name: str, tree: Any) -> Any:
    made = door(name)
    return made.source.read(json.dumps(tree).encode(), {}, made.options, 0)


def test_every_example_is_tried_here() -> None:
    assert sorted(path.stem for path in FOLDER.iterdir()) == [
        "commercelayer",
        "fourthwall",
        "jitsu",
        "klaviyo",
        "medusa",
        "opencart",
        "posthog",
        "saleor",
    ]


@pytest.mark.parametrize(("name", "header"), SIGNED.items())
def test_a_signature_fits_and_another_does_not(name: str, header: str) -> None:
    made, body = door(name), b'{"type":"ORDER_PLACED"}'
    right = base64.b64encode(hmac.digest(SECRET.encode(), body, hashlib.sha256)).decode()
    assert made.source.signed(body, {header: right}, made.secrets, 0)
    assert not made.source.signed(body + b" ", {header: right}, made.secrets, 0)
    assert not made.secret_in_path


def test_a_signature_of_saleor_fits_its_body_alone() -> None:
    """As `saleor/core/jwt_manager.py` makes it: RS256, detached, its key named."""
    made, body = door("saleor"), (HERE / "recorded" / "saleor.OrderFullyPaid.json").read_bytes()
    right = api_jws.encode(body, private_key(), algorithm="RS256", headers={"kid": "1"}, is_payload_detached=True)
    assert made.source.signed(body, {"saleor-signature": right}, made.secrets, 0)
    assert not made.source.signed(body + b" ", {"saleor-signature": right}, made.secrets, 0)
    assert not made.source.signed(body, {}, made.secrets, 0)
    other = api_jws.encode(body, generate_private_key(65537, 2048), algorithm="RS256", is_payload_detached=True)
    assert not made.source.signed(body, {"saleor-signature": other}, made.secrets, 0)


def test_a_subscriber_of_medusas_is_signed() -> None:
    made, body = door("medusa"), b'{"event":"order.placed"}'
    right = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    assert made.source.signed(body, {"x-twofold-hmac": right}, made.secrets, 0)
    assert not made.source.signed(body + b" ", {"x-twofold-hmac": right}, made.secrets, 0)


@pytest.mark.parametrize("name", ["posthog", "jitsu", "klaviyo"])
def test_where_nothing_is_signed_the_secret_stands_in_the_address(name: str) -> None:
    assert door(name).secret_in_path


def test_a_commerce_layer_order() -> None:
    tree = recorded("commercelayer.orders.create")
    assert isinstance(read("commercelayer", tree), Ignored)  # a draft
    tree["data"]["attributes"] |= {"status": "placed", "payment_status": "paid", "total_amount_with_taxes_cents": 4999}
    found = read("commercelayer", tree)
    assert isinstance(found, Reading)
    assert found.order is not None
    snapshot = found.order.snapshot
    assert snapshot is not None
    assert snapshot.shop is not None
    assert (found.order.order_id, snapshot.shop.total, snapshot.shop.currency, snapshot.paid) == (
        "PlalhWGrAb", Decimal("49.99"), "USD", Paid.PAID,
    )  # fmt: skip


def test_a_fourthwall_order() -> None:
    found = read("fourthwall", recorded("fourthwall.ORDER_PLACED"))
    assert isinstance(found, Reading), found
    assert found.order is not None
    snapshot, copy = found.order.snapshot, found.copy
    assert snapshot is not None
    assert snapshot.shop is not None
    assert copy is not None
    assert (found.order.order_id, found.order.aliases) == ("00aa4abd-5778-4199-8161-0b49b2f212e5", ("number:D3XZFWPP",))
    assert (snapshot.shop.total, snapshot.shop.tax, snapshot.shop.currency, snapshot.paid, snapshot.test) == (
        Decimal("5.5"), Decimal("5.5"), "USD", Paid.PAID, False,
    )  # fmt: skip
    assert snapshot.placed_at == 1_689_174_311  # 2023-07-12T15:05:11Z
    assert [(line.sku, line.quantity, line.price) for line in snapshot.lines] == [("WDEK-DRE200L", 5, Decimal(10))]
    assert (copy.user_data["em"], copy.user_data["zp"], copy.user_data["country"]) == (
        ["supporter@fourthwall.com"], "12345", "US",
    )  # fmt: skip
    assert isinstance(read("fourthwall", recorded("fourthwall.ORDER_PLACED") | {"type": "DONATION"}), Ignored)


def test_a_posthog_event() -> None:
    found = read("posthog", recorded("posthog.webhook"))
    assert isinstance(found, Reading), found
    (event,) = found.events
    assert (event.event_name, event.event_time, event.event_id) == (
        "InitiateCheckout", 1_790_000_000, "0191e2a4-6f3c-7c1e-9c44-0242ac120002",
    )  # fmt: skip
    assert event.event_source_url == "https://shop.example/checkout"
    assert event.user_data == {
        "em": "mary@example.com", "external_id": "user-7", "client_ip_address": "203.0.113.9", "client_user_agent": "Mozilla/5.0",
    }  # fmt: skip
    assert (event.custom_data["value"], event.custom_data["currency"]) == (Decimal("29.98"), "EUR")
    other = recorded("posthog.webhook")
    other["event"]["event"] = "$pageview"
    assert isinstance(read("posthog", other), Ignored)


def test_a_jitsu_event() -> None:
    found = read("jitsu", recorded("jitsu.webhook"))
    assert isinstance(found, Reading), found
    (event,) = found.events
    assert (event.event_name, event.event_time, event.event_id) == (
        "InitiateCheckout", 1_790_000_000, "9f8e7d6c-5b4a-4f2e-8d0c-9b8a7f6e5d4c",
    )  # fmt: skip
    assert event.user_data == {
        "em": "mary@example.com", "external_id": "user-7", "client_ip_address": "203.0.113.9", "client_user_agent": "Mozilla/5.0",
        "fbp": "fb.1.1789990000000.1110590605",
    }  # fmt: skip
    assert (event.custom_data["value"], event.custom_data["currency"]) == (Decimal("29.98"), "EUR")
    assert isinstance(read("jitsu", recorded("jitsu.webhook") | {"type": "page"}), Ignored)
    assert isinstance(read("jitsu", recorded("jitsu.webhook") | {"event": "Order Completed"}), Ignored)


def test_what_a_flow_of_klaviyos_posts() -> None:
    """The body that stands in the example, its tags filled as Klaviyo fills them: each by a text."""
    lines = (FOLDER / "klaviyo.toml").read_text(encoding="utf-8").splitlines()
    body = "".join(line.removeprefix("# body:") for line in lines if line.startswith("# body:"))
    for tag, text in {
        "event.happened_at": "2026-09-21T14:13:20Z", "event.request_id": "r-1", "person.email": "mary@example.com",
        "event.URL": "https://shop.example/cup", "event.SKU": "CUP-1",
    }.items():  # fmt: skip
        body = body.replace(f"{{{{ {tag} }}}}", text)
    assert "{{" not in body
    found = read("klaviyo", json.loads(body))
    assert isinstance(found, Reading), found
    (event,) = found.events
    assert (event.event_name, event.event_time, event.event_id, event.action_source) == (
        "Lead",
        1_790_000_000,
        "r-1",
        "email",
    )
    assert event.user_data == {"em": "mary@example.com"}
    assert event.event_source_url == "https://shop.example/cup"
    assert event.custom_data == {"sku": "CUP-1"}


def test_a_saleor_order() -> None:
    found = read("saleor", recorded("saleor.OrderFullyPaid"))
    assert isinstance(found, Reading), found
    assert found.order is not None
    snapshot, copy = found.order.snapshot, found.copy
    assert snapshot is not None
    assert snapshot.shop is not None
    assert copy is not None
    assert found.order.aliases == ("number:1042",)
    assert (snapshot.shop.total, snapshot.shop.tax, snapshot.shop.shipping, snapshot.shop.currency) == (
        Decimal(51), Decimal("8.5"), Decimal(6), "EUR",
    )  # fmt: skip
    assert (snapshot.paid, snapshot.cancelled_at, snapshot.placed_at) == (Paid.PAID, None, 1_790_000_000)
    assert [(line.sku, line.quantity, line.price) for line in snapshot.lines] == [("CUP-1", 2, Decimal("22.5"))]
    assert (copy.user_data["em"], copy.user_data["country"]) == (["john_smith@gmail.com"], "DE")


@pytest.mark.parametrize(
    ("name", "changes", "paid", "cancelled"),
    [
        ("saleor", {"status": "CANCELED", "paymentStatus": "CANCELLED"}, Paid.VOIDED, True),
        ("saleor", {"status": "UNCONFIRMED", "paymentStatus": "NOT_CHARGED"}, Paid.UNPAID, False),
        ("saleor", {"status": "RETURNED", "paymentStatus": "FULLY_REFUNDED"}, Paid.REFUNDED, False),
        ("saleor", {"status": "FULFILLED", "paymentStatus": "PARTIALLY_REFUNDED"}, Paid.PART_REFUNDED, False),
        ("medusa", {"status": "canceled", "payment_status": "voided"}, Paid.VOIDED, True),
        ("medusa", {"status": "completed", "payment_status": "captured"}, Paid.PAID, False),
        ("medusa", {"status": "pending", "payment_status": "partially_refunded"}, Paid.PART_REFUNDED, False),
        ("medusa", {"status": "pending", "payment_status": "not_paid"}, Paid.UNPAID, False),
    ],
)
def test_states_of_orders(name: str, changes: dict[str, str], paid: Paid, cancelled: bool) -> None:
    tree = recorded({"saleor": "saleor.OrderFullyPaid", "medusa": "medusa.order.placed"}[name])
    tree["order"] |= changes
    found = read(name, tree)
    assert isinstance(found, Reading), found
    assert found.order is not None
    assert found.order.snapshot is not None
    assert (found.order.snapshot.paid, found.order.snapshot.cancelled_at is not None) == (paid, cancelled)


def test_drafts_and_other_events_count_for_nothing() -> None:
    for changes in ({"order": {"status": "DRAFT"}}, {"__typename": "OrderDeleted"}, {"order": None}):
        assert isinstance(read("saleor", recorded("saleor.OrderFullyPaid") | changes), Ignored)
    assert isinstance(read("medusa", recorded("medusa.order.placed") | {"order": {"status": "draft"}}), Ignored)


def test_a_medusa_order() -> None:
    found = read("medusa", recorded("medusa.order.placed"))
    assert isinstance(found, Reading), found
    assert found.order is not None
    snapshot = found.order.snapshot
    assert snapshot is not None
    assert snapshot.shop is not None
    assert (found.order.order_id, found.order.aliases) == ("order_01J8F4V1QK2Z3X4Y5W6V7T8S9R", ("number:42",))
    assert (snapshot.shop.total, snapshot.shop.currency, snapshot.shop.discount, snapshot.paid) == (
        Decimal(51), "EUR", Decimal(3), Paid.AUTHORISED,
    )  # fmt: skip
    assert [(line.sku, line.quantity, line.price) for line in snapshot.lines] == [("CUP-1", 2, Decimal(24))]


OPENCART = {
    "order_id": "57", "customer_id": "9", "email": "john_smith@gmail.com", "telephone": "+49301234567", "firstname": "Mary",
    "lastname": "Smith", "payment_city": "Berlin", "payment_postcode": "10115", "payment_iso_code_2": "DE", "order_status_id": "2",
    "currency_code": "EUR", "total": "51.0000", "currency_value": "1.20000000", "date_added": "2026-09-21 14:13:20", "date_modified": "",
    "ip": "203.0.113.9", "user_agent": "Mozilla/5.0",
}  # fmt: skip
_HOST = """
class Controller {
    public $load, $model_checkout_order, $log;
    function __construct($order, $products) {
        $this->load = new class { function model($name) {} };
        $this->log = new class { function write($text) { fwrite(STDERR, $text); } };
        $this->model_checkout_order = new class($order, $products) {
            function __construct(public $order, public $products) {}
            function getOrder($id) { return $this->order; }
            function getOrderProducts($id) { return $this->products; }
        };
    }
}
function curl_init($address) { return $address; }
function curl_setopt_array($call, $options) { file_put_contents(getenv('OUT'), json_encode([$options[CURLOPT_POSTFIELDS], $options[CURLOPT_HTTPHEADER]])); }
function curl_exec($call) { return 'ok'; }
foreach (['POST' => 1, 'POSTFIELDS' => 2, 'RETURNTRANSFER' => 3, 'TIMEOUT' => 4, 'HTTPHEADER' => 5] as $name => $n) define("CURLOPT_$name", $n);
"""


def posted(tmp_path: Path, **changes: str) -> tuple[bytes, dict[str, str]]:
    """What the controller in the example posts of rows with the fields of OpenCart's own model, and the header's lines with it."""
    lines = (FOLDER / "opencart.toml").read_text(encoding="utf-8").splitlines()
    first, last = lines.index("#   class ControllerExtensionTwofold extends Controller {"), lines.index("#   }")
    controller = "\n".join(line.removeprefix("#") for line in lines[first : last + 1])
    rows = [{"product_id": "42", "model": "CUP-1", "quantity": "2", "price": "20.0000"}]
    order = json.dumps(OPENCART | changes)
    begin = (
        f"$c = new ControllerExtensionTwofold(json_decode('{order}', true), json_decode('{json.dumps(rows)}', true));"
    )
    run = "date_default_timezone_set('Europe/Berlin'); $route = ''; $args = [57]; $c->tell($route, $args);"
    out = tmp_path / "posted"
    environment = os.environ | {"OUT": str(out), "TWOFOLD_WORD": SECRET}
    subprocess.run(
        ["php", "-n", "-r", f"{_HOST}{controller}{begin}{run}"],
        check=True,
        env=environment,
        timeout=60,
        capture_output=True,
    )
    body, headers = json.loads(out.read_text(encoding="utf-8")) if out.exists() else ("", [])
    return body.encode(), {name.lower(): value for name, _, value in (line.partition(": ") for line in headers)}


@pytest.mark.php
def test_an_order_of_opencarts(tmp_path: Path) -> None:
    """In the currency of the order, at the moment of the shop's own zone, signed; and one that was only begun is not told."""
    body, headers = posted(tmp_path)
    made = door("opencart")
    assert made.source.signed(body, headers, made.secrets, 0)
    assert not made.source.signed(body + b" ", headers, made.secrets, 0)
    found = read("opencart", json.loads(body))
    assert isinstance(found, Reading), found
    assert found.order is not None
    snapshot, copy = found.order.snapshot, found.copy
    assert snapshot is not None
    assert snapshot.shop is not None
    assert copy is not None
    assert (found.order.order_id, snapshot.shop.total, snapshot.shop.currency) == ("57", Decimal("61.2"), "EUR")
    assert (snapshot.placed_at, snapshot.confirmed, snapshot.cancelled_at) == (1_789_992_800, True, None)
    assert [(line.id, line.sku, line.quantity, line.price) for line in snapshot.lines] == [
        ("42", "CUP-1", 2, Decimal(24))
    ]
    assert copy.user_data["external_id"] == "9"
    (tmp_path / "posted").unlink()
    assert posted(tmp_path, order_status_id="0") == (b"", {})
    cancelled = read("opencart", json.loads(posted(tmp_path, order_status_id="7")[0]))
    assert cancelled.order.snapshot.cancelled_at is not None
