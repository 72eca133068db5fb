"""What the rules rest on: two weeks of a data folder, read once.

Owns the stretch of time and the questions; which share of what is a fault is the rules'. Reads only. Cost: some 5 us a copy of
the two weeks in the database, 40 us for each of at most `BODIES` bodies.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from msgspec import Struct

from twofold.event.model import Event, readable_event
from twofold.report.period import Journal

DAYS = 14
DAY_MS = 86_400_000
BODIES, PAGES = 4_000, 1_000


class Purchase(NamedTuple):
    """One Purchase. ``channels``: 1 browser, 2 server, 3 both. ``order``: the order that it is of, its row. ``place``: where it was
    made, as a platform was told; None where nothing left."""

    action: int
    created_at: int  # ms
    dataset: str
    channels: int
    consent: str
    order_id: str | None
    order: int | None
    value: str | None
    currency: str | None
    place: str | None

    @property
    def on_pages(self) -> bool:
        """Whether a browser could have told it: not so of an order by phone or in a chat."""
        return self.place in (None, "website") or bool(self.channels & 1)


class Copies(NamedTuple):
    """Copies of one event by one sender on one day. ``late``: more than an hour; ``early``: more than ten minutes;
    ``whole_hours``: of both, those that are off by whole hours. ``again``: actions that it told more than once."""

    dataset: str
    event_name: str
    sender: str
    channel: str
    day: int
    copies: int
    late: int
    early: int
    whole_hours: int
    repeats: int
    actions: int
    again: int


class ToldPurchase(Struct, frozen=True):
    """A copy of a Purchase that no signed webhook told, and the state of its order where there is one. A robot's page without an order
    is none."""

    position: int
    received_at: int
    dataset: str
    sender: str
    channel: str
    event: Event
    order: int | None
    state: bytes | None


class Visits(NamedTuple):
    """Visits of one day from one source. ``clicked``: with a click's id."""

    dataset: str
    day: int
    source: str
    medium: str
    visits: int
    clicked: int
    first: int
    last: int


class TestCodes(NamedTuple):
    """What left on one day. ``coded``: with a test code of their sender's; times in ms."""

    destination: str
    day: int
    sent: int
    coded: int
    first: int
    last: int


class Signals(Struct, frozen=True, kw_only=True):
    """Two weeks before ``now`` (Unix s); days count back from it. ``carts``: paths of pages before a checkout."""

    now: int
    purchases: list[Purchase]
    copies: list[Copies]
    told: list[ToldPurchase]
    carts: frozenset[str]
    codes: list[TestCodes]
    visits: list[Visits]

    def day_of(self, at_ms: int) -> int:
        return (self.now * 1000 - at_ms) // DAY_MS

    def since(self, days: int) -> int:
        """When the newest so many days began, Unix s."""
        return self.now - days * DAY_MS // 1000

    def series(self, marked: Iterable[tuple[int, int, int]]) -> list[tuple[int, int]]:
        """Hits and of how many by day, the newest first. ``marked``: day, hits, of how many."""
        days = [[0, 0] for _ in range(DAYS)]
        for day, hits, of in marked:
            if 0 <= day < DAYS:
                days[day][0] += hits
                days[day][1] += of
        return [(hits, of) for hits, of in days]


def read_signals(journal: Journal, now: int, dataset: str | None) -> Signals:
    """What came and left in the two weeks before ``now`` (Unix s)."""
    now_ms = now * 1000
    span = journal.positions(now_ms - DAYS * DAY_MS, now_ms + 1000)
    newest = journal.positions(now_ms - 7 * DAY_MS, now_ms + 1000)
    robots = _of_robots(journal.run("router_unmatched_copies", (*span, BODIES)))
    purchases = [p for row in journal.run("router_purchases", span) if (p := Purchase(*row)).action not in robots]
    copies = [Copies(*row) for row in journal.run("router_copies", (*span, now_ms))]
    visits = [Visits(*row) for row in journal.run("router_visits", (now - DAYS * DAY_MS // 1000, now))]
    return Signals(
        now=now,
        purchases=[p for p in purchases if dataset in (None, p.dataset)],
        copies=[c for c in copies if dataset in (None, c.dataset)],
        told=[
            t for t in _told(journal.run("router_told_purchases", (*newest, BODIES))) if dataset in (None, t.dataset)
        ],
        carts=frozenset(_paths(journal.run("router_cart_copies", (*newest, PAGES)))),
        codes=[TestCodes(*row) for row in journal.run("router_test_codes", (*newest, now_ms))],
        visits=[v for v in visits if dataset in (None, v.dataset)],
    )


def _of_robots(rows: Iterable[tuple[Any, ...]]) -> set[int]:
    """Actions that robots alone tell. One that waits for an order, or of which none came, is not called so by a delivery."""
    shoppers, told = set[int](), set[int]()
    for action, body in rows:
        event = readable_event(body)
        (told if event is not None and event.bot else shoppers).add(action)
    return told - shoppers


def _told(rows: Iterable[tuple[Any, ...]]) -> Iterator[ToldPurchase]:
    for position, received_at, dataset, sender, channel, body, order, state in rows:
        event = readable_event(body)
        if event is not None and not (event.bot and channel == "browser" and order is None):
            yield ToldPurchase(position, received_at, dataset, sender, channel, event, order, state)


def _paths(rows: Iterable[tuple[Any, ...]]) -> Iterator[str]:
    for (body,) in rows:
        event = readable_event(body)
        path = path_of(event) if event is not None else ""
        if path not in ("", "/"):
            yield path


def path_of(event: Event) -> str:
    """The path of the page an event happened on; empty where nobody said it."""
    try:
        return urlsplit(event.event_source_url or "").path
    except ValueError:
        return ""
