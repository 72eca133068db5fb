"""Every question of the package, with values to ask it with, and a world that has rows for each: what engines are held alike over."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

from tests.facts.world import RARE, World, contents, world
from twofold.facts.engine import ROOM
from twofold.facts.questions import Question, questions_of
from twofold.facts.shape import Type

QUESTIONS = (
    questions_of(ROOM)
    | questions_of("twofold.reconcile")
    | questions_of("twofold.attribution")
    | questions_of("twofold.audiences")
)
VALUES = {
    "since": "2020-01-01", "until": "2030-01-01", "most": 7, "as_of": 1_900_000_000, "from_s": 0, "to_s": 1_900_000_000,
    "by": "method", "dataset": "", "history_s": 86_400,
    "spans": "1400000000:1900000000 1400000000:1789000000 1789000000:1900000000", "many": 3, "final": 1_900_000_000,
    "first": "2019-12-01", "window": 30 * 86_400, "country": "", "currency": "EUR", "last": "2030-01-01", "after": "2030-01-01",
    "chat": 7 * 86_400, "half_life": 7 * 86_400, "repeats": "collapse", "unit": 100, "credit_day": "touch", "models": ",linear,time_decay,",
    "upto_s": 1_900_000_000, "first_s": 0, "last_s": 1_900_000_000, "day": "2026-09-15", "destinations": ",meta-1,meta-2,",
    "amounts": "EUR:120.00:1788000000 EUR:12.00:1788000000", "near": Decimal("100.00"), "grp": "", "place": "link", "reason": "placed",
    "credit_since": "2020-01-01", "credit_until": "2030-01-01", "young": "2026-09-01", "bucket": 0, "buckets": 1, "link": "true",
}  # fmt: skip


def values_of(question: Question) -> dict[str, Any]:
    """By name; where one name is a moment here and a day there, by type. Credits are asked by campaign."""
    own: dict[str, Any] = {"last": 1_900_000_000} if question.asks.get("last") == Type.INT else {}
    own |= {"by": "campaign"} if "window" in question.asks or question.name == "adverts_spent" else {}
    own |= {"after": 0} if question.asks.get("after") == Type.INT else {}
    own |= {"first": 1_400_000_000} if question.asks.get("first") == Type.INT else {}
    own |= {"most": 1} if question.name == "credit_squares" else {}
    own |= {"grp": "unattributed:no_browser"} if question.name == "credited_orders" else {}
    return {name: own.get(name, VALUES[name]) for name in question.asks}


@contextmanager
def lived_world(folder: Path) -> Iterator[World]:
    """A world with rows in every table, and for every question."""
    with world(folder, 4) as w:
        w.live(150)
        for n in range(2):
            w.buy(n)
        w.trade()
        w.stray()
        w.buy_after("12.00", [(1, "newsletter", "email")], click="gclid")
        w.settle()
        w.forget("bought0")
        w.rebuild(lives=True)
        assert [name for name, rows in contents(w.files).items() if not rows and name not in RARE] == []
        yield w
