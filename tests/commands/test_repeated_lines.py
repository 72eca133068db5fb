"""What a serving program says again and again stands in its log once a minute, with how often it was said."""

from __future__ import annotations

import json
import logging
import subprocess
import sys

import pytest

from twofold.commands.running.trace import Repeated

SAYS = """
import logging, sys
from twofold.commands.running.trace import set_up_log
set_up_log(sys.argv[1])
for _ in range(120):
    logging.getLogger("twofold").error("the index could not go on: %s", "the database is gone")
    logging.getLogger("twofold").info("an erasure is done")
logging.getLogger("twofold").error("the index could not go on: %s", "the disk is full")
"""


@pytest.mark.parametrize("form", ["text", "json"])
def test_the_same_warning_is_written_once(form):
    """In either form of the log; what is no warning is left alone, and so is one that says something else."""
    run = subprocess.run([sys.executable, "-c", SAYS, form], capture_output=True, text=True, check=True)
    lines = [json.loads(line)["text"] if form == "json" else line for line in run.stderr.splitlines()]
    assert [line for line in lines if "database is gone" in line] == [lines[0]]
    assert sum("an erasure is done" in line for line in lines) == 120
    assert "the disk is full" in lines[-1]
    assert len(lines) == 122


def written(lines: list[tuple[float, str]], fields: bool = False) -> list[tuple[float, str]]:
    """Of warnings said at these moments (Unix s) those that pass."""
    filter, found = Repeated(), []
    for at, text in lines:
        record = logging.LogRecord("twofold", logging.WARNING, "", 0, text, None, None)
        record.created = at
        if fields:
            record.fields = {"text": text}
        if filter.filter(record):
            found.append((at, record.getMessage()))
    return found


def test_after_a_minute_it_is_written_again_with_how_often_it_was_not():
    """By hand: said at 0, 1, 59.9 and 60: two of four are written, the second for two that were not. Then it begins anew."""
    said = [(1000.0, "away"), (1001.0, "away"), (1059.9, "away"), (1060.0, "away"), (1130.0, "away")]
    assert written(said) == [
        (1000.0, "away"), (1060.0, "away (and 2 times more since this was written)"), (1130.0, "away"),
    ]  # fmt: skip


def test_a_clock_that_is_set_back_silences_nothing():
    assert [at for at, _ in written([(1000.0, "away"), (10.0, "away"), (11.0, "away")])] == [1000.0, 10.0]


def test_many_different_warnings_are_all_written_and_forgotten():
    """More than are remembered: each is written, and the first of them again, as nobody knows of it any more."""
    many = [(1000.0 + n / 1000, f"delivery {n}") for n in range(400)]
    assert written([*many, (1001.0, "delivery 0"), (1001.0, "delivery 399")]) == [*many, (1001.0, "delivery 0")]


def test_lines_with_fields_are_left_alone():
    """Of a request there is one a kind and minute already."""
    assert len(written([(1000.0, "away")] * 3, fields=True)) == 3
