"""Decisions and what a better signal is worth: what was decided stays with its figures; a model is called one."""

from __future__ import annotations

import json
import re
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from running_console import Client, Running

from twofold.console.pages.signal.decisions import _row
from twofold.console.pages.signal.worth import LINES
from twofold.report.kept import Kept

LEARNING = Path(__file__).parents[2] / "docs" / "learning.md"


def rows(client: Client, path: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    about, *found = [json.loads(line) for line in client.get(path).text.splitlines()]
    return about, found


def test_the_model_s_lines_are_those_of_its_page():
    """The page in docs is written by the model itself."""
    text = LEARNING.read_text(encoding="utf-8")
    pattern = r"\| (.+?) \| ([\d.]+) ± [\d.]+ \| ([-+][\d.]+)% ± ([\d.]+)% \| .+? \| ([\d.]+) ± [\d.]+ \| (\d+)% \|"
    told = {m[1]: tuple(map(float, m.groups()[1:])) for m in re.finditer(pattern, text)}
    assert len(LINES) == 8
    for one in LINES:
        assert told[one.signal] == (one.true_return, one.difference, one.error, one.reported, one.on_best), one.signal


@pytest.mark.parametrize(("review", "today", "due"), [("2026-03-01", "2026-02-28", False), ("2026-03-01", "2026-03-01", True),
                                                      ("", "2026-03-01", False)])  # fmt: skip
def test_when_a_decision_is_to_be_looked_at(review, today, due):
    one = Kept(number=7, at=0, facts={"decided": "x", "review": review})
    assert _row(one, None, date.fromisoformat(today))["due"] is due
    after = Kept(number=8, at=1, facts={"decision": 7, "outcome": "good"})
    assert _row(one, after, date.fromisoformat(today))["due"] is False


@pytest.mark.process
def test_a_decision_keeps_its_figures_and_its_end(console: Running) -> None:
    """The figures are the page's own at that moment; what cannot be shown by its reader cannot be named."""
    owner = console.owner()
    buyer = console.person(owner, "buyer")
    today = datetime.now(UTC).date()
    form = {"csrf": buyer.csrf(), "decided": "Budget of the story ad up by a tenth", "page": "/console/today?period=today",
            "review": (today + timedelta(days=28)).isoformat()}  # fmt: skip
    for wrong in ({"decided": ""}, {"decided": "ask nino@shop.example"}, {"page": "/cash"}, {"page": "/nothing"},
                  {"page": "/today?period=foo"}, {"page": "https://shop.example/"}, {"review": "2020-01-01"}):  # fmt: skip
        assert buyer.post("/decisions/new", {**form, **wrong}).status == 409, wrong
    answer = buyer.post("/decisions/new", form)
    assert answer.status == 303, answer.text
    _, (row,) = rows(buyer, "/decisions.json")
    assert (row["decided"], row["page"], row["by"]) == (form["decided"], "/today?period=today", "a buyer")
    assert row["figures"]["orders"] == 3
    assert row["outcome"] is None
    number = row["number"]
    assert buyer.post(f"/decisions/{number}/outcome", {"csrf": form["csrf"], "outcome": "It earned more"}).status == 303
    assert buyer.post("/decisions/999999/outcome", {"csrf": form["csrf"], "outcome": "x"}).status == 409
    _, (row,) = rows(owner, "/decisions.json?state=done")
    assert (row["outcome"], row["outcome_by"]) == ("It earned more", "a buyer")
    assert rows(owner, "/decisions.json?state=open")[1] == []
    assert owner.get("/decisions?state=foo").status == 400
    assert "Budget of the story ad up by a tenth" in owner.get("/decisions").text


@pytest.mark.process
def test_completeness_by_week(console: Running) -> None:
    """Two orders of this week count, the third is a test; none was accepted, as nobody listens at the platform's port."""
    about, found = rows(console.owner(), "/signal-worth.json")
    weeks = [r for r in found if r["what"] == "week"]
    assert (about["orders"], about["told"]) == (2, 0)
    assert (weeks[-1]["orders"], weeks[-1]["per_100"]) in (
        (2, 0.0),
        (0, None),
    )  # placed a minute before midnight of Monday
    assert all(r["model"] for r in found if r["what"] == "model")
