"""The mappings of examples/mapped as they are published: each is a configuration, and reads a body that its system published.

Bodies: Commerce Layer's as recorded (hookdeck/webhook-samples); Fourthwall's of its page on webhooks; PostHog's of the fields that its source
gives a webhook (plugin-server/src/cdp/types.ts), as no body of it is published.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import tomllib
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

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
    (made,) = webhook_doors(settings_from(told, environ={variable: SECRET}), "secret").values()
    return made


def recorded(name: str) -> dict[str, Any]:
    return json.loads((HERE / "recorded" / f"{name}.json").read_bytes())


def read(name: str, tree: Any) -> Any:
    made = door(name)
    return made.source.read(json.dumps(tree).encode(), {}, made.options, 0)


def test_every_example_is_tried_here() -> None:
    assert sorted(path.stem for path in FOLDER.iterdir()) == ["commercelayer", "fourthwall", "posthog"]


@pytest.mark.parametrize(("name", "header"), SIGNED.items())
def test_a_signature_fits_and_another_does_not(name: str, header: str) -> None:
    made, body = door(name), b'{"type":"ORDER_PLACED"}'
    right = base64.b64encode(hmac.digest(SECRET.encode(), body, hashlib.sha256)).decode()
    assert made.source.signed(body, {header: right}, made.secrets, 0)
    assert not made.source.signed(body + b" ", {header: right}, made.secrets, 0)
    assert not made.secret_in_path


def test_where_nothing_is_signed_the_secret_stands_in_the_address() -> None:
    made = door("posthog")
    assert made.secret_in_path


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
