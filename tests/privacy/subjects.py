"""Made-up persons with their copies, an eraser on an open store, and the search through every byte of a folder."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import random
import string
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import quote

from tests.disk import readable
from tests.store.copies import BROWSER, HOLD, NOW, SERVER, copy, opened, settlement
from twofold.event.delivery import DeliveryState
from twofold.event.model import Event
from twofold.matching.subject import SubjectRequest
from twofold.matching.user_data import hash_user_data
from twofold.privacy.runner import Eraser
from twofold.store.store import Store

AGENT = "Mozilla/5.0 (X11; Linux x86_64) Office/1.0"
OFFICE = "203.0.113.9"
DEADLINE_S = 60


class Person:
    """Values so odd that they stand in no file by accident."""

    def __init__(self, seed: int) -> None:
        chance = random.Random(seed)

        def word(length: int = 10) -> str:
            return "".join(chance.choices(string.ascii_lowercase, k=length))

        self.email = f"{word().title()}.{word()}@{word()}.example"
        self.phone = f"+1650{chance.randrange(2_000_000, 9_999_999)}"
        self.customer = f"Cust-{word()}"
        self.number = chance.randrange(10**9, 10**10)
        self.fbp = f"fb.1.1789999999999.{self.number}"
        self.click = f"IwAR{word(40)}"
        self.fbc = f"fb.1.1789999999998.{self.click}"
        self.visitor = word(22)
        self.checkout = word(26)
        self.order = f"ORD-{chance.randrange(10**11, 10**12)}"
        self.seed = seed

    def user(self, *keys: str) -> dict:
        """user_data with these keys; the office's address and agent always."""
        values = {"em": self.email, "ph": self.phone, "external_id": self.customer, "fbp": self.fbp, "fbc": self.fbc}
        return {k: values[k] for k in keys} | {"client_ip_address": OFFICE, "client_user_agent": AGENT}

    def view(self, n: int = 0) -> Event:
        """Somebody looks at a page: no contact data."""
        return made(f"view-{self.seed}-{n}", BROWSER, self.user("fbp", "fbc"), name="PageView", value=None,
                    visitor=self.visitor, url=f"https://shop.example/p?fbclid={self.click}")  # fmt: skip

    def thanks(self) -> Event:
        """The browser's Purchase."""
        return made(f"buy-{self.seed}", BROWSER, self.user("fbp", "fbc"), order=self.order, visitor=self.visitor,
                    links=(f"checkout:{self.checkout}",), url=f"https://shop.example/orders/{self.checkout}/thanks")  # fmt: skip

    def bought(self) -> Event:
        """The shop's webhook: contact data, no browser; not the browser's event id."""
        return made(f"shop-{self.seed}", SERVER, self.user("em", "ph", "external_id"), order=self.order,
                    links=(f"checkout:{self.checkout}",))  # fmt: skip

    def copies(self) -> list[Event]:
        return [self.view(), self.thanks(), self.bought()]

    def contact(self) -> list[str]:
        """Independent of the code under test: the value, its normal form, and their digests, in every spelling."""
        plain = [self.email, self.email.lower(), self.phone, self.phone[1:], self.customer, self.customer.lower()]
        found = set(plain)
        for text in plain:
            raw = text.encode()
            for digest in (hashlib.sha256(raw), hashlib.md5(raw), hashlib.sha1(raw)):
                found |= {digest.hexdigest(), digest.hexdigest().upper(), base64.b64encode(digest.digest()).decode()}
            found |= {quote(text, safe=""), base64.b64encode(raw).decode().rstrip("=")}
            found.add(base64.urlsafe_b64encode(raw).decode().rstrip("="))
        return sorted(found)

    def traces(self) -> list[str]:
        """What else is this person's alone."""
        return [str(self.number), self.click, self.visitor, self.checkout]


def made(event_id: str, channel, user: dict, *, url: str | None = None, visitor=None, links=(), **facts) -> Event:
    """A copy whose user_data went through the real hashing."""
    event = copy(event_id, channel, **facts)
    event.user_data, _ = hash_user_data(user)
    event.event_source_url, event.visitor, event.links = url, visitor, links
    return event


def done(delivery, state=DeliveryState.DELIVERED, *, at: int = NOW + HOLD, **facts):
    """A settlement whose attempt ended at a time of the test's clock."""
    return settlement(delivery, state, started_at=at, ended_at=at, **facts)


def bytes_of(folder: Path) -> bytes:
    return b"\n".join(readable(folder).values())


def left(folder: Path, texts: Iterable[str]) -> list[str]:
    """Those of these texts that stand anywhere in the folder, in any case."""
    held = bytes_of(folder)
    low = held.lower()
    return [t for t in texts if t.encode() in held or t.lower().encode() in low]


@asynccontextmanager
async def erasing(folder: Path, at: int = NOW, **settings) -> AsyncIterator[tuple[Store, Eraser]]:
    """A started store and its eraser, which works in the background."""
    async with opened(folder, at=at, **settings) as store:
        eraser = Eraser(store, lambda: at)
        await eraser.start()
        working = asyncio.create_task(eraser.run())
        try:
            yield store, eraser
        finally:
            eraser.stop()
            await working


async def erased(eraser: Eraser, request: SubjectRequest) -> str:
    """Asks, and waits until every byte is gone."""
    number = await eraser.ask(request, "command")
    async with asyncio.timeout(DEADLINE_S):
        while (status := eraser.status(number)) is None or status.state != "done":
            await asyncio.sleep(0.005)
    return number
