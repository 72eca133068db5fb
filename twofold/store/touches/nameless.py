"""Nameless rows: what is left of a past order whose buyer was erased or took consent back, so that sums of past days stand.

Owns the tables nameless and nameless_due. A row holds the day, the amounts, and for each touch its age, its channel and its campaign: no
order, no address, no page's path, no referrer, no device. Nothing leads from it to the order or back, and its own number is drawn. An order
that is *due* loses its path as soon as somebody has said what it came to (`Worth`): whoever reads the money of orders, which is
not the store's. All writing runs inside the store's transactions.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime, tzinfo
from typing import Literal, NamedTuple

import msgspec
from msgspec import Struct

from twofold.store.changed.days import mark_orders
from twofold.store.digests import digest_8
from twofold.store.engine import Database, id_array
from twofold.store.sqlite.statements import Run
from twofold.store.touches.frozen import ERASED, FrozenTouch, OrderPath, kept_paths, path_digest
from twofold.touch.channels import channel_of, is_paid
from twofold.touch.model import TouchKind

Why = Literal["erased", "consent"]
PORTION = 64
_EPOCH = date(1970, 1, 1).toordinal()


class NamelessTouch(Struct, frozen=True, array_like=True, gc=False):
    """One touch of a nameless row. ``source`` and ``medium`` as the touch was found to come from, ``campaign`` as it was written."""

    age: int
    day: int  # since 1970-01-01, of the reporting zone
    kind: str
    channel: str
    platform: str
    source: str
    medium: str
    campaign: str
    campaign_id: str
    adset_id: str
    ad_id: str
    paid: bool


class Worth(Struct, frozen=True, kw_only=True):
    """What an order came to. ``day``: since 1970-01-01, of the reporting zone. ``amounts``: text by link of the chain, in the reporting
    currency; *margin* is left out where it is not known. ``kind``: what its buyer was."""

    day: int
    amounts: dict[str, str]
    open: str = "0"
    method: str = ""
    final: bool = True
    back: bool = False
    kind: str = "unknown"
    first_delivered: bool = False


WorthOf = Callable[[Sequence[int]], Mapping[int, Worth]]
"""What orders (by row) came to; one whose money cannot be told is not in it."""


class Nameless(NamedTuple):
    """One row as it is read."""

    id: int
    dataset: str
    worth: Worth
    reason: str
    touches: tuple[NamelessTouch, ...]


def put_due(engine: Database, orders: Iterable[int], why: Why) -> None:
    """These orders lose their paths."""
    rows = [(order, why) for order in sorted(set(orders))]
    if rows:
        engine.run_rows("put_nameless_due", rows)


def due_orders(run: Run) -> list[int]:
    """Some of the orders that are to lose their paths."""
    return [order for (order,) in run("select_nameless_due", (PORTION,))]


def give_up_paths(engine: Database, orders: Sequence[int], worth: Mapping[int, Worth], zone: tzinfo) -> int:
    """Takes the paths of these orders from them, each for a nameless row; answers how many rows. ``zone``: whose days those are."""
    ids = id_array(orders)
    names = {row: (dataset, placed) for row, dataset, _, placed in engine.run("facts_orders_of", (ids,))}
    told = {row: told_at for row, told_at, *_ in engine.run("select_paths", (ids,))}
    paths = {
        row: path for row, path in kept_paths(engine.run, orders).items() if path.reason != ERASED and row in names
    }
    rows = [_row(*names[row], worth[row], path, zone) for row, path in paths.items() if row in worth]
    if rows:
        engine.run_rows("insert_nameless", rows)
    empty = b"[]"
    gone = [(row, told[row], ERASED, empty, path_digest(row, told[row], ERASED, empty)) for row in paths]
    if gone:
        engine.run_rows("put_paths", gone)
        mark_orders(engine, paths, erased=True)
    engine.run("drop_nameless_due", (ids,))
    return len(rows)


def nameless_of(run: Run, first_day: int, last_day: int) -> list[Nameless]:
    """The rows of some days, by number."""
    return [
        Nameless(number, dataset, _worth(amounts), reason, tuple(_touches(touches)))
        for number, dataset, amounts, reason, touches in run("select_nameless", (first_day, last_day))
    ]


def nameless_digest(number: int, dataset: str, day: int, amounts: bytes, reason: str, touches: bytes) -> bytes:
    """Over all columns of a row."""
    return digest_8(f"{number}\x1f{dataset}\x1f{day}\x1f{reason}\x1f".encode() + amounts + b"\0" + touches)


_worth = msgspec.json.Decoder(Worth).decode
_touches = msgspec.json.Decoder(list[NamelessTouch]).decode


def _row(dataset: str, placed_at: int, worth: Worth, path: OrderPath, zone: tzinfo) -> tuple[object, ...]:
    number = secrets.randbits(62)
    amounts = msgspec.json.encode(worth)
    said = [t for t in path.said if t.kind == TouchKind.SHOP_SAYS]
    touches = msgspec.json.encode([_nameless(touch, placed_at, zone) for touch in (*path.touches, *said)])
    digest = nameless_digest(number, dataset, worth.day, amounts, path.reason, touches)
    return number, dataset, worth.day, amounts, path.reason, touches, digest


def _nameless(frozen: FrozenTouch, placed_at: int, zone: tzinfo) -> NamelessTouch:
    day = datetime.fromtimestamp(placed_at - frozen.age, zone).date().toordinal() - _EPOCH
    found = channel_of(frozen.touch(0))
    return NamelessTouch(
        age=frozen.age, day=day, kind=frozen.kind, channel=found.channel, platform=found.platform, source=found.source,
        medium=found.medium, campaign=frozen.campaign, campaign_id=frozen.campaign_id, adset_id=frozen.adset_id, ad_id=frozen.ad_id,
        paid=is_paid(found),
    )  # fmt: skip
