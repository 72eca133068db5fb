"""The law of what is made again: after any change, made by the lives that it reaches, the tables are those made from nothing."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.facts.world import contents
from tests.reconcile.lines import day
from tests.reconcile.test_closure_law import CHECKED, RULES, worlds, write
from twofold.facts.build import Built, Task, build
from twofold.ledger.model import OrderReport, Snapshot
from twofold.ledger.policy import OrderPolicy
from twofold.reconcile.lives.making import LivesOf
from twofold.reconcile.lives.task import LivesTask
from twofold.store.orders.ledger import OrderEntry
from twofold.store.sqlite.database import Engine

IN_MEMORY = "/dev/shm" if Path("/dev/shm").is_dir() else None  # hundreds of small files, each flushed
UNSEALED = {"order_seals", "line_seals"}


def made(folder: Path, files: Path) -> Built:
    policies = {"1": OrderPolicy(), "2": OrderPolicy()}
    task = Task(data=str(folder), files=str(files), policies=policies, now_s=0)
    return build(task, lives=LivesOf(LivesTask(rules=RULES, zone="UTC"), policies))


def tables(files: Path) -> dict[str, list[dict[str, Any]]]:
    return {name: rows for name, rows in contents(files).items() if name not in UNSEALED}


def unmark(folder: Path) -> None:
    engine = Engine(folder)
    engine.db.execute("delete from changed_day")
    engine.close()


@settings(CHECKED, max_examples=25)
@given(worlds(), st.integers(0, 5), st.integers(0, 18), st.integers(0, 4))
def test_tables_after_a_change_are_those_made_from_nothing(world, orders, things, more):
    """Whatever comes later, in any part of a world made to be unclear, in two steps."""
    owed, told = world
    with tempfile.TemporaryDirectory(dir=IN_MEMORY) as name:
        folder = Path(name)
        steps = (
            (owed[:orders], told[:things]),
            (owed[orders:], told[things : things + more]),
            ([], told[things + more :]),
        )
        for n, step in enumerate(steps):
            write(folder, step)
            made(folder, folder / "facts")
            unmark(folder)
            made(folder, folder / f"full{n}")
            assert tables(folder / "facts") == tables(folder / f"full{n}"), n


def test_a_number_that_a_later_order_takes_is_gone_from_the_day_of_the_one_before(tmp_path: Path) -> None:
    """Two orders are numbered alike, days apart. Events that say the number mean the later one, and only its rows have that name."""

    def entry(order: str, on: int) -> OrderEntry:
        report = OrderReport(
            order_id=order, kind="placed", at=day(on), reference=order, aliases=("number:#7",),
            snapshot=Snapshot(version=day(on), placed_at=day(on)),
        )  # fmt: skip
        return OrderEntry(
            dataset="1", source="shopify:demo", report=report, copy=None, received_at=day(on) * 1000, buyer=()
        )

    for order, on in (("1001", 2), ("1002", 9)):
        write(tmp_path, ([entry(order, on)], []))
        made(tmp_path, tmp_path / "facts")
        unmark(tmp_path)
    called: dict[str, list[str]] = {}
    for row in tables(tmp_path / "facts")["order_names"]:
        if row["kind"] == "called":
            called.setdefault(row["value"], []).append(row["order_id"])
    assert sorted(called.values()) == [["1001"], ["1002"], ["1002"]]
