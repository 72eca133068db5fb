"""The law of what is made again: after any change, made by the lives that it reaches, the tables are those made from nothing."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.facts.world import contents
from tests.reconcile.test_closure_law import CHECKED, RULES, worlds, write
from twofold.facts.build import Built, Task, build
from twofold.ledger.policy import OrderPolicy
from twofold.reconcile.lives.making import LivesOf
from twofold.reconcile.lives.task import LivesTask
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
