"""Payment providers' webhooks at a running gateway, beside the shop's own: what they say is truth for "paid", a stranger's word is not."""

from __future__ import annotations

import hashlib
import hmac
import itertools
import json
import sys
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from running_gateway import CONFIGURATION as PLAIN
from running_gateway import DATASET, Reply, Running
from test_webhook_door import deliver, numbered

from twofold.config import settings_from
from twofold.errors import ConfigError
from twofold.ledger.model import Paid
from twofold.ledger.state import OrderState, decode_state
from twofold.policies import source_fault, webhook_doors
from twofold.store.engines import open_reader

sys.path.append(str(Path(__file__).parents[1] / "sources" / "payments"))
import test_adyen as adyen
import test_bog as bog
import test_mollie as mollie
import test_paypal as paypal
from rsa_keys import certificate_pem, public_pem, sign

SHOP = "shop.example"
CONFIGURATION = PLAIN | {
    "source": [
        *PLAIN["source"],
        {"type": "adyen", "dataset": DATASET, "shop": SHOP, "secret": adyen.KEY, "stages": {"AUTHORISATION": "paid"}},
        {"type": "mollie", "dataset": DATASET, "shop": SHOP, "secret": mollie.SECRET},
        {
            "type": "paypal",
            "dataset": DATASET,
            "shop": SHOP,
            "secret": [paypal.WEBHOOK, certificate_pem("paypal")],
            "fields": {"order_id": "custom_id"},
        },
        {
            "type": "bog",
            "dataset": DATASET,
            "shop": SHOP,
            "secret": public_pem("bank"),
            "only": {"body.client.id": ["10000"]},
        },
    ]
}
ORDERS = itertools.count(9_678_901_000_001)
THEN = "2026-09-21T14:20:00+00:00"


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    running = Running(tmp_path_factory.mktemp("payments") / "data", CONFIGURATION)
    yield running
    running.close()


def by_adyen(gateway: Running, order: int, *, right: bool = True, code: str = "AUTHORISATION", **changes: Any) -> Reply:
    told = {"merchantReference": str(order), "pspReference": f"P{order}", "eventCode": code, "eventDate": THEN}
    item = adyen.recorded("AUTHORISATION", amount={"currency": "EUR", "value": 4250}, **(told | changes))
    body = adyen.body_of(adyen.signed_item(item, adyen.KEY if right else adyen.OTHER))
    return gateway.send("POST", f"/webhooks/adyen/{SHOP}", body, content_type="application/json")


def by_mollie(gateway: Running, order: int, *, right: bool = True, **changes: Any) -> Reply:
    amount = {"currency": "EUR", "value": "42.50"}
    payment = mollie.recorded(
        "payment.authorized", id=f"tr_{order}", metadata={"order_id": order}, amount=amount, status="paid"
    )
    body = json.dumps(mollie.event_of(payment | changes, "payment.paid", THEN)).encode()
    secret = mollie.SECRET if right else mollie.OLD
    signature = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return gateway.send("POST", f"/webhooks/mollie/{SHOP}", body, x_mollie_signature=f"sha256={signature}")


def by_paypal(gateway: Running, order: int, *, right: bool = True) -> Reply:
    amount = {"currency_code": "EUR", "value": "42.50"}
    capture = paypal.recorded("PAYMENT.CAPTURE.COMPLETED", id=f"C{order}", custom_id=str(order), amount=amount)
    body = json.dumps(capture | {"create_time": THEN}).encode()
    signed = paypal.headers_of(body, "paypal" if right else "stranger")
    return gateway.send(
        "POST", f"/webhooks/paypal/{SHOP}", body, **{name.replace("-", "_"): value for name, value in signed.items()}
    )


def by_bog(gateway: Running, order: int, *, right: bool = True, merchant: str = "10000") -> Reply:
    units = {"request_amount": "42.50", "transfer_amount": "42.50", "currency_code": "EUR"}
    body = bog.callback(
        units=units, time=THEN, order_id=f"bog-{order}", external_order_id=str(order), client={"id": merchant}
    )
    return gateway.send(
        "POST", f"/webhooks/bog/{SHOP}", body, callback_signature=sign(body, "bank" if right else "stranger")
    )


TELLERS = (by_adyen, by_mollie, by_paypal, by_bog)


def state_of(gateway: Running, order: int) -> OrderState:
    db = open_reader(gateway.folder)
    ((body,),) = db.execute("select state from orders where order_id = ?", (str(order),))
    db.close()
    return decode_state(bytes(body))


@pytest.mark.parametrize("first", ["shop", "provider"])
@pytest.mark.parametrize("tell", TELLERS)
def test_the_providers_word_settles_what_the_shop_calls_unpaid(gateway: Running, tell: Any, first: str) -> None:
    """One order of the shop, pending by its own word; the money is there once the provider says so, whoever speaks first."""
    gateway.forget()
    order = next(ORDERS)
    unpaid = numbered(order, financial_status="pending")
    if first == "shop":
        assert deliver(gateway, unpaid).status == 200
        assert state_of(gateway, order).paid is Paid.UNPAID
    assert tell(gateway, order).json["classified"] == "payment"
    if first == "provider":
        assert not state_of(gateway, order).known  # money of an order that nobody told makes no Purchase
        assert gateway.new_events() == []
        assert deliver(gateway, unpaid).status == 200
    state = state_of(gateway, order)
    assert (state.paid, state.received, state.known) == (Paid.PAID, {"EUR": Decimal("42.50")}, True)
    assert tell(gateway, order).status == 200  # sent again
    assert state_of(gateway, order).received == {"EUR": Decimal("42.50")}
    assert [e.event_name for e in gateway.new_events()] == ["Purchase"]


@pytest.mark.parametrize("tell", TELLERS)
def test_a_strangers_word_pays_nothing(gateway: Running, tell: Any) -> None:
    gateway.forget()
    order = next(ORDERS)
    assert deliver(gateway, numbered(order, financial_status="pending")).status == 200
    assert tell(gateway, order, right=False).status == 401
    assert state_of(gateway, order).paid is Paid.UNPAID
    assert [row["reason"] for row in gateway.new_refused()] == ["bad_signature"]


def test_money_that_went_back_is_known(gateway: Running) -> None:
    """A refund by each provider, and a payment that Adyen cancelled."""
    gateway.forget()
    refunded, cancelled, by_sum = next(ORDERS), next(ORDERS), next(ORDERS)
    for order in (refunded, cancelled, by_sum):
        assert deliver(gateway, numbered(order, financial_status="pending")).status == 200
    by_adyen(gateway, refunded, pspReference="PAYMENT1")
    by_adyen(gateway, refunded, code="REFUND", originalReference="PAYMENT1", pspReference="REFUND1")
    assert state_of(gateway, refunded).refunded == {"EUR": Decimal("42.50")}
    by_adyen(gateway, cancelled, pspReference="PAYMENT2")
    later = {"eventDate": "2026-09-21T15:20:00+00:00"}
    item = adyen.recorded("CANCELLATION", merchantReference=str(cancelled), originalReference="PAYMENT2", **later)
    body = adyen.body_of(adyen.signed_item(item))
    assert gateway.send("POST", f"/webhooks/adyen/{SHOP}", body).json["classified"] == "payment given up"
    assert (state_of(gateway, cancelled).paid, state_of(gateway, cancelled).received) == (Paid.UNPAID, {})
    by_mollie(gateway, by_sum, amountRefunded={"currency": "EUR", "value": "2.50"})
    assert state_of(gateway, by_sum).refunded == {"EUR": Decimal("2.50")}


def test_a_signed_word_about_another_merchant_pays_nothing(gateway: Running) -> None:
    """Who has an account at the bank may have it write here of an order of this shop."""
    gateway.forget()
    order = next(ORDERS)
    assert deliver(gateway, numbered(order, financial_status="pending")).status == 200
    assert by_bog(gateway, order, merchant="10001").json["classified"] == "another merchant"
    assert state_of(gateway, order).paid is Paid.UNPAID


def test_a_key_that_cannot_be_read_stops_the_start() -> None:
    broken = {"type": "bog", "dataset": DATASET, "shop": SHOP, "secret": "-----BEGIN PUBLIC KEY-----\nMIIB", "path": "/hooks/bank",
              "only": {"body.client.id": ["10000"]}}  # fmt: skip
    settings = settings_from(PLAIN | {"source": [broken]}, environ={})
    assert "public key" in (source_fault(settings.source[0]) or "")
    with pytest.raises(ConfigError, match="public key"):
        webhook_doors(settings, "secret")
