"""A test purchase as it arrives: which copies belong to it, which steps have been seen, whether its copies are one.

Owns finding the copies. A browser that opened a page with the test's code in its address is the tester's; its further copies
are known by the browser's own number. A server's copy belongs to it when it was joined with one of these, or is of the order
whose number was typed in. What was read once is remembered, so that a page that looks again reads what is new only.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from twofold.event.model import Channel, Event, readable_event
from twofold.report.period import Journal, journal_of

PARAMETER = "twofold_test"
AT_ONCE = 20_000
"""Copies read for one look."""
LASTS_MS = 24 * 3_600_000
"""What comes so long after the start is of no test any more, and is not looked for."""
REMEMBERED = 50
SUPERSEDED = "superseded"
MOST_SEEN = 2_000
"""Copies of one tester that are remembered."""
STEPS = ("opened", "ViewContent", "AddToCart", "InitiateCheckout", "browser", "server", "joined", "settled")


class Tick(Struct, frozen=True):
    """A step that was seen. ``at`` in ms."""

    at: int
    action: int


class Seen(Struct, frozen=True):
    """A copy of the tester's browser. ``at`` in ms; ``event_time`` in s."""

    position: int
    at: int
    event_time: int
    name: str
    event_id: str
    action: int
    page: str


class Trail(Struct, frozen=True, kw_only=True):
    """What has been found of one test. ``position``: up to where was read."""

    position: int
    marks: frozenset[str] = frozenset()
    ticks: dict[str, Tick] = {}
    purchases: tuple[int, ...] = ()  # actions, each once
    seen: tuple[Seen, ...] = ()
    behind: bool = False  # there are more copies than one look reads
    over: bool = False  # its day has passed


class Purchase(Struct, frozen=True, kw_only=True):
    """The action of the purchase as it stands."""

    action: int
    event_id: str
    channels: int
    value: str | None
    currency: str | None
    order_id: str | None
    copies: list[Event]
    deliveries: list[dict[str, Any]]

    @property
    def is_superseded(self) -> bool:
        """A browser's word that another action, told by the shop, stands for: it is not told."""
        return bool(self.deliveries) and all(d["reason"] == SUPERSEDED for d in self.deliveries)


_trails: OrderedDict[tuple[str, str], Trail] = OrderedDict()
_lock = threading.Lock()


def trail_of(folder: Path | str, dataset: str, code: str, start: int, started_ms: int) -> Trail:
    """The trail up to now, of the day after the start."""
    place = (str(folder), code)
    with _lock:
        known = _trails.get(place, Trail(position=start))
    if known.over:
        return known
    with journal_of(folder) as journal:
        found = _follow(journal, dataset, code, known, started_ms + LASTS_MS)
    with _lock:
        _trails[place] = found
        _trails.move_to_end(place)
        while len(_trails) > REMEMBERED:
            _trails.popitem(last=False)
    return found


def purchases_of_trail(folder: Path | str, dataset: str, start: int, actions: Sequence[int]) -> list[Purchase]:
    """The purchases among these actions, each as what it was merged into, and those that carry the same id or order."""
    with journal_of(folder) as journal:
        found = {p.action: p for number in actions if (p := _purchase(journal, number)) is not None}
        for one in list(found.values()):
            for (number,) in journal.run("console_same_purchase", (start, dataset, one.event_id, one.order_id)):
                other = _purchase(journal, number)
                if other is not None:
                    found.setdefault(other.action, other)
    return list(found.values())


def _follow(journal: Journal, dataset: str, code: str, known: Trail, until_ms: int) -> Trail:
    found = journal.run("console_bodies_after", (dataset, known.position, AT_ONCE))
    rows = [row for row in found if row[1] <= until_ms]
    marks, ticks, purchases, seen = set(known.marks), dict(known.ticks), list(known.purchases), list(known.seen)
    for position, received_at, name, channel, _, action, body in rows:
        if channel != Channel.BROWSER:
            continue
        event = readable_event(body)
        if event is None:
            continue
        mine = _marks(event)
        opened = f"{PARAMETER}={code}" in (event.event_source_url or "")
        if opened:
            marks |= mine
            ticks.setdefault("opened", Tick(received_at, action))
        if opened or mine & marks:
            page = (event.event_source_url or "").partition("?")[0].partition("#")[0]
            seen.append(Seen(position, received_at, event.event_time, name, event.event_id, action, page))
            if name == "Purchase":
                ticks.setdefault("browser", Tick(received_at, action))
                purchases.append(action)
            elif name in STEPS:
                ticks.setdefault(name, Tick(received_at, action))
    position = rows[-1][0] if rows else known.position
    return replace(
        known, position=position, marks=frozenset(marks), ticks=ticks, purchases=tuple(dict.fromkeys(purchases)),
        seen=tuple(seen[:MOST_SEEN]), behind=len(rows) == AT_ONCE, over=len(rows) < len(found),
    )  # fmt: skip


def _marks(event: Event) -> set[str]:
    """By what a browser is known again: its own numbers; its address and agent only where it has none."""
    own = {f"v:{event.visitor}"} if event.visitor else set()
    if event.user_data.fbp:
        own.add(f"p:{event.user_data.fbp}")
    if own or not event.user_data.client_ip_address:
        return own
    return {f"a:{event.user_data.client_ip_address} {event.user_data.client_user_agent}"}


def _purchase(journal: Journal, number: int) -> Purchase | None:
    rows = journal.run("console_action", (number,))
    if rows and rows[0][6] is not None:
        number = rows[0][6]
        rows = journal.run("console_action", (number,))
    if not rows or rows[0][0] != "Purchase":
        return None
    _, event_id, channels, value, currency, order_id, _ = rows[0]
    copies = [
        e for *_, body in journal.run("console_action_copies", (number,)) if (e := readable_event(body)) is not None
    ]
    names = ("id", "destination", "state", "reason", "settled_at")
    return Purchase(
        action=number, event_id=event_id, channels=channels, value=value, currency=currency, order_id=order_id, copies=copies,
        deliveries=[dict(zip(names, row, strict=True)) for row in journal.run("console_action_deliveries", (number,))],
    )  # fmt: skip
