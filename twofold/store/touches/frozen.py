"""The frozen path of an order: which touches led to it, as it is kept with the order.

Owns the shape of a row of order_path and reading it. It names nobody: ages, words of campaigns, kinds of click ids, a page's path, no
browser and no order. When it is made, and when it is final, is `path_keeper`'s. Reads only.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import msgspec
from msgspec import Struct

from twofold.store.digests import digest_8
from twofold.store.engine import id_array
from twofold.store.sqlite.statements import Run
from twofold.touch.model import Touch, TouchKind

ERASED = "erased"
"""Why a path has no touches: its order lost them, and a nameless row has them."""


class FrozenTouch(Struct, frozen=True, array_like=True, gc=False):
    """One touch of a path. ``age``: seconds before the order; below 0 only of what a shop or a buyer says."""

    age: int
    kind: str
    source: str
    medium: str
    campaign: str
    content: str
    term: str
    utm_id: str
    click: str
    campaign_id: str
    adset_id: str
    ad_id: str
    referrer: str
    landing: str
    device: str
    country: str

    def touch(self, placed_at: int) -> Touch:
        """As a touch of an order that was placed then."""
        names = self.__struct_fields__[2:]
        return Touch(at=placed_at - self.age, kind=TouchKind(self.kind), **{n: getattr(self, n) for n in names})


class OrderPath(NamedTuple):
    """``touches``: the order's own, oldest first. ``said``: what the shop and the buyer say of it. ``reason``: why it has no touch of its own."""

    touches: tuple[FrozenTouch, ...]
    said: tuple[FrozenTouch, ...]
    reason: str


def kept_paths(run: Run, orders: Iterable[int]) -> dict[int, OrderPath]:
    """The frozen paths of orders by their row."""
    return {row: _path(reason, touches) for row, _, reason, touches in run("select_paths", (id_array(orders),))}


def path_digest(order: int, told_at: int, reason: str, touches: bytes) -> bytes:
    """Over all columns of a row."""
    return digest_8(f"{order}\x1f{told_at}\x1f{reason}\x1f".encode() + touches)


def encoded(path: OrderPath) -> bytes:
    """As it stands in the table."""
    return msgspec.json.encode([*path.touches, *path.said])


def _path(reason: str, touches: bytes) -> OrderPath:
    told = _decode(touches)
    own = tuple(t for t in told if t.kind not in _SAID)
    return OrderPath(own, tuple(t for t in told if t.kind in _SAID), reason)


_SAID = (TouchKind.SHOP_SAYS, TouchKind.SURVEY)
_decode = msgspec.json.Decoder(list[FrozenTouch]).decode


def frozen_touch(touch: Touch, placed_at: int) -> FrozenTouch:
    names = FrozenTouch.__struct_fields__[2:]
    told: dict[str, Any] = {name: getattr(touch, name) for name in names}
    return FrozenTouch(age=placed_at - touch.at, kind=str(touch.kind), **told)
