"""Shops and providers that live in a test and answer as their documents say; a gateway that asks them, on real sockets.

A shop is a function from a request to an answer and holds its orders; it refuses a wrong token, pages its list, and says no in the ways that
it is told to.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path
from typing import Any

sys.path += [str(Path(__file__).parents[1] / name) for name in ("collect", "pulling", "sources/payments")]
from running_gateway import CONFIGURATION as PLAIN
from running_gateway import DATASET, NOW_S, PATIENCE_S, Running
from stand_in import Asked, Reply

from twofold.ledger.state import OrderState, decode_state
from twofold.store.engines import open_reader
from twofold.store.fetches.book import DoorState

TOKEN = "token-of-the-api-0123"
SECRET = "word-in-the-address-01"
SHOP = "shop.example"


class Refusing:
    """How a shop says no before it looks at a question: statuses that the next questions get, one each."""

    def __init__(self) -> None:
        self.next: list[Reply] = []

    def say(self, *replies: Reply) -> None:
        self.next += replies

    def take(self) -> Reply | None:
        return self.next.pop(0) if self.next else None


class BigCommerce:
    """Its V2 orders: a token in a header, pages by id, 204 for an empty list, 404 for what it does not know."""

    PAGE = 250

    def __init__(self) -> None:
        self.orders: dict[int, dict[str, Any]] = {}
        self.products: dict[int, list[dict[str, Any]]] = {}
        self.going: set[int] = set()  # deleted as soon as they have been asked for
        self.refusing = Refusing()

    def put(self, order: dict[str, Any], products: list[dict[str, Any]] | None = None) -> None:
        self.orders[order["id"]] = order
        self.products.setdefault(order["id"], []).extend(products or [])

    def __call__(self, asked: Asked) -> Reply:
        if (no := self.refusing.take()) is not None:
            return no
        if asked.headers.get("x-auth-token") != TOKEN:
            return Reply(status=401, body={"status": 401, "title": "X-Auth-Token header is required"})
        parts = asked.path.removeprefix("/stores/abc123").strip("/").split("/")
        if parts[:2] != ["v2", "orders"]:
            return Reply(status=404, body={"status": 404})
        if len(parts) == 2:
            return self._list(asked)
        order = self.orders.get(int(parts[2])) if parts[2].isdigit() else None
        if order is None:
            return Reply(status=404, body=[{"status": 404, "message": "The requested resource was not found."}])
        if len(parts) == 3:
            if order["id"] in self.going:
                del self.orders[order["id"]]
            return Reply(body=order)
        products = self.products[order["id"]] if asked.query.get("page", "1") == "1" else []
        return Reply(body=products) if products else Reply(status=204)

    def _list(self, asked: Asked) -> Reply:
        since = datetime.fromisoformat(asked.query["min_date_modified"]).timestamp()
        number, size = int(asked.query["page"]), min(int(asked.query["limit"]), self.PAGE)
        found = sorted((o for o in self.orders.values() if modified(o) >= since), key=lambda o: o["id"])
        page = found[(number - 1) * size : number * size]
        return Reply(body=page) if page else Reply(status=204)


def modified(order: dict[str, Any]) -> float:
    return datetime.strptime(order["date_modified"], "%a, %d %b %Y %H:%M:%S %z").timestamp()


def mail(at_s: float) -> str:
    return format_datetime(datetime.fromtimestamp(at_s, UTC))


def bigcommerce_order(number: int, at_s: float = NOW_S, **changes: Any) -> dict[str, Any]:
    """After the schema orders.v2.oas2, with the fields that are read and some that are not."""
    return {
        "id": number, "customer_id": 11, "date_created": mail(NOW_S), "date_modified": mail(at_s), "date_shipped": "", "cart_id":
        f"a8458391-ef68-4fe5-9ec1-{number:012}", "status_id": 11, "status": "Awaiting Fulfillment", "subtotal_ex_tax": "40.0000",
        "subtotal_inc_tax": "48.0000", "subtotal_tax": "8.0000", "shipping_cost_ex_tax": "5.0000", "shipping_cost_inc_tax": "6.0000",
        "shipping_cost_tax": "1.0000", "total_ex_tax": "42.5000", "total_inc_tax": "51.0000", "total_tax": "8.5000",
        "items_total": 2, "items_shipped": 0, "payment_method": "Credit Card", "payment_provider_id": "ch_1", "payment_status": "captured",
        "refunded_amount": "0.0000", "ip_address": "203.0.113.9", "currency_code": "USD", "default_currency_code": "EUR",
        "staff_notes": "", "discount_amount": "3.0000", "coupon_discount": "0.0000", "is_deleted": False, "order_source": "www",
        "billing_address": {"first_name": "Mary", "last_name": "Smith", "street_1": "1 Road", "city": "Berlin", "state": "Berlin",
                            "zip": "10115", "country": "Germany", "country_iso2": "DE", "phone": "+49 30 1234567",
                            "email": "john_smith@gmail.com"},
        "products": {"url": "https://attacker.example/v2/orders/1/products", "resource": "/orders/1/products"},
    } | changes  # fmt: skip


def bigcommerce_product(**changes: Any) -> dict[str, Any]:
    return {
        "id": 5, "product_id": 77, "variant_id": 91, "name": "Cup", "sku": "CUP-1", "type": "physical", "base_price": "20.0000",
        "price_ex_tax": "20.0000", "price_inc_tax": "24.0000", "quantity": 2, "total_inc_tax": "48.0000",
        "applied_discounts": [{"id": "coupon", "amount": "3.0000", "target": "order"}],
    } | changes  # fmt: skip


class Mollie:
    """GET /v2/payments/{id} with a bearer key."""

    def __init__(self) -> None:
        self.payments: dict[str, dict[str, Any]] = {}
        self.refusing = Refusing()

    def __call__(self, asked: Asked) -> Reply:
        if (no := self.refusing.take()) is not None:
            return no
        if asked.headers.get("authorization") != f"Bearer {TOKEN}":
            return Reply(status=401, body={"status": 401, "title": "Unauthorized Request"})
        payment = self.payments.get(asked.path.removeprefix("/v2/payments/"))
        if asked.method != "GET" or payment is None:
            return Reply(
                status=404, body={"status": 404, "title": "Not Found", "detail": "No payment exists with token tr_x."}
            )
        return Reply(body=payment)


class Asking:
    """A gateway that asks, with its workers running on its own loop."""

    def __init__(self, folder: Path, *sources: dict[str, Any]) -> None:
        own = [{"dataset": DATASET, "shop": SHOP, "asks_per_minute": 6_000, **source} for source in sources]
        self.gateway = Running(folder, PLAIN | {"source": [*PLAIN["source"], *own]})
        self._work = asyncio.run_coroutine_threadsafe(self.gateway.gateway.fetches.run(), self.gateway._loop)

    def look_often(self) -> None:
        """Lists of changes are read ten times a second: none is missed whatever the moment at which a test changes something."""
        for source in self.gateway.gateway.fetches.sources.values():
            if source._every_s:
                source._every_s, source._look_at = 0.1, 0.0

    def close(self) -> None:
        self._work.cancel()
        with contextlib.suppress(BaseException):
            self._work.result(PATIENCE_S)
        self.gateway.close()

    def until(self, done: Callable[[], Any], why: str = "what was awaited") -> Any:
        """Waits for something to become true; meanwhile the gateway's clock goes on, some seconds each time its workers look."""
        end = time.monotonic() + PATIENCE_S
        while not (found := done()):
            assert time.monotonic() < end, f"{why} did not come"
            self.gateway.now += 5_000
            for source in self.gateway.gateway.fetches.sources.values():
                self.gateway._loop.call_soon_threadsafe(source.wake)
            time.sleep(0.02)
        return found

    def quiet(self, door: str) -> bool:
        """True when nothing is wanted of a source any more."""
        return not self.rows("select thing from fetch_wanted where door = ?", door)

    def rows(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        db = open_reader(self.gateway.folder)
        found = db.execute(sql, values).fetchall()
        db.close()
        return found

    def state(self, order: str) -> OrderState | None:
        rows = self.rows("select state from orders where order_id = ?", order)
        return decode_state(bytes(rows[0][0])) if rows else None

    def stands(self, door: str) -> DoorState:
        rows = self.rows("select until, came_at, code, who, said, since_at from fetch_door where door = ?", door)
        names = ("until", "came_at", "code", "who", "said", "since_at")
        return DoorState(**dict(zip(names, rows[0], strict=True))) if rows else DoorState()


@contextlib.contextmanager
def asking(folder: Path, *sources: dict[str, Any]) -> Iterator[Asking]:
    running = Asking(folder, *sources)
    try:
        yield running
    finally:
        running.close()


def notice(number: int, scope: str = "store/order/created", **changes: Any) -> str:
    """A webhook of BigCommerce, after its schema."""
    body = {"scope": scope, "store_id": "1025646", "data": {"type": "order", "id": number}, "created_at": NOW_S,
            "hash": "352e4afc6dd3fc85ea26bfdf3f91852604d57528", "producer": "stores/abc123"}  # fmt: skip
    return json.dumps(body | changes)
