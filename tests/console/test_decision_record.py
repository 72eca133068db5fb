"""Decisions by command and page are one record: figures with role, link and window, what was known to be wrong, what became of it."""

from __future__ import annotations

import json
import time
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.command_line import invoke
from twofold.acceptance.decision import (
    Figure,
    OpenFinding,
    decide,
    decisions,
    facts_of,
    rests_on,
    row_of,
    tally,
    what_became,
)  # fmt: skip
from twofold.commands.reconcile.chain import start_of
from twofold.config import Settings, load_settings
from twofold.control.owner import on_store
from twofold.control.questions import Note
from twofold.errors import ConfigError
from twofold.router.finding import Kind
from twofold.router.words import WORDS
from twofold.simulate.world.folder import Written

NOON = start_of("2026-11-28", UTC) + 43_200


@pytest.fixture(scope="module")
def settings(world: Written) -> Settings:
    return load_settings(world.config)


def figure(name: str, value: str) -> Figure:
    return Figure(name=name, value=value, role="", link="")


@pytest.mark.parametrize(
    ("values", "link"),
    [
        ({}, ""), ({"claimed_value": "10", "placed": "0"}, "signalled"), ({"claimed_value": "10", "placed": "5"}, "placed"),
        ({"placed": "5", "delivered": "4", "true": "0.00", "banked": "0"}, "delivered"), ({"true": "3", "banked": "2"}, "banked"),
    ],
)  # fmt: skip
def test_what_a_decision_rests_on(values: dict[str, str], link: str) -> None:
    """The furthest link that had money in it."""
    assert rests_on([figure(n, v) for n, v in values.items()]) == link


@pytest.mark.process
def test_a_decision_keeps_its_campaign_s_figures(world: Written, settings: Settings) -> None:
    """They are those that `twofold attribution` gives for the same days; each with role, link, window and moment."""
    asked = ["--since", "2026-10-31", "--until", "2026-11-27", "--json", "--config", str(world.config)]
    rows = [json.loads(line) for line in invoke(["attribution", *asked]).output.splitlines()]
    row = next(r for r in rows if r["row"] == "attribution" and r["claimed_value"] and not r["mark"])
    before = len(decisions(Path(settings.server.data), NOON))
    made = decide(
        settings, "raise it by 20 %", "giorgi", NOON, campaign=row["group"], owner="Nino", review="2026-12-26",
    )  # fmt: skip
    told = {f.name: f for f in made.figures}
    for name in ("claimed_value", "placed", "delivered", "banked", "spend"):
        assert Decimal(told[name].value) == Decimal(row[name]), name
    assert {(f.since, f.until, f.as_of) for f in made.figures} == {("2026-10-31", "2026-11-27", NOON)}
    assert (told["claimed_value"].role, told["claimed_value"].link) == ("signal", "signalled")
    assert (told["banked"].role, told["banked"].link) == ("truth", "banked")
    assert (made.on, made.role) == ("banked", "truth")
    assert (made.owner, made.by, made.due) == ("Nino", "giorgi", False)
    with pytest.raises(ConfigError, match="expected one of 2026-10-31 to 2026-11-27"):
        decide(settings, "stop it", "giorgi", NOON, campaign="no such campaign")
    with pytest.raises(ConfigError, match="a day of the next two years"):
        decide(settings, "stop it", "giorgi", NOON, review="2020-01-01")
    with pytest.raises(ConfigError, match="expected a link of which direct has a figure, got signalled"):
        decide(settings, "stop it", "giorgi", NOON, campaign="direct", on="signalled")  # no platform claims it
    with pytest.raises(ConfigError, match="without e-mail addresses"):
        decide(settings, "ask nino@shop.example", "giorgi", NOON)
    assert len(decisions(Path(settings.server.data), NOON)) == before + 1  # what is refused leaves nothing
    later = what_became(settings, made, NOON + 86_400)
    assert {f.name: f.value for f in later} == {f.name: f.value for f in made.figures} | {}


@pytest.mark.process
def test_what_is_due_comes_back_and_all_are_counted(world: Written, settings: Settings) -> None:
    """On its day beside the same figures; the last line says on what decisions rest."""
    today = datetime.now(UTC).date()
    facts: dict[str, Any] = {
        "decided": "on the claim alone",
        "review": (today - timedelta(days=1)).isoformat(),
        "by": "x",
        "on": "signalled",
    }
    on_store(settings, Note(kind="decision", facts=facts))
    on_store(
        settings,
        Note(kind="decision", facts={"decided": "an old entry of the page", "by": "x", "review": "", "page": "/today"}),
    )
    found = decisions(Path(settings.server.data), int(time.time()))
    assert [d.due for d in found if d.what == "on the claim alone"] == [True]
    counts = tally(found)
    assert sum(counts.values()) == len(found)
    assert (counts["signal"], counts["none"]) == (1, 1)
    done = invoke(["decisions", "--json", "--config", str(world.config)])
    rows = [json.loads(line) for line in done.output.splitlines()]
    assert [r["row"] for r in rows] == ["about", *["decision"] * len(found), "sum"]
    assert {k: rows[-1][k] for k in counts} == counts
    tomorrow = (date.today() + timedelta(days=2)).isoformat()
    done = invoke(["decisions", "--since", tomorrow, "--config", str(world.config)])
    assert done.output.startswith("0 decisions: 0 on the signal"), done.output


def test_a_name_that_two_campaigns_have_is_nobody_s() -> None:
    """Two platforms may call a campaign alike: its id says which; an id is taken before a name."""
    rows = [
        {"id": "11", "group": "Spring", "platform": "meta", "mark": ""},
        {"id": "22", "group": "Spring", "platform": "google_ads", "mark": ""},
        {"id": "Spring", "group": "Autumn", "platform": "tiktok", "mark": "by_name"},
        {"id": "none", "group": "Winter", "platform": "", "mark": "no_tag"},
    ]
    assert row_of("22", rows, "May")["platform"] == "google_ads"
    assert row_of("Spring", rows, "May")["platform"] == "tiktok"
    with pytest.raises(ConfigError, match=r"expected the id of one \(11 at meta, 22 at google_ads\)"):
        row_of("Spring", rows[:2], "May")
    with pytest.raises(ConfigError, match=r'expected one of May \("Spring"\), got Winter'):
        row_of("Winter", rows, "May")


@pytest.mark.process
def test_people_read_on_what_it_rests(world: Written, settings: Settings) -> None:
    """Signal and truth stand apart, money with its currency; what was known to be wrong is told again each time."""
    said = WORDS[Kind.NOT_MEETING]
    facts = facts_of(
        "raise it again", "", "x", campaign="Spring", on="banked", findings=[OpenFinding(key="k", title=said.title, not_yet=said.not_yet)],
        figures=[figure_of("claimed_count", "37", "signal", ""), figure_of("banked", "2057.14", "truth", "EUR"),
                 figure_of("banked_roas", "3.6679", "truth", "")],
    )  # fmt: skip
    on_store(settings, Note(kind="decision", facts=facts))
    told = invoke(["decisions", "--config", str(world.config)]).output
    assert "Spring: rests on banked money (truth)" in told
    assert "then, 2026-11-01 to 2026-11-28, as of 2026-11-28 01:00:00 Europe/Berlin" in told
    assert "signal: claimed purchases 37\n" in told
    assert "truth: banked 2,057.14 EUR, banked return 3.67\n" in told
    assert f"was open then: {said.title}. Not yet: {said.not_yet}" in told
    rows = [
        json.loads(line) for line in invoke(["decisions", "--json", "--config", str(world.config)]).output.splitlines()
    ]
    (kept,) = (r for r in rows if r.get("what") == "raise it again")
    assert [f["unit"] for f in kept["figures"]] == ["", "EUR", ""]


def figure_of(name: str, value: str, role: str, unit: str) -> Figure:
    as_of = start_of("2026-11-28", UTC)
    return Figure(
        name=name, value=value, role=role, link="", unit=unit, since="2026-11-01", until="2026-11-28", as_of=as_of
    )
