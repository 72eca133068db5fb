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

from twofold.ledger.model import Paid
from twofold.ledger.state import OrderState, decode_state
from twofold.store.sqlite.database import open_reader

sys.path.append(str(Path(__file__).parents[1] / "sources" / "payments"))
import test_adyen as adyen
import test_mollie as mollie

SHOP = "shop.example"
CONFIGURATION = PLAIN | {
    "source": [
        *PLAIN["source"],
        {"type": "adyen", "dataset": DATASET, "shop": SHOP, "secret": adyen.KEY, "stages": {"AUTHORISATION": "paid"}},
        {"type": "mollie", "dataset": DATASET, "shop": SHOP, "secret": mollie.SECRET},
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


def state_of(gateway: Running, order: int) -> OrderState:
    db = open_reader(gateway.folder)
    ((body,),) = db.execute("select state from orders where order_id = ?", (str(order),))
    db.close()
    return decode_state(bytes(body))


@pytest.mark.parametrize("first", ["shop", "provider"])
@pytest.mark.parametrize("tell", [by_adyen, by_mollie])
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


@pytest.mark.parametrize("tell", [by_adyen, by_mollie])
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
