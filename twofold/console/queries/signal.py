"""What came and what left: events by name and channel, deliveries by state, the last of each kind.

Owns the words and the order of the signal pages' counts, and the copies of Live. What is counted is `sums`'s. Coverage here is
*browser events that the server also sent*.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct

from twofold.report.period import Journal, journal_of
from twofold.store.peers.places import Place

FUNNEL = (
    "PageView",
    "ViewContent",
    "Search",
    "AddToWishlist",
    "AddToCart",
    "InitiateCheckout",
    "AddPaymentInfo",
    "Purchase",
)
"""The way through a shop: the order in which events are shown."""


class EventCount(Struct, frozen=True, kw_only=True):
    """Actions of one name in a period, each counted once. The three channels add up to ``actions``."""

    dataset: str
    event_name: str
    actions: int
    browser_only: int
    server_only: int
    both: int
    before: int  # actions of the same length of time before

    @property
    def coverage(self) -> float | None:
        """Browser events that the server also sent, of one."""
        seen = self.browser_only + self.both
        return self.both / seen if seen else None


class Newest(Struct, frozen=True, kw_only=True):
    """When the last copy was received (ms), when the last delivery arrived (ms), and how many wait."""

    received_at: int | None
    delivered_at: int | None
    waiting: int


Counts = Mapping[tuple[str, str], tuple[int, int, int, int]]
"""By dataset and event name: actions, with a browser's copy, with a server's, with both."""


def event_counts(now: Counts, before: Counts, dataset: str | None = None) -> list[EventCount]:
    """Event names of a period in the order of the funnel, then by name."""
    found = [
        EventCount(
            dataset=name[0], event_name=name[1], actions=actions, browser_only=browser - both,
            server_only=server - both, both=both, before=before.get(name, (0,))[0],
        )
        for name, (actions, browser, server, both) in now.items()
        if dataset in (None, name[0])
    ]  # fmt: skip
    return sorted(found, key=lambda e: (e.dataset, funnel_place(e.event_name)))


def last_seen(folder: Path | str, positions: Iterable[tuple[tuple[str, str], int]]) -> dict[tuple[str, str], int]:
    """When the last of each dataset and event name came in, Unix s. ``positions``: of the last ones, several of a name where several
    gateways have it. A name whose last copy is not kept any more is left out."""
    found: dict[tuple[str, str], int] = {}
    with journal_of(folder) as journal:
        for name, position in positions:
            for at, received_at in journal.run("first_received", (position,)):
                if at == position:
                    found[name] = max(found.get(name, 0), received_at // 1000)
    return found


def funnel_place(name: str) -> tuple[int, str]:
    """Where an event stands on a shopper's way."""
    return (FUNNEL.index(name), "") if name in FUNNEL else (len(FUNNEL), name)


COPY = ("position", "received_at", "dataset", "event_name", "event_id", "channel", "sender", "verdict", "action")
WINDOW, MOST_WINDOWS = 2_000, 10
"""Copies that are looked through at once for a rare event, and how often; what is older is found on the other pages."""


def last_copies(folder: Path | str, fits: Callable[[dict[str, Any]], bool], limit: int) -> list[dict[str, Any]]:
    """The newest copies that fit, newest first, among the last `WINDOW` times `MOST_WINDOWS` of each gateway."""
    with journal_of(folder) as journal:
        strands = journal.strands()
        found = [row for place in strands for row in _last_of(journal, place, fits, limit)]
    if len(strands) > 1:
        found.sort(key=lambda row: (row["received_at"], row["position"]), reverse=True)
    return found[:limit]


def _last_of(
    journal: Journal, place: Place, fits: Callable[[dict[str, Any]], bool], limit: int
) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    end = journal.last_of(place)
    for _ in range(MOST_WINDOWS):
        if end <= place.before or len(found) >= limit:
            break
        start = max(place.before, end - WINDOW)
        rows = (dict(zip(COPY, row, strict=True)) for row in journal.run("console_copies", (start, end - start)))
        found += [row for row in rows if row["position"] <= end and fits(row)][::-1]
        end = start
    return found[:limit]


def copies_after(folder: Path | str, position: int, limit: int) -> list[dict[str, Any]]:
    """Copies behind a position of the only strand, oldest first; with a position of -1 the last ``limit``. Raises `StoreError` where
    there are several."""
    with journal_of(folder) as journal:
        place = journal.only_strand("the copies of a page that goes on by itself")
        after = journal.last_of(place) - limit if position < 0 else position
        rows = journal.run("console_copies", (max(place.before, after), limit))
        return [dict(zip(COPY, row, strict=True)) for row in rows]


def goes_on(folder: Path | str) -> bool:
    """True where one gateway takes events in, so that what comes next has one order."""
    with journal_of(folder) as journal:
        return len(journal.strands()) == 1
