"""Makes a dictionary for journalled bodies from invented events: ``python -m bench.dictionary 2`` writes 2.zdict.

The events are of every kind that a shop sends: pages and purchases from the tag, Meta's pixel, its SDKs, shop systems, a
CRM, other languages, consent and click ids. None of it was ever anybody's. A dictionary that is in use is never made
again: bodies on disk need the one they were packed with, so a better one gets the next number and `bodies.NEWEST`.
"""

from __future__ import annotations

import random
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import zstandard

import twofold.store
from twofold.event.model import Channel, Consent, Content, CustomData, Event, Hashed, Tier, UserData, encode

EVENTS, SIZE = 24_000, 32_768
FOLDER = Path(twofold.store.__file__).parent / "dictionaries"

_NAMES = (
    "PageView", "ViewContent", "AddToCart", "InitiateCheckout", "AddPaymentInfo", "Purchase", "Search", "Lead",
    "CompleteRegistration", "AddToWishlist", "Contact", "Subscribe", "StartTrial", "CustomizeProduct", "Schedule",
)  # fmt: skip
_WEIGHTS = (30, 25, 10, 6, 3, 10, 3, 3, 2, 1, 1, 1, 1, 1, 1)
_SENDERS = {
    Channel.BROWSER: ("tag", "fbevents", "image", "theme", "gtm"),
    Channel.SERVER: ("sdk-python", "sdk-php", "sdk-node", "shopify", "woocommerce", "stripe", "own", "api", "sgtm", "file"),
}  # fmt: skip
_SYSTEMS = (
    "X11; Linux x86_64", "Windows NT 10.0; Win64; x64", "Macintosh; Intel Mac OS X 10_15_7", "Linux; Android 10; K",
    "iPhone; CPU iPhone OS 18_5 like Mac OS X", "iPad; CPU OS 17_6 like Mac OS X", "Linux; Android 14; SM-S918B",
)  # fmt: skip
_PATHS = (
    "/", "/products/", "/collections/all", "/collections/new/products/", "/cart", "/checkout", "/checkouts/cn/",
    "/thank-you", "/checkout/order-received/", "/product/", "/shop/", "/kategorie/", "/search?q=", "/pages/contact",
)  # fmt: skip
_QUERY = (
    "utm_source=facebook&utm_medium=paid&utm_campaign=", "utm_source=google&utm_medium=cpc&utm_campaign=",
    "utm_source=instagram&utm_medium=social&utm_content=", "fbclid=", "gclid=", "variant=", "ref=", "srsltid=",
    "utm_source=newsletter&utm_medium=email&utm_campaign=",
)  # fmt: skip
_REFERRERS = (
    "https://www.google.com/", "https://l.facebook.com/", "https://l.instagram.com/", "https://www.bing.com/",
    "https://t.co/", "https://m.facebook.com/", "android-app://com.google.android.googlequicksearchbox/",
)  # fmt: skip
_HASHED = ("em", "ph", "fn", "ln", "db", "ge", "ct", "st", "zp", "country", "external_id")
_RULES = ("meta", "meta", "meta", "sent", "meta_sdk", "google", "tiktok")
_CLICKS = ("gclid", "gbraid", "wbraid", "ttclid", "_ttp", "_ga", "_gcl_aw", "msclkid", "_epik", "ScCid", "twclid")
_OTHER = ("content_name", "content_category", "delivery_category", "search_string", "status", "predicted_ltv")
_LINKS = ("order", "number", "cart", "checkout", "order_key", "payment", "session", "customer")


class Invented:
    """Invented events, one like no other."""

    def __init__(self, seed: int) -> None:
        self.pick = random.Random(seed)

    def hex(self, length: int) -> str:
        return f"{self.pick.getrandbits(4 * length):0{length}x}"

    def text(self, length: int) -> str:
        return "".join(self.pick.choices("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-", k=length))

    def some(self, share: float) -> bool:
        return self.pick.random() < share

    def event(self) -> Event:
        pick = self.pick
        name = pick.choices(_NAMES, _WEIGHTS)[0]
        channel = pick.choice(list(Channel))
        browser = channel is Channel.BROWSER
        at = pick.randrange(1_760_000_000_000, 1_990_000_000_000)
        event = Event(
            dataset=str(pick.randrange(10**14, 10**16)),
            event_name=name,
            event_id=self.identity(name),
            event_time=at // 1000,
            received_at=at + pick.randrange(900),
            channel=channel,
            sender=pick.choice(_SENDERS[channel]),
            tier=pick.choice((Tier.T0, Tier.T1) if browser else (Tier.T2, Tier.T3)),
            id_given=self.some(0.9),
            action_source=pick.choice(
                ("website",) * 12 + ("app", "physical_store", "system_generated", "other", "chat")
            ),
            event_source_url=self.url() if self.some(0.9) else None,
            referrer_url=self.referrer() if browser and self.some(0.5) else None,
            user_data=self.user(browser, name),
            custom_data=self.custom(name),
        )
        if self.some(0.3):
            self.consent(event)
        if self.some(0.3):
            event.click_ids = {
                pick.choice(_CLICKS): self.text(pick.randrange(20, 90)) for _ in range(pick.randrange(1, 4))
            }
        if browser and self.some(0.6):
            event.visitor = self.hex(32)
        if self.some(0.2):
            event.links = tuple(
                f"{pick.choice(_LINKS)}:{self.text(pick.randrange(6, 40))}" for _ in range(pick.randrange(1, 4))
            )
        if self.some(0.15):
            event.region = pick.choice(("DE", "US-CA", "US-TX", "FR", "GB", "NL", "PL", "IT"))
        if self.some(0.05):
            event.data_processing_options, event.data_processing_options_country = ("LDU",), 1
            event.data_processing_options_state = 1000
        return event

    def identity(self, name: str) -> str:
        number = self.hex(32)
        return self.pick.choice((
            f"{number[:8]}-{number[8:12]}-4{number[13:16]}-a{number[17:20]}-{number[20:]}", f"tf-{number}", number,
            f"sh-{number[:8]}-{number[8:12]}-{number[12:16]}", str(self.pick.randrange(10**12, 10**13)),
            f"{name.lower()}.{self.pick.randrange(10**5)}.{self.pick.randrange(10**9)}",
        ))  # fmt: skip

    def url(self) -> str:
        pick = self.pick
        host = pick.choice(
            ("https://shop.example", "https://www.shop.example", "https://shop.example.com", "https://store.example.de")
        )
        path = pick.choice(_PATHS) + self.text(pick.randrange(3, 24)).lower() * self.some(0.7)
        if not self.some(0.5):
            return host + path
        return f"{host}{path}{'&' if '?' in path else '?'}{pick.choice(_QUERY)}{self.text(pick.randrange(4, 60))}"

    def referrer(self) -> str:
        return self.pick.choice(_REFERRERS) if self.some(0.5) else self.url()

    def agent(self) -> str:
        pick = self.pick
        system, major = pick.choice(_SYSTEMS), pick.randrange(120, 165)
        if "like Mac OS X" in system and self.some(0.5):
            return f"Mozilla/5.0 ({system}) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1"
        if "like Mac OS X" in system:
            return (
                f"Mozilla/5.0 ({system}) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/22F76 Instagram {major * 2}.0.0.24.78 "
                f"(iPhone16,2; iOS 18_5; en_US; en; scale=3.00; 1290x2796; IABMV/1; {pick.randrange(10**8, 10**9)})"
            )
        if self.some(0.15):
            return f"Mozilla/5.0 ({system}; rv:{major}.0) Gecko/20100101 Firefox/{major}.0"
        end = pick.choice(
            (
                "Safari/537.36",
                "Mobile Safari/537.36",
                f"Safari/537.36 Edg/{major}.0.0.0",
                "Mobile Safari/537.36 [FB_IAB/FB4A;FBAV/512.0.0.48.72;IABMV/1;]",
            )
        )
        return f"Mozilla/5.0 ({system}) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{major}.0.0.0 {end}"

    def user(self, browser: bool, name: str) -> UserData:
        pick = self.pick
        share = 0.15 if browser and name != "Purchase" else 0.6
        known: dict[str, Any] = {}
        for field in _HASHED:
            if self.some(share if field in ("em", "external_id") else share / 2):
                rules = dict.fromkeys(pick.choices(_RULES, k=1 + self.some(0.1)))
                known[field] = tuple(Hashed(rule, self.hex(64)) for rule in rules)
        at = pick.randrange(1_750_000_000_000, 1_990_000_000_000)
        address = f"{pick.randrange(1, 224)}.{pick.randrange(256)}.{pick.randrange(256)}.{pick.randrange(256)}"
        if self.some(0.3):
            address = f"2001:db8:{self.hex(4)}:{self.hex(4)}::{self.hex(4)}"
        return UserData(
            client_ip_address=address if self.some(0.9) else None,
            client_user_agent=self.agent() if self.some(0.85) else None,
            fbp=f"fb.{pick.choice((1, 1, 2))}.{at}.{pick.randrange(10**8, 10**18)}" if self.some(0.8) else None,
            fbc=f"fb.1.{at}.IwAR{self.text(57)}" if self.some(0.25) else None,
            other={"ctwa_clid": self.text(40)} if self.some(0.02) else {},
            **known,
        )

    def custom(self, name: str) -> CustomData:
        pick = self.pick
        if name in ("PageView", "Contact") and self.some(0.8):
            return CustomData()
        count = pick.randrange(1, 5) if name in ("Purchase", "InitiateCheckout") else 1
        ids = [pick.choice((f"sku-{pick.randrange(9999)}", str(pick.randrange(10**9, 10**14)), f"shopify_DE_{pick.randrange(10**12, 10**13)}_{pick.randrange(10**13, 10**14)}")) for _ in range(count)]  # fmt: skip
        listed = self.some(0.6)
        return CustomData(
            value=Decimal(pick.randrange(100, 40_000)) / 100 if self.some(0.9) else None,
            currency=pick.choice(("USD", "EUR", "EUR", "GBP", "PLN", "CZK", "SEK", "BRL", "INR", "JPY")),
            order_id=str(pick.randrange(1000, 10**13)) if name == "Purchase" else None,
            content_type=pick.choice(("product", "product", "product_group")),
            content_ids=() if listed else tuple(ids),
            contents=tuple(Content(id=i, quantity=pick.randrange(1, 4), item_price=Decimal(pick.randrange(100, 9999)) / 100) for i in ids)
            if listed
            else (),
            num_items=count if self.some(0.5) else None,
            other={pick.choice(_OTHER): pick.choice(("Blue shirt", "Winter boots", "Wool scarf, grey", "Shoes > Boots", "home_delivery", self.text(12)))} if self.some(0.35) else {},
        )  # fmt: skip

    def consent(self, event: Event) -> None:
        event.consent = self.pick.choice(list(Consent))
        if self.some(0.5):
            event.granted = ("ad_user_data", "analytics", "marketing", "personalization", "sale_of_data")
        else:
            event.denied = ("ad_user_data", "marketing", "personalization", "sale_of_data")
        event.consent_required = self.some(0.5)


def main() -> None:
    number = int(sys.argv[1])
    target = FOLDER / f"{number}.zdict"
    if target.exists():
        sys.exit(f"{target} exists: bodies on disk may need it; take the next number")
    invented = Invented(number)
    bodies: list[bytes | bytearray | memoryview] = [encode(invented.event()) for _ in range(EVENTS)]
    FOLDER.mkdir(exist_ok=True)
    target.write_bytes(zstandard.train_dictionary(SIZE, bodies).as_bytes())
    plain = sum(map(len, bodies)) / len(bodies)
    print(f"{target}: {target.stat().st_size} bytes, from {EVENTS} events of {plain:.0f} bytes on average")


if __name__ == "__main__":
    main()
