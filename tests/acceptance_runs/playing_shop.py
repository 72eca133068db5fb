"""A small shop that is played at a running gateway: pages by the pixel's address, orders by Shopify's signed webhook.

Owns the requests. Each fault of a shop is an argument; what has to come of it is the tests' own.
"""

from __future__ import annotations

import time
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from urllib.request import Request, urlopen

from twofold.acceptance.run import Run
from twofold.simulate.truth import PRODUCTS, Line, Order, Shopper
from twofold.simulate.webhook import CREATED, Carried, delivery_headers, order_body, purchase_id

SHOP, SECRET, DATASET = "demo.myshopify.com", "hush-0123456789abcdef", "1001"
ORIGIN = "https://shop.example"
AGENT = "Mozilla/5.0 (X11; Linux x86_64; rv:143.0) Gecko/20100101 Firefox/143.0"
POT = PRODUCTS[4]
FIRST = 820_982_911_946_150_000
EVENTS = ("ViewContent", "AddToCart", "InitiateCheckout", "Purchase")


def settings_text(folder: Path, graph: str) -> str:
    return f"""
[server]
data = "{folder / "data"}"
port = 0

[[dataset]]
id = "{DATASET}"
key = "a-key-of-sixteen-characters"
origins = ["{ORIGIN}"]
hold_s = {{ Purchase = 0.1 }}
consent.require = true

[[destination]]
platform = "meta"
dataset = "{DATASET}"
endpoint = "{graph}"
token = "EAAB-the-token-of-the-tests"

[[source]]
type = "shopify"
dataset = "{DATASET}"
shop = "{SHOP}"
secret = "{SECRET}"
"""


class PlayedShop:
    """``number`` counts orders, so that each run has its own."""

    def __init__(self, gateway: str) -> None:
        self.gateway = gateway
        self.number = 0

    def pixel(self, fbp: str, name: str, page: str, event_id: str, *, at: int | None = None, **custom: str) -> None:
        """A copy of the browser's, as the pixel's image asks for it."""
        moment = str((at or int(time.time())) * 1000)
        query = {"id": DATASET, "ev": name, "dl": page, "fbp": fbp, "ts": moment, "it": moment, "eid": event_id,
                 "rl": f"{ORIGIN}/from?basket=basket-of-nino"}  # fmt: skip
        query |= {f"cd[{key}]": value for key, value in custom.items()}
        with urlopen(
            Request(f"{self.gateway}/tr/?{urlencode(query)}", headers={"user-agent": AGENT}), timeout=60
        ) as answer:
            assert answer.status == 200

    def order(self, fbp: str, *, consent: str = "granted", total: Decimal | None = None, quantity: int = 2) -> Order:
        """The shop's webhook; the order that it is of."""
        self.number += 1
        shopper = Shopper(
            first_name="Nino", last_name="Beridze", email="nino.beridze@example.com", phone="+995555123456", city="Tbilisi",
            zip="0102", country="GE", customer_id=self.number, ip="127.0.0.1", user_agent=AGENT, browser_number=0, fbclid=None,
        )  # fmt: skip
        order = Order(
            id=FIRST + self.number, number=7000 + self.number, shopper=shopper, lines=(Line(POT, quantity),),
            value=total if total is not None else POT.price * quantity,
        )  # fmt: skip
        body = order_body(
            order,
            Carried(fbp=fbp, consent=consent),
            shop=SHOP,
            created_ms=int(time.time() * 1000),
            domain="shop.example",
        )
        headers = delivery_headers(body, order, topic=CREATED, shop=SHOP, secret=SECRET)
        with urlopen(
            Request(f"{self.gateway}/webhooks/shopify/{SHOP}", data=body, headers=headers), timeout=60
        ) as answer:
            assert answer.status == 200
        return order

    def buy(self, run: Run, **faults: Any) -> Order:
        """The four events and the order, ``late`` by so many seconds. Faults: ``leave_out``, ``swap``, ``own_id``, ``paid``, ``price``, ``goods``, ``theme``."""
        fbp = f"fb.1.{int(time.time() * 1000)}.{1_000_000_000 + self.number + int(time.time() * 1e6) % 10**6}"
        now = int(time.time())
        times = dict(zip(EVENTS, (now - 4, now - 3, now - 2, now - 1), strict=True))
        if "swap" in faults:
            one, other = faults["swap"]
            times[one], times[other] = times[other], times[one]
        sent = [e for e in EVENTS if e not in faults.get("leave_out", ())]
        number = FIRST + self.number + 1
        money = {"value": faults.get("price", "148.00"), "currency": faults.get("unit", "EUR")}
        goods = {"content_ids": f'["{POT.id}"]', "content_type": "product"}
        basket = {"num_items": faults.get("goods", "2"), "contents": f'[{{"id":"{POT.id}","quantity":2}}]'}
        own = faults.get("own_id", purchase_id(SHOP, number))
        custom: dict[str, tuple[str, str, dict[str, str]]] = {
            "ViewContent": ("/products/enamel-pot", f"v{number}", {} if faults.get("no_goods") else goods),
            "AddToCart": ("/cart", f"a{number}", goods),
            "InitiateCheckout": ("/checkout", f"c{number}", {**basket, "value": "148.00", "currency": "EUR"}),
            "Purchase": (
                f"/thank-you/{number}?basket=basket-of-nino",
                own,
                {**basket, **money, "order_id": str(number)},
            ),
        }
        self.pixel(fbp, "PageView", f"{ORIGIN}/?twofold_test={run.code}", f"p{number}", at=now - 5)
        for name in sent:
            page, event_id, more = custom[name]
            self.pixel(fbp, name, f"{ORIGIN}{page}", event_id, at=times[name], **more)
        if faults.get("theme"):  # another script of the page tells the same purchase under an id of its own
            page, _, more = custom["Purchase"]
            self.pixel(fbp, "Purchase", f"{ORIGIN}{page}", f"theme-{number}", at=now, **more)
        self.fbp = fbp
        time.sleep(faults.get("late", 0))
        return self.order(fbp, total=faults.get("paid"))

    def load_again(self, order: Order, *, fires: str = "", only_cart: bool = False) -> None:
        """Cart and thank-you page a second time; ``fires``: the id under which the latter tells the purchase again; ``only_cart``:
        the buyer's page is not loaded."""
        page = f"{ORIGIN}/thank-you/{order.id}"
        self.pixel(self.fbp, "PageView", f"{ORIGIN}/cart", f"cart{order.id}")
        if only_cart:
            return
        self.pixel(self.fbp, "PageView", page, f"again{order.id}")
        if fires:
            self.pixel(self.fbp, "Purchase", page, fires, value="148.00", currency="EUR", order_id=str(order.id))
