"""Rows of the table of paths, and of nameless rows: the touches of each order with their channel, or the reason why it has none.

Owns which column is which. A path is the one that is kept with the order, or what stands now of an order that is too young to have one; which
of its touches lie in a window is the question's.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

from twofold.facts.parquet import Row
from twofold.reconcile.exchange import day_text
from twofold.reconcile.matches.values import Days
from twofold.store.engine import id_array
from twofold.store.engines import open_reader
from twofold.store.orders.ledger import OrderRow
from twofold.store.secret import known_ring
from twofold.store.sqlite.statements import Run, reading
from twofold.store.touches.frozen import FrozenTouch, OrderPath, kept_paths
from twofold.store.touches.nameless import Nameless, nameless_of
from twofold.store.touches.path_keeper import path_now
from twofold.store.touches.paths import NO_TOUCH
from twofold.touch.channels import channel_of, is_paid
from twofold.touch.model import TouchKind

CHUNK = 500
LINKS = ("placed", "confirmed", "delivered", "true", "banked")
_COLUMNS = (
    "kind", "source", "medium", "campaign", "content", "term", "utm_id", "click_kind", "campaign_id", "adset_id", "ad_id",
    "referrer_host", "landing_path", "device", "country",
)  # fmt: skip
_NAMELESS = (
    "age", "touch_day", "kind", "channel", "platform", "source_of", "medium_of", "campaign", "campaign_id", "adset_id", "ad_id", "paid",
)  # fmt: skip


class Paths:
    """Paths and nameless rows out of a folder. ``days``: of the reporting zone."""

    def __init__(self, data: Path, days: Days) -> None:
        self._db = open_reader(data)
        self._run: Run = reading(self._db)
        self._ring = known_ring(data)
        self._days = days

    def __enter__(self) -> Paths:
        return self

    def __exit__(self, *_: object) -> None:
        self._db.close()

    def rows(self, orders: Iterable[int]) -> Iterator[Row]:
        """The rows of the table paths, of these orders."""
        numbers = sorted(orders)
        for start in range(0, len(numbers), CHUNK):
            part = numbers[start : start + CHUNK]
            kept = kept_paths(self._run, part)
            for values in self._run("select_orders", (id_array(part),)):
                order = OrderRow(*values)
                path = kept.get(order.id) or self._now(order)
                yield from path_rows(order, path, self._days)

    def nameless(self, day: int) -> Iterator[tuple[str, Iterable[Row]]]:
        """Rows of what lost its order, of a day."""
        rows = nameless_of(self._run, day, day)
        yield "nameless", nameless_rows(rows)
        yield "nameless_paths", nameless_path_rows(rows)

    def _now(self, order: OrderRow) -> OrderPath:
        return OrderPath((), (), NO_TOUCH) if self._ring is None else path_now(self._run, self._ring, order)


def path_rows(order: OrderRow, path: OrderPath, days: Days) -> Iterator[Row]:
    """The rows of one order."""
    own: Row = {"dataset": order.dataset, "order_row": order.id}
    if not path.touches:
        day = day_text(days.of(order.placed_at))
        yield {**own, **_NOTHING, "happened_at": order.placed_at, "touch_day": day, "reason": path.reason or NO_TOUCH}
    for place, touch in enumerate((*path.touches, *path.said)):
        told = dict(zip(_COLUMNS, [getattr(touch, name) for name in touch.__struct_fields__[1:]], strict=True))
        at = order.placed_at - touch.age
        when = {"place": place, "age": max(touch.age, 0), "happened_at": at, "touch_day": day_text(days.of(at))}
        yield {**own, **told, **when, **_channel(touch), "reason": ""}


def nameless_rows(rows: Sequence[Nameless]) -> Iterator[Row]:
    """The rows of the table nameless, in the reporting currency of when each lost its order."""
    for one in rows:
        worth = one.worth
        amounts = {name: Decimal(worth.amounts.get(link, "0")) for name, link in zip(_AMOUNTS, LINKS, strict=True)}
        margin = worth.amounts.get("margin")
        yield {
            "nameless": one.id, "dataset": one.dataset, **amounts, "margin": None if margin is None else Decimal(margin),
            "open": Decimal(worth.open), "method": worth.method, "final": worth.final, "back": worth.back,
            "buyer_kind": worth.kind, "first_delivered": worth.first_delivered, "path_reason": one.reason,
        }  # fmt: skip


def nameless_path_rows(rows: Sequence[Nameless]) -> Iterator[Row]:
    """The rows of the table nameless_paths."""
    for one in rows:
        for place, touch in enumerate(one.touches):
            told = dict(zip(_NAMELESS, [getattr(touch, name) for name in touch.__struct_fields__], strict=True))
            told |= {"age": max(touch.age, 0), "touch_day": day_text(touch.day)}
            yield {"nameless": one.id, "place": place, **told}


_AMOUNTS = ("placed", "confirmed", "delivered", "delivered_collected", "banked")


def _channel(touch: FrozenTouch) -> dict[str, Any]:
    if touch.kind == TouchKind.SURVEY:
        return {"source_of": touch.source, "medium_of": "", "campaign_of": "", "platform": "", "channel": "", "paid": False,
                "rule": "", "conflict": False}  # fmt: skip
    found = channel_of(touch.touch(touch.age))
    return {
        "source_of": found.source, "medium_of": found.medium, "campaign_of": found.campaign, "platform": found.platform,
        "channel": found.channel, "paid": is_paid(found), "rule": found.rule, "conflict": found.conflict,
    }  # fmt: skip


_NOTHING: Row = {
    **dict.fromkeys((*_COLUMNS, "source_of", "medium_of", "campaign_of", "platform", "channel", "rule"), ""), "place": -1, "age": 0,
    "paid": False, "conflict": False,
}  # fmt: skip
