"""The table of paths for one day's orders, and nameless rows: touches with their channel.

Owns which column is which. A path is the one that is kept with the order, or what stands now of an order that is too young to have one; which
of its touches lie in a window is the question's.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any

from twofold.facts.parquet import Row
from twofold.facts.rows.snapshot import Snapshot
from twofold.store.orders.ledger import OrderRow
from twofold.store.touches.frozen import FrozenTouch, OrderPath, kept_paths
from twofold.store.touches.nameless import Nameless
from twofold.store.touches.path_keeper import path_now
from twofold.store.touches.paths import NO_TOUCH
from twofold.touch.channels import channel_of, is_paid
from twofold.touch.model import TouchKind

LINKS = ("placed", "confirmed", "delivered", "true", "banked")
_COLUMNS = (
    "kind", "source", "medium", "campaign", "content", "term", "utm_id", "click_kind", "campaign_id", "adset_id", "ad_id",
    "referrer_host", "landing_path", "device", "country",
)  # fmt: skip
_NAMELESS = (
    "age", "kind", "channel", "platform", "source_of", "medium_of", "campaign_of", "campaign_id", "adset_id", "ad_id", "paid",
)  # fmt: skip


def paths_of(snapshot: Snapshot, orders: Sequence[tuple[Any, ...]]) -> dict[int, OrderPath]:
    """Paths of orders (rows of the statement facts_orders) by their row."""
    found = kept_paths(snapshot.run, [row[0] for row in orders])
    for number, dataset, order_id, placed_at, action, person, _, state in orders:
        if number in found:
            continue
        if snapshot.ring is None:
            found[number] = OrderPath((), (), NO_TOUCH)
        else:
            row = OrderRow(number, dataset, order_id, placed_at, action, person, 0, state)
            found[number] = path_now(snapshot.run, snapshot.ring, row)
    return found


def path_rows(dataset: str, order: int, placed_at: int, path: OrderPath) -> Iterator[Row]:
    """The rows of the table paths, of one order."""
    for place, touch in enumerate((*path.touches, *path.said)):
        told = dict(zip(_COLUMNS, [getattr(touch, name) for name in touch.__struct_fields__[1:]], strict=True))
        own = {"dataset": dataset, "order_row": order, "place": place, "age": touch.age}
        yield own | told | {"happened_at": placed_at - touch.age} | _channel(touch)


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
