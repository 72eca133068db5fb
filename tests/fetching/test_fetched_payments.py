"""Klarna, TBC and Shopware: what their notices name, what they are asked, and what the answers mean; on real sockets against shops that refuse what their
documents refuse."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from asked_shops import SECRET, SHOP, Asking, Refusing, asking
from running_gateway import NOW_S, purchase
from stand_in import Asked, Reply, StandIn, standing_in
from test_webhook_door import deliver, numbered

from twofold.event.model import Tier
from twofold.fetching.systems import SYSTEMS
from twofold.ledger.model import Method, Paid
from twofold.sources import SOURCES
from twofold.sources.contract import Ignored, Named, Reading, SourceOptions

NAME, WORD, KEY = "name-of-the-access", "word-of-the-access-1", "key-of-the-app-0123"
OPTIONS = SourceOptions(shop=SHOP)
KLARNA_ID = "f3392f8b-6116-4073-ab96-e330819e2c07"
ORDER_ID = "7b04ebe416db4ebc93de4d791325e1d9"


class Klarna:
    def __init__(self) -> None:
        self.orders: dict[str, dict[str, Any]] = {}

    def __call__(self, asked: Asked) -> Reply:
        if asked.headers.get("authorization") != f"Basic {b64encode(f'{NAME}:{WORD}'.encode()).decode()}":
            return Reply(status=401)
        found = self.orders.get(asked.path.removeprefix("/ordermanagement/v1/orders/"))
        gone = {"error_code": "NO_SUCH_ORDER", "error_messages": ["Order cannot be found."], "correlation_id": "c"}
        return Reply(body=found) if found and asked.method == "GET" else Reply(status=404, body=gone)


class Tokens:
    """An address that gives a token for a name and a word, for ``lasts_s``; what was given before holds no more."""

    def __init__(self, lasts_s: int | str) -> None:
        self.given: list[str] = []
        self.lasts_s = lasts_s
        self.refusing = Refusing()

    def give(self, told: dict[str, Any]) -> Reply:
        if (told.get("client_id"), told.get("client_secret")) != (NAME, WORD):
            return Reply(status=401, body={"error": "invalid_client"})
        self.given.append(f"token-{len(self.given)}")
        return Reply(body={"access_token": self.given[-1], "token_type": "Bearer", "expires_in": self.lasts_s})

    def fits(self, asked: Asked) -> bool:
        return bool(self.given) and asked.headers.get("authorization") == f"Bearer {self.given[-1]}"


class Tbc(Tokens):
    def __init__(self) -> None:
        super().__init__("86400")  # a text, as some systems write it
        self.payments: dict[str, dict[str, Any]] = {}

    def __call__(self, asked: Asked) -> Reply:
        if asked.headers.get("apikey") != KEY:
            return Reply(status=401)
        if asked.path == "/v1/tpay/access-token":
            return self.give(asked.form)
        if not self.fits(asked):
            return Reply(status=401)
        found = self.payments.get(asked.path.removeprefix("/v1/tpay/payments/"))
        return (
            Reply(body=found)
            if found
            else Reply(status=404, body={"title": "InvalidPayment", "detail": "PaymentNotFound"})
        )


class Shopware(Tokens):
    """`POST /api/search/order`: filters by the times of an order and of what belongs to it, pages by the running number."""

    def __init__(self) -> None:
        super().__init__(600)
        self.orders: dict[str, dict[str, Any]] = {}

    def __call__(self, asked: Asked) -> Reply:
        if (no := self.refusing.take()) is not None:
            return no
        if asked.path == "/api/oauth/token":
            assert asked.json["grant_type"] == "client_credentials"
            return self.give(asked.json)
        if not self.fits(asked) or asked.path != "/api/search/order":
            return Reply(
                status=401,
                body={"errors": [{"status": "401", "title": "The resource owner or server denied the request."}]},
            )
        criteria = asked.json
        if "ids" in criteria:
            return Reply(body={"total": 1, "data": [self.orders[one] for one in criteria["ids"] if one in self.orders]})
        (either,) = criteria["filter"]
        begins = {one["field"]: one["parameters"]["gte"] for one in either["queries"]}
        assert criteria["sort"] == [{"field": "autoIncrement", "order": "ASC"}]
        rows = sorted((o for o in self.orders.values() if self._since(o, begins)), key=lambda o: o["autoIncrement"])
        size = criteria["limit"]
        page = rows[(criteria["page"] - 1) * size : criteria["page"] * size]
        return Reply(body={"total": len(page), "data": page, "aggregations": []})

    @staticmethod
    def _since(order: dict[str, Any], begins: dict[str, str]) -> bool:
        for field, begin in begins.items():
            many, _, name = field.rpartition(".")
            rows = order.get(many, []) if many else [order]
            if any(str(row.get(name) or "").replace("T", " ") >= begin for row in rows):
                return True
        return False


def klarna_order(**changes: Any) -> dict[str, Any]:
    """After the schema of the Order Management API; amounts in hundredths."""
    return {
        "order_id": KLARNA_ID, "status": "AUTHORIZED", "fraud_status": "ACCEPTED", "order_amount": 4250, "original_order_amount": 4250,
        "captured_amount": 0, "refunded_amount": 0, "remaining_authorized_amount": 4250, "purchase_currency": "EUR", "purchase_country": "DE",
        "merchant_reference1": "", "merchant_reference2": None, "klarna_reference": "K4MADNY", "created_at": "2026-09-21T14:13:00Z",
        "expires_at": "2026-10-21T14:13:00Z", "captures": [], "refunds": [],
    } | changes  # fmt: skip


CAPTURE = {
    "capture_id": "4ba29b50-be7b-44f5-a492-113e6a865e22",
    "captured_amount": 4250,
    "captured_at": "2026-09-21T14:20:00.000Z",
    "refunded_amount": 0,
}
REFUND = {
    "refund_id": "b4c4a2e1-0d5c-4c1f-8e5b-8f6a0f2b1c11",
    "refunded_amount": 250,
    "refunded_at": "2026-09-21T15:00:00.000Z",
}


def tbc_payment(**changes: Any) -> dict[str, Any]:
    return {"payId": "tpay00123", "status": "Succeeded", "currency": "GEL", "amount": 42.5, "confirmedAmount": 0, "returnedAmount": 0, "links": None,
            "transactionId": "773B12D320257", "paymentMethod": 5, "preAuth": False, "httpStatusCode": 200} | changes  # fmt: skip


def shopware_order(
    running: int = 1, payment: str = "paid", paid_at: str | None = "2026-09-21T14:14:00.000+00:00", **changes: Any
) -> dict[str, Any]:
    """After the published schema of the Admin API, as JSON."""
    return {
        "id": ORDER_ID, "autoIncrement": running, "orderNumber": f"{10_000 + running}", "orderDateTime": "2026-09-21T14:13:20.000+00:00",
        "createdAt": "2026-09-21T14:13:20.500+00:00", "updatedAt": None, "amountTotal": 51.0, "amountNet": 42.5, "shippingTotal": 6.0, "taxStatus": "gross",
        "stateMachineState": {"technicalName": "open"}, "currency": {"isoCode": "EUR"}, "customFields": {"fbp": "fb.1.1789990000000.1110590605"},
        "orderCustomer": {"email": "john_smith@gmail.com", "firstName": "Mary", "lastName": "Smith", "customerNumber": "SW11"},
        "billingAddress": {"firstName": "Mary", "lastName": "Smith", "city": "Berlin", "zipcode": "10115", "phoneNumber": "+49 30 1234567",
                           "country": {"iso": "DE"}, "countryState": {"shortCode": "DE-BE"}},
        "lineItems": [
            {"type": "product", "productId": "0" * 31 + "1", "quantity": 2, "unitPrice": 24.0, "totalPrice": 48.0, "payload": {"productNumber": "CUP-1"}},
            {"type": "promotion", "productId": None, "quantity": 1, "unitPrice": -3.0, "totalPrice": -3.0, "payload": {}},
        ],
        "transactions": [
            {"id": "t0", "createdAt": "2026-09-21T14:13:20.000+00:00", "updatedAt": None, "stateMachineState": {"technicalName": "failed"}},
            {"id": "t1", "createdAt": "2026-09-21T14:13:30.000+00:00", "updatedAt": paid_at, "stateMachineState": {"technicalName": payment},
             "paymentMethod": {"name": "Card", "handlerIdentifier": "Swag\\Card\\CardHandler"}},
        ],
        "deliveries": [{"id": "d0", "updatedAt": None, "stateMachineState": {"technicalName": "open"}}],
    } | changes  # fmt: skip


class Scene:
    def __init__(self, running: Asking, klarna: Klarna, tbc: Tbc, shop: Shopware, shop_at: StandIn) -> None:
        self.running, self.klarna, self.tbc, self.shop, self.shop_at = running, klarna, tbc, shop, shop_at

    @property
    def gateway(self) -> Any:
        return self.running.gateway

    def done(self, system: str) -> None:
        """Nothing waits but what is asked for again hours later."""
        soon = "select 1 from fetch_wanted where door = ? and due_at < ?"
        self.running.until(lambda: not self.running.rows(soon, f"{system}:{SHOP}", self.gateway.now + 3_600_000))


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    klarna, tbc, shop = Klarna(), Tbc(), Shopware()
    with standing_in(klarna) as first, standing_in(tbc) as second, standing_in(shop) as third:
        pair = {"client_id": NAME, "client_secret": WORD, "secret": SECRET}
        sources = (
            {"type": "klarna", "endpoint": first.url, **pair},
            {"type": "tbc", "endpoint": second.url, "token": KEY, **pair},
            {"type": "shopware", "endpoint": third.url, **pair},
        )
        with asking(tmp_path_factory.mktemp("payments") / "data", *sources) as running:
            running.look_often()
            yield Scene(running, klarna, tbc, shop, third)


def test_a_push_of_klarna_settles_what_the_shop_calls_unpaid(scene: Scene) -> None:
    """Reserved pays nothing; the capture does; what goes back is known. Of an order that no shop told Klarna makes none."""
    order = 9_888_000_000_001
    scene.klarna.orders[KLARNA_ID] = klarna_order(merchant_reference1=str(order))
    assert scene.gateway.send("POST", f"/webhooks/klarna/{SHOP}/{SECRET}?klarna_order_id={KLARNA_ID}").status == 200
    scene.done("klarna")
    alone = scene.running.state(str(order))
    assert alone is not None
    assert not alone.known
    assert deliver(scene.gateway, numbered(order, financial_status="pending")).status == 200
    hook = f"/webhooks/klarna/{SHOP}/{SECRET}?klarna_order_id={KLARNA_ID}"

    def push(**changes: Any) -> Any:
        scene.klarna.orders[KLARNA_ID] = klarna_order(merchant_reference1=str(order), **changes)
        assert scene.gateway.send("POST", hook).json["classified"] == "notice"
        scene.done("klarna")
        return scene.running.state(str(order))

    assert push().paid is Paid.UNPAID
    state = push(status="CAPTURED", captured_amount=4250, captures=[CAPTURE])
    assert (state.paid, state.received) == (Paid.PAID, {"EUR": Decimal("42.50")})
    state = push(status="CAPTURED", captured_amount=4250, refunded_amount=250, captures=[CAPTURE], refunds=[REFUND])
    assert (state.refunded, state.received) == ({"EUR": Decimal("2.50")}, {"EUR": Decimal("42.50")})
    assert push(status="CAPTURED", captured_amount=4250, captures=[CAPTURE]).refunded == {
        "EUR": Decimal("2.50")
    }  # an old answer


def test_a_callback_of_tbc_settles_the_order_that_names_its_payment(scene: Scene) -> None:
    """By the shop's reference where there is one; a token is had once, and anew when it is not accepted any more."""
    order = 9_888_000_000_002
    paid = numbered(order, financial_status="pending", currency="GEL")
    assert deliver(scene.gateway, paid).status == 200
    scene.tbc.payments["tpay00123"] = tbc_payment(merchantPaymentId=str(order))
    hook = f"/webhooks/tbc/{SHOP}/{SECRET}"
    assert scene.gateway.send("POST", hook, '{"PaymentId": "tpay00123"}').status == 200
    scene.done("tbc")
    state = scene.running.state(str(order))
    assert state is not None
    assert (state.paid, state.received) == (Paid.PAID, {"GEL": Decimal("42.5")})
    scene.tbc.payments["tpay00123"] = tbc_payment(
        merchantPaymentId=str(order), status="PartialReturned", returnedAmount=2.5
    )
    assert scene.gateway.send("POST", hook, '{"PaymentId": "tpay00123"}').status == 200
    scene.done("tbc")
    state = scene.running.state(str(order))
    assert state is not None
    assert state.refunded == {"GEL": Decimal("2.5")}
    assert len(scene.tbc.given) == 1
    scene.tbc.given.append("token-of-another")
    assert scene.gateway.send("POST", hook, '{"PaymentId": "tpay00123"}').status == 200
    source = scene.gateway.gateway.fetches.sources[f"tbc:{SHOP}"]
    scene.running.until(lambda: source._pause_until > source._steady() + 30, "the refusal")
    source._pause_until = 0.0
    scene.done("tbc")
    assert len(scene.tbc.given) == 3


def test_an_order_of_shopware_is_one_with_the_browsers_purchase(scene: Scene) -> None:
    """The list finds it; a webhook names it when it is paid, which changes a row beside it and not the order."""
    scene.gateway.forget()
    page = purchase(f"purchase.{SHOP}.10001", custom_data={"value": 51, "currency": "EUR", "order_id": "10001"})
    assert scene.gateway.tag(page).status == 200
    scene.shop.orders[ORDER_ID] = shopware_order(payment="open", paid_at=None)
    assert scene.running.until(lambda: scene.running.state("10001")).paid is Paid.UNPAID
    # The list is read beyond the order's own time before its payment comes.
    later = "2026-09-21T15:10:00.000+00:00"
    scene.shop.orders["0" * 32] = shopware_order(2, createdAt=later, id="0" * 32)
    scene.running.until(lambda: scene.running.state("10002"))
    scene.shop.orders[ORDER_ID] = shopware_order(paid_at="2026-09-21T15:11:00.000+00:00")
    scene.running.until(lambda: scene.running.state("10001").paid is Paid.PAID)
    browser, server = scene.gateway.new_events()[:2]
    assert server.event_id == f"purchase.{SHOP}.10001"
    assert (server.event_id, server.tier, server.sender, server.event_time) == (
        browser.event_id,
        Tier.T3,
        "shopware",
        NOW_S,
    )
    assert (server.custom_data.value, server.custom_data.currency, server.user_data.fbp) == (
        Decimal(51),
        "EUR",
        "fb.1.1789990000000.1110590605",
    )
    written = {"source": {"url": "https://attacker.example"}, "data": {"event": "order.written", "payload": [
        {"entity": "order", "operation": "update", "primaryKey": ORDER_ID, "updatedFields": ["stateId"]}]}}  # fmt: skip
    scene.shop.orders[ORDER_ID] = shopware_order(
        updatedAt="2026-09-21T15:30:00.000+00:00", stateMachineState={"technicalName": "cancelled"}
    )
    assert (
        scene.gateway.send("POST", f"/webhooks/shopware/{SHOP}/{SECRET}", json.dumps(written)).json["classified"]
        == "notice"
    )
    scene.running.until(lambda: scene.running.state("10001").cancelled_at)


# -- names


NAMES = [
    ("klarna", b"", {":path": f"/x?klarna_order_id={KLARNA_ID}"}, (f"order:{KLARNA_ID}",)),
    ("klarna", b"", {":path": f"/x?order_id={KLARNA_ID}&x=1"}, (f"order:{KLARNA_ID}",)),
    ("klarna", b"", {":path": "/x?klarna_order_id=../../captures"}, None),
    ("klarna", b"", {":path": "/x"}, None),
    ("tbc", b'{"PaymentId": "6azzo13uw5u2116332"}', {}, ("payment:6azzo13uw5u2116332",)),
    ("tbc", b'{"paymentId": "abc/../x"}', {}, None),
    ("tbc", b"[]", {}, None),
    ("shopware", json.dumps({"data": {"event": "checkout.order.placed", "payload": {"order": {"id": ORDER_ID}}}}).encode(), {}, (f"order:{ORDER_ID}",)),
    ("shopware", json.dumps({"data": {"payload": [{"entity": "product", "primaryKey": ORDER_ID}]}}).encode(), {}, None),
    ("shopware", b"nonsense", {}, None),
]  # fmt: skip


@pytest.mark.parametrize(("name", "body", "headers", "things"), NAMES)
def test_what_a_notice_names(name: str, body: bytes, headers: dict[str, str], things: tuple[str, ...] | None) -> None:
    names = SOURCES[name].names
    assert names is not None
    found = names(body, headers)
    assert isinstance(found, Ignored) if things is None else found == Named(things)


# -- what an answer means


def read(name: str, tree: dict[str, Any], now_ms: int = 5_000, **options: Any) -> Any:
    return SOURCES[name].read(json.dumps(tree).encode(), {}, SourceOptions(shop=SHOP, **options), now_ms)


def moved(name: str, tree: dict[str, Any], **options: Any) -> list[tuple[str, str, str]]:
    found = read(name, tree, **options)
    assert isinstance(found, Reading), found
    assert found.order is not None
    return [(p.kind, p.state, f"{p.amount:.2f}") for p in found.order.payments]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, [("authorisation", "success", "42.50")]),
        ({"status": "CANCELLED"}, [("authorisation", "failure", "42.50")]),
        ({"status": "EXPIRED"}, [("authorisation", "failure", "42.50")]),
        ({"status": "CLOSED", "captures": [CAPTURE], "refunds": [REFUND]},
         [("authorisation", "success", "42.50"), ("capture", "success", "42.50"), ("refund", "success", "2.50")]),
    ],
)  # fmt: skip
def test_the_money_of_klarna(change: dict[str, Any], expected: list[tuple[str, str, str]]) -> None:
    assert moved("klarna", klarna_order(**change)) == expected


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, ("sale", "success", "42.50")),
        ({"preAuth": True, "confirmedAmount": 40}, ("sale", "success", "40.00")),
        ({"status": "WaitingConfirm"}, ("authorisation", "success", "42.50")),
        ({"status": "Processing"}, ("sale", "pending", "42.50")),
        ({"status": "Expired"}, ("sale", "failure", "42.50")),
        ({"status": "Returned", "returnedAmount": 42.5}, ("sale", "success", "42.50")),
    ],
)
def test_the_money_of_tbc(change: dict[str, Any], expected: tuple[str, str, str]) -> None:
    assert moved("tbc", tbc_payment(**change)) == [expected]
    assert isinstance(read("tbc", tbc_payment(status="Another")), Ignored)


@pytest.mark.parametrize(
    ("payment", "paid"),
    [("open", Paid.UNPAID), ("authorized", Paid.AUTHORISED), ("paid_partially", Paid.PART), ("refunded_partially", Paid.PART_REFUNDED),
     ("refunded", Paid.REFUNDED), ("failed", Paid.VOIDED), ("chargeback", None)],
)  # fmt: skip
def test_the_money_of_shopware(payment: str, paid: Paid | None) -> None:
    assert read("shopware", shopware_order(payment=payment)).order.snapshot.paid is paid


def test_every_field_of_shopwares_order() -> None:
    sent = [
        {"id": "d0", "updatedAt": "2026-09-21T16:00:00.000+00:00", "stateMachineState": {"technicalName": "shipped"}}
    ]
    cash = shopware_order(deliveries=sent)
    cash["transactions"][1]["paymentMethod"] = {
        "name": "Cash",
        "handlerIdentifier": "Shopware\\Core\\Checkout\\Payment\\Cart\\PaymentHandler\\CashPayment",
    }
    order = read("shopware", cash).order
    snapshot, shop = order.snapshot, order.snapshot.shop
    assert (shop.currency, shop.total, shop.tax, shop.shipping, shop.discount, shop.tax_included) == (
        "EUR", Decimal(51), Decimal("8.5"), Decimal(6), Decimal(3), True)  # fmt: skip
    assert [(line.sku, line.quantity, line.price) for line in snapshot.lines] == [("CUP-1", 2, Decimal(24))]
    assert (order.order_id, order.aliases, order.country, order.region) == (
        "10001",
        (f"entity:{ORDER_ID}",),
        "DE",
        "DE-BE",
    )
    assert (snapshot.method, snapshot.confirmed, snapshot.version, snapshot.placed_at) == (
        Method.COD, True, (NOW_S + 6_400) * 1000, NOW_S)  # fmt: skip


def test_what_cannot_be_read_is_named() -> None:
    for name, tree, path in (
        ("klarna", klarna_order(order_amount=42.5), "order_amount"),
        ("klarna", klarna_order(purchase_currency="Euro"), "purchase_currency"),
        ("klarna", klarna_order(created_at=None), "created_at"),
        ("klarna", klarna_order(captures=[CAPTURE | {"captured_amount": None}]), "captures[0].captured_amount"),
        ("tbc", tbc_payment(currency=None), "currency"),
        ("tbc", tbc_payment(amount=None), "amount"),
        ("shopware", shopware_order(orderNumber=None), "orderNumber"),
        ("shopware", shopware_order(orderDateTime="soon"), "orderDateTime"),
        ("shopware", shopware_order(currency=None), "totals.currency"),
    ):
        assert read(name, tree).path == path


def test_klarna_is_asked_again_for_what_it_does_not_tell() -> None:
    placed = 1_790_000_000 - 20
    rows = [("AUTHORIZED", 0, 6 * 3_600), ("PART_CAPTURED", 40 * 86_400, 6 * 3_600), ("CAPTURED", 86_400, 86_400), ("CAPTURED", 31 * 86_400, None),
            ("CANCELLED", 0, None)]  # fmt: skip
    for status, later, expected in rows:
        assert SYSTEMS["klarna"].again(json.dumps(klarna_order(status=status)).encode(), placed + later) == expected
