"""The same run on a shop of another kind: WooCommerce's webhook, an order with taxes, discount and shipping, cash before delivery."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest
from acceptance_scene import PLAN
from playing_shop import DATASET, ORIGIN, PlayedShop, settings_text

from tests.acceptance.gateway_process import gateway
from tests.fakes.graph import in_thread
from tests.sources.woocommerce_bodies import order as order_body
from twofold.acceptance.criteria import State
from twofold.acceptance.plan import read_plan
from twofold.acceptance.run import About, Status, run_of, start, status, tick
from twofold.config import Settings, load_settings
from twofold.control.owner import on_store
from twofold.control.questions import Note

pytestmark = pytest.mark.process
SECRET, FBP = "woo-hush-0123456789", "fb.1.1789992155109.1110590605"  # the browser's number that the order carries
KEY = "wc_order_Ab3dE6gH9kLmN"
EVENT_ID = f"purchase.{hashlib.sha256(f'order_key:{KEY}'.encode()).hexdigest()[:32]}"


def webhook(address: str, **more: Any) -> None:
    now = datetime.now(UTC).replace(tzinfo=None, microsecond=0).isoformat()
    dates = dict.fromkeys(
        ("date_created", "date_created_gmt", "date_modified", "date_modified_gmt", "date_paid", "date_paid_gmt"), now
    )
    body = json.dumps(order_body(**{**dates, "customer_ip_address": "127.0.0.1", **more})).encode()
    signature = base64.b64encode(hmac.digest(SECRET.encode(), body, "sha256")).decode()
    headers = {"content-type": "application/json", "x-wc-webhook-topic": "order.updated", "x-wc-webhook-resource": "order",
               "x-wc-webhook-event": "updated", "x-wc-webhook-signature": signature, "x-wc-webhook-delivery-id": str(time.time_ns())}  # fmt: skip
    with urlopen(
        Request(f"{address}/webhooks/woocommerce/shop.example", data=body, headers=headers), timeout=60
    ) as answer:
        assert answer.status == 200


def settled(settings: Settings, code: str) -> Status:
    for _ in range(600):
        found = status(settings, run_of(Path(settings.server.data), code), int(time.time()))
        purchases = found.gathered.events["Purchase"]
        if purchases and found.gathered.order and all(d.state != "waiting" for a in purchases for d in a.deliveries):
            return found
        time.sleep(0.1)
    raise AssertionError(found.gathered)


def test_an_order_with_taxes_discount_and_shipping(tmp_path: Path) -> None:
    """32.40 of which 5.40 are taxes and 4.00 shipping: the checkout told the cart without shipping, the purchase the whole."""
    plan = tmp_path / "plan.toml"
    plan.write_text(PLAN, encoding="utf-8")
    with in_thread() as graph:
        text = settings_text(tmp_path, graph.url)
        text = text[: text.index("[[source]]")].replace("consent.require = true\n", "")
        text += f'[[source]]\ntype = "woocommerce"\ndataset = "{DATASET}"\nshop = "shop.example"\nsecret = "{SECRET}"\n'
        with gateway(text, tmp_path / "data") as running:
            settings = load_settings(running.config)
            on_store(
                settings,
                Note(
                    kind="event_owner",
                    facts={"dataset": DATASET, "event": "Purchase", "sender": "woocommerce", "by": "t"},
                ),
            )
            run = start(
                settings, read_plan(plan), DATASET, About(decision="launch", owner="Nino"), "tester", int(time.time())
            )
            shop, now = PlayedShop(running.url), int(time.time())
            goods = {"content_ids": '["111","22"]', "content_type": "product"}
            shop.pixel(FBP, "PageView", f"{ORIGIN}/?twofold_test={run.code}", "p1", at=now - 5)
            shop.pixel(FBP, "ViewContent", f"{ORIGIN}/mug", "v1", at=now - 4, **goods)
            shop.pixel(FBP, "AddToCart", f"{ORIGIN}/cart", "a1", at=now - 3, **goods)
            shop.pixel(
                FBP,
                "InitiateCheckout",
                f"{ORIGIN}/checkout",
                "c1",
                at=now - 2,
                num_items="3",
                value="27.60",
                currency="EUR",
            )
            shop.pixel(
                FBP,
                "Purchase",
                f"{ORIGIN}/order-received/4711",
                EVENT_ID,
                at=now - 1,
                value="32.40",
                currency="EUR",
                order_id="4711",
            )
            webhook(running.url)
            found = settled(settings, run.code)
            checks = {(c.name, k.event, k.name): k for c in found.criteria for k in c.checks}
            assert found.gathered.order is not None
            assert (found.gathered.order.number, found.gathered.order.value, found.gathered.order.paid) == (
                "WS-4711",
                "32.40",
                "paid",
            )
            states = {c.name: c.state for c in found.criteria}
            assert (states["merged"], states["money"], states["owners"]) == (State.PASSED,) * 3, found.criteria
            assert checks["path", "InitiateCheckout", "cart"].state is State.PASSED, checks[
                "path", "InitiateCheckout", "cart"
            ]
            assert dict(found.gathered.order.contained) == {
                "tax": "5.40",
                "shipping": "4.00",
                "shipping_tax": "0.80",
                "discount": "2.50",
            }
            tick(settings, run, "order", "tester", order="WS-4711")  # by the number that people know, the same order
            again = status(settings, run_of(Path(settings.server.data), run.code), int(time.time()))
            assert {c.name: c.state for c in again.criteria} == states
