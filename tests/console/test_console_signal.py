"""What the signal pages count beside themselves: by a child process, and by what waits without reading what left."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from twofold.config import load_settings
from twofold.console.signal import task
from twofold.errors import StoreError
from twofold.policies import router_task, rules_of
from twofold.report.period import journal_of
from twofold.simulate.world.folder import Written


@pytest.mark.process
def test_the_child_answers_what_the_same_question_answers_here(world: Written, filled: Path) -> None:
    """Each kind of question, none of them with nothing to lose on its way: orders of six weeks of a shop, and copies as they came."""
    now = int(time.time())
    data, orders = str(filled.parent / "data"), str(world.folder / "data")
    settings, since = load_settings(world.config, data=orders), now - 86_400
    findings = task.Findings(task=router_task(load_settings(filled), now), dataset=None)
    quality = task.Quality(folder=data, until_ms=now * 1000, period_ms=86_400_000, dataset=None)
    scores = task.Scores(folder=data, spans_ms=[(0, since * 1000), (since * 1000, now * 1000 + 1000)])
    senders = task.Senders(folder=data, since_ms=since * 1000, until_ms=now * 1000 + 1000, before_ms=0, dataset=None)
    weeks = task.Weeks(folder=orders, policies=rules_of(settings), now=now, zone="Asia/Tbilisi", dataset=None)
    asked: list[tuple[Callable[[Any], list[Any]], task.Question]] = [
        (task.findings, findings),
        (task.estimates, quality),
        (task.scores_of, scores),
        (task.cells, senders),
        (task.weeks, weeks),
    ]
    for ask, question in asked:
        answer = task.answer(question)
        assert answer, type(question)
        assert ask(question) == answer, type(question)
    assert sum(week.orders for week in task.weeks(weeks)) > 10
    with pytest.raises(StoreError):
        task.weeks(task.Weeks(folder=f"{data}/none", policies={}, now=now, zone="Asia/Tbilisi", dataset=None))
    assert task.weeks(weeks) == task.answer(weeks)  # one that could not be answered is not the last


def test_what_waits_is_counted_by_what_waits(filled: Path, tmp_path: Path) -> None:
    """Those that were claimed and those that were not, of each destination: against a look at every row."""
    data = tmp_path / "data"
    data.mkdir()
    source = sqlite3.connect(filled.parent / "data" / "twofold.db")
    copy = sqlite3.connect(data / "twofold.db")
    source.backup(copy)
    with copy:
        copy.execute("update delivery set state = 'waiting', leased_until = null, due_at = 1000 * id")
        copy.execute("update delivery set leased_until = 7 where id = (select max(id) from delivery)")
        copy.execute("update delivery set state = 'delivered' where id = (select min(id) from delivery)")
    rows = copy.execute(
        "select destination, coalesce(leased_until, due_at) from delivery where state = 'waiting'"
    ).fetchall()
    names = dict(copy.execute("select id, name from destination").fetchall())
    copy.close()
    source.close()
    expected = sorted(
        (names[one], sum(d == one for d, _ in rows), min(at for d, at in rows if d == one))
        for one in {d for d, _ in rows}
    )
    with journal_of(data) as journal:
        found = sorted((name, count, at) for name, _, count, at in journal.run("console_waiting"))
    assert found == expected
    assert sum(count for _, count, _ in found) >= 2
