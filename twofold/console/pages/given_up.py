"""Given up: what would be sent again, looked at before it is.

Owns what the address asks: since when, which destination, which reason. What is shown is what the form then sends again, up to the
moment of the page: what is given up later is not in it. Role: for the algorithm.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from twofold.console.access.roles import Right
from twofold.console.pages.page import Asked, Page, Shown, UnknownChoice
from twofold.console.queries.given_up import Choice, Heap, given_up, heaps

COLUMNS = (
    "destination", "platform", "reason", "count", "purchases", "value", "too_old", "oldest", "newest", "role", "link",
)  # fmt: skip
SPANS = {"1h": 3_600, "24h": 86_400, "7d": 7 * 86_400, "28d": 28 * 86_400}
MANY = 100
"""More deliveries than these are sent again only by who shows the password."""


def read_given_up(asked: Asked) -> Shown:
    """By destination and reason: how many, how old, worth what, and how many the platform takes no more."""
    since = _since(asked)
    choice = Choice(until=asked.now * 1_000 + 999, dataset=asked.dataset())
    until, every = asked.worked_out(
        ("given up", choice.dataset), lambda: (choice.until, given_up(asked.folder, choice))
    )
    destinations = sorted({one.destination for one in every} | {one.name for one in asked.settings.destination})
    reasons = sorted({one.reason for one in every})
    destination, reason = asked.one_of("destination", destinations), asked.one_of("reason", reasons)
    meant = [
        one for one in every
        if one.at >= since and destination in ("", one.destination) and reason in ("", one.reason)
    ]  # fmt: skip
    found = heaps(meant, asked.settings, asked.now)
    return Shown(
        columns=COLUMNS,
        in_ms=("oldest", "newest", "since", "until"),
        rows=[_row(heap) for heap in found],
        about={"since": since or None, "until": until, "timezone": asked.words.zone, "deliveries": len(meant)},
        figures={
            "heaps": found, "of": len(meant), "purchases": sum(heap.purchases for heap in found), "value": _sums(found),
            "too_old": sum(heap.too_old for heap in found), "oldest": min((heap.oldest for heap in found), default=0),
            "since": since, "until": until, "spans": SPANS, "chosen": asked.choices.get("since", ""), "destination": destination,
            "reason": reason, "destinations": destinations, "reasons": reasons, "every": len(every), "many": MANY,
            "dataset": asked.dataset() or "",
        },
    )  # fmt: skip


def _row(heap: Heap) -> Mapping[str, Any]:
    value = "; ".join(f"{amount:f} {currency}" for currency, amount in sorted(heap.value.items()))
    return {
        "destination": heap.destination, "platform": heap.platform or None, "reason": heap.reason, "count": heap.count,
        "purchases": heap.purchases, "value": value or None, "too_old": heap.too_old, "oldest": heap.oldest or None,
        "newest": heap.newest or None, "role": "signal", "link": "signalled",
    }  # fmt: skip


def _sums(found: Sequence[Heap]) -> list[tuple[str, Decimal]]:
    sums: dict[str, Decimal] = {}
    for heap in found:
        for currency, amount in heap.value.items():
            sums[currency] = sums.get(currency, Decimal(0)) + amount
    return sorted(sums.items())


def _since(asked: Asked) -> int:
    """In ms: so long before now, or a moment of the shop's zone; 0 for all. Raises `UnknownChoice`."""
    given = asked.choices.get("since", "")
    if not given:
        return 0
    if given in SPANS:
        return (asked.now - SPANS[given]) * 1_000
    try:
        moment = datetime.strptime(given, "%Y-%m-%dT%H:%M").replace(tzinfo=ZoneInfo(asked.words.zone))
        if not 2000 <= moment.year < 9999:
            raise ValueError
    except ValueError:
        raise UnknownChoice("since", [*SPANS, "YYYY-MM-DDTHH:MM"], given) from None
    return int(moment.astimezone(UTC).timestamp()) * 1_000


GIVEN_UP = Page(
    path="/deliveries/given-up",
    name="",
    room="signal",
    right=Right.REPLAY,
    template="given_up.html",
    read=read_given_up,
)
