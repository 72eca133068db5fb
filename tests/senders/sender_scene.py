"""A journal of several senders, a browser's walk beside it, and what pages showed: what tests of the inventory share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from tests.store.copies import BROWSER, NOW, SERVER, appended, copy_of_buyer
from twofold.event.model import Channel, Event
from twofold.senders.call import Call
from twofold.senders.kinds import SenderClass

DATASET = "1"
AT = NOW // 1000
MINUTE = 60_000


def told(
    name: str, sender: str, channel: Channel, ids: str, *, times: int = 12, at: int = NOW, given: bool = True
) -> Iterator[Event]:
    """``times`` copies, a minute apart; ``ids`` begins their event ids."""
    for n in range(times):
        one = copy_of_buyer(
            f"{ids}{n}" if given else None,
            channel,
            name=name,
            at=at + n * MINUTE,
            order=f"{ids}{n}" if name == "Purchase" else None,
        )
        yield replace(one, sender=sender)


def journal(folder: Path) -> None:
    """Purchases by tag and webhook under one id each, and by a plugin under its own; carts by the tag; checkouts by a container."""
    copies = [
        *told("Purchase", "tag", BROWSER, "p"),
        *told("Purchase", "shopify", SERVER, "p"),
        *told("Purchase", "acme-plugin", SERVER, "q"),
        *told("AddToCart", "tag", BROWSER, "a"),
        *told("InitiateCheckout", "fbevents:tmgoogletagmanager", BROWSER, "c"),
        *told("Lead", "gtmss", SERVER, "l"),
    ]
    appended(folder, sorted(copies, key=lambda c: c.received_at))


def call(event: str, kind: SenderClass, script: str, **more: Any) -> Call:
    return Call(**({"platform": "meta", "account": DATASET, "event": event, "sender_class": kind, "script": script,
                    "first_seen": AT + 180, "last_seen": AT + 180} | more))  # fmt: skip
