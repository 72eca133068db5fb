"""``twofold quality`` and ``twofold stitching`` as programs: what they print, and how they end."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from tests.acceptance.gateway_process import run_twofold
from tests.store.copies import claim, copy, with_store
from twofold.event.model import Event

HOUR = 3_600_000


def sent(folder: Path, copies: list[Event], now: int) -> None:
    async def scenario(store):
        await store.append(copies)
        while await claim(store, now + HOUR, limit=200):
            pass

    with_store(folder, scenario, at=now)


def purchases(count: int, at: int, **user: str) -> list[Event]:
    return [copy(f"o-{at}-{n}", at=at, **user) for n in range(count)]


def test_rows_for_machines(tmp_path):
    """One JSON object a line, in the words of Meta's quality API, labelled as an estimate; no value of anybody."""
    now = int(time.time() * 1000)
    sent(tmp_path, purchases(3, now - HOUR, em="a", fbp="fb.1.1789999000000.12345"), now)
    done = run_twofold("quality", "--json", "--data", str(tmp_path))
    assert done.returncode == 0, done.stderr
    about, row = map(json.loads, done.stdout.splitlines())
    assert about["until"] - about["since"] == 48 * 3600
    assert (row["event_name"], row["events"], row["estimated_score"]) == ("Purchase", 3, "4.2")  # (3 + 2) / 12
    assert "not Meta's figure" in row["note"]
    email = next(k for k in row["match_key_feedback"] if k["identifier"] == "email")
    assert (email["coverage"], email["estimated_gain"]) == ({"percentage": "100.0"}, "0.0")
    assert "a" * 64 not in done.stdout
    assert "12345" not in done.stdout


FALLS = [("fell", {}, 1), ("stayed", {"em": "a"}, 0)]


@pytest.mark.parametrize(("now_known", "code"), [r[1:] for r in FALLS], ids=[r[0] for r in FALLS])
def test_a_drop_is_a_no_when_asked(tmp_path, now_known, code):
    """``--check`` ends with 1 when something fell against the period before; without it the page is just shown."""
    now = int(time.time() * 1000)
    sent(tmp_path, purchases(60, now - 3 * HOUR, em="a") + purchases(60, now - HOUR, **now_known), now)
    assert run_twofold("quality", "--since", "2h", "--data", str(tmp_path)).returncode == 0
    done = run_twofold("quality", "--since", "2h", "--check", "--data", str(tmp_path))
    assert done.returncode == code
    assert ("fell: Purchase of 1: estimate 2.5 to 0.0" in done.stdout) == bool(code)


def test_stitching_says_what_was_not_found(tmp_path):
    """For people: the rate, the keys, and why nothing was taken."""
    now = int(time.time() * 1000)
    sent(tmp_path, purchases(2, now - HOUR, em="a"), now)
    done = run_twofold("stitching", "--data", str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert "2 Purchase of 1: no visit with any of its identifiers is known" in done.stdout


@pytest.mark.parametrize("since", ["", "7", "7w", "0h", "-1d", "h"])
def test_a_period_that_cannot_be_read(tmp_path, since):
    """Said in one sentence with an example, and nothing is read."""
    done = run_twofold("quality", "--since", since, "--data", str(tmp_path))
    assert done.returncode == 2
    assert "48h" in done.stderr


@pytest.mark.parametrize("command", ["quality", "stitching"])
def test_a_name_with_brackets_is_shown_as_it_is(tmp_path, command):
    """An event's name is a sender's choice: what looks like a style or moves the cursor is text."""
    now = int(time.time() * 1000)
    strange = [copy(f"b-{n}", at=now - HOUR, name="My [bold]Ev[/bold]ent\u202e", em="a") for n in range(3)]
    sent(tmp_path, strange, now)
    done = run_twofold(command, "--data", str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert "My [bold]Ev[/bold]ent\\x202e" in done.stdout
