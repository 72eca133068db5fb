"""Tables that are brought up to date beside the pages, and processes that are started before a page needs them."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

import apsw
import pytest
from running_console import configuration

from twofold.config import load_settings
from twofold.console.money.making import LEFT, UNDER_WAY, Making
from twofold.console.money.spare import Spare, encode
from twofold.console.money.task import MODULE, Task, ask
from twofold.control.tables import are_current
from twofold.policies import day_task


def changed(folder: Path) -> None:
    """As if something of a day had come."""
    db = apsw.Connection(str(folder / "twofold.db"))
    db.execute("insert or replace into changed_day values ('orders', 20000, 99, 0)")
    db.close()


@pytest.mark.process
def test_tables_are_made_again_after_twenty_times_of_what_it_took(filled: Path, tmp_path: Path) -> None:
    """Who asks meanwhile is told that they are not of now, and not kept waiting."""
    left = shutil.ignore_patterns("console.db*", "lock", "*.sock", "facts")  # whatever tables other tests made of it
    shutil.copytree(filled.parent / "data", tmp_path / "data", ignore=left)
    settings = load_settings(configuration(tmp_path))
    making = Making()
    making.gateway = os.getpid()  # is not what this process was started by
    assert making.bring(settings, 60) == LEFT  # the next gateway would find the folder taken
    assert not are_current(settings)
    making.gateway = os.getppid()
    assert making.bring(settings, 60) == ""
    assert making._again_at > time.monotonic()
    assert are_current(settings)
    assert making.bring(settings, 0) == ""  # nothing came
    changed(tmp_path / "data")
    making._again_at += 60  # a busy machine takes longer to change something than to make these tables
    assert making.bring(settings, 60) == UNDER_WAY
    assert not are_current(settings)
    making._again_at = time.monotonic()  # the pause is over
    assert making.bring(settings, 60) == ""
    assert are_current(settings)


@pytest.mark.process
def test_a_process_waits_for_the_next_task_and_ends_when_none_comes(filled: Path) -> None:
    settings = load_settings(filled)
    task = encode(Task(what="life", base=day_task(settings, 1_800_000_000), as_of=1_800_000_000, orders=["1001/5001"]))
    spare, lines = Spare(MODULE), []
    first = spare.take()
    assert not first.waits  # none was started yet: it starts with its task
    assert first.run(task, lines.append) == 0
    spare.want()
    ready = until(lambda: spare._ready)
    assert ready.waits
    assert spare.take() is ready
    assert ready.run(task, lines.append) == 0
    assert lines[0] == lines[1]
    brief = Spare(MODULE, idle_s=2.0)
    brief.want()
    unused = until(lambda: brief._ready)
    assert until(lambda: brief._ready is None)
    assert until(lambda: not unused.waits)


@pytest.mark.process
def test_one_process_answers_page_after_page(filled: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Until it is killed, or has grown: then a new one does."""
    settings = load_settings(filled)
    task = Task(what="life", base=day_task(settings, 1_800_000_000), as_of=1_800_000_000, orders=["1001/5001"])
    spare = Spare(MODULE)
    monkeypatch.setattr("twofold.console.money.task._spare", spare)
    spare.want()
    first = until(lambda: spare._ready)
    answers = [ask(task) for _ in range(3)]
    assert spare._ready is first
    assert answers[0] == answers[1] == answers[2]
    first.end()
    assert until(lambda: not first.waits)
    assert ask(task) == answers[0]
    second = until(lambda: spare._ready)
    assert second is not first
    monkeypatch.setattr("twofold.console.money.spare.MOST_MB", 1)
    assert ask(task) == answers[0]
    assert until(lambda: not second.waits)
    third = until(lambda: spare._ready)
    assert third is not second
    third.discard()


def until(look):  # type: ignore[no-untyped-def]
    """What is found once it is there."""
    for _ in range(3_000):
        if found := look():
            return found
        time.sleep(0.02)
    raise AssertionError("it never came")
