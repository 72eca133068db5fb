"""The law of what is made again: a day that is not named after a change has the lives that it had."""

from __future__ import annotations

import tempfile
from datetime import UTC
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.reconcile.test_closure_law import CHECKED, DAY_ONE, RULES, policy, worlds, write
from twofold.facts.manifest import Manifest, Places
from twofold.facts.rows.snapshot import snapshot_of
from twofold.reconcile.lives.making import LivesOf
from twofold.reconcile.lives.task import LivesTask
from twofold.reconcile.reading.lives import lives_by_day_whole
from twofold.store.sqlite.database import Engine

DAYS = range(DAY_ONE - 3, DAY_ONE + 50)


def lives_of_all(folder: Path) -> dict:
    return {lives.day: lives for lives, _ in lives_by_day_whole(folder, policy, DAYS, RULES, UTC)}


@settings(CHECKED, max_examples=80)
@given(worlds(), st.integers(0, 5), st.integers(0, 18))
def test_a_day_that_no_change_reaches_is_what_it_was(world, orders, things):
    """Whatever comes later, in any part of a world made to be unclear."""
    owed, told = world
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write(folder, (owed[:orders], told[:things]))
        before = lives_of_all(folder)
        engine = Engine(folder)
        engine.db.execute("delete from changed_day")
        engine.close()
        write(folder, (owed[orders:], told[things:]))
        after = lives_of_all(folder)
        maker = LivesOf(LivesTask(rules=RULES, zone="UTC"), {})
        with snapshot_of(folder) as snapshot:
            due = maker.due(snapshot, snapshot.marks(), Manifest(), Places(data=folder, files=folder / "facts"))
        assert {day for day in DAYS if before[day] != after[day]} <= due
