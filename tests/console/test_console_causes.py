"""Causes: what goes wrong in a shop is found, as one card a cause, and comes back when it is seen again."""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import date, datetime, timedelta, timezone
from pathlib import Path

import pytest
from markupsafe import escape
from running_console import HOSTILE, OWNERS, Running, trouble

from twofold.config import load_settings
from twofold.control.owner import on_store
from twofold.control.questions import Note
from twofold.report.kept import SENDERS_SEEN
from twofold.router.finding import ACCEPTED_S, Kind, state_of
from twofold.router.rules.left import JUDGED
from twofold.router.words import WORDS
from twofold.sandbox.judge.diagnostics import CATALOGUE
from twofold.senders.kinds import SenderClass
from twofold.senders.observed import BROWSER, Observed, facts_of


@pytest.fixture(scope="module")
def troubled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("trouble")
    config = asyncio.run(trouble(folder))
    running = Running(folder / "data", config)
    yield running
    running.stop()


@pytest.fixture(scope="module")
def owner(troubled: Running):  # type: ignore[no-untyped-def]
    return troubled.owner()


def causes(client) -> dict[str, dict[str, object]]:  # type: ignore[no-untyped-def]
    _, *rows = [json.loads(line) for line in client.get("/what-to-do.json").text.splitlines()]
    return {row["cause"]: row for row in rows}


@pytest.mark.parametrize(
    ("act", "said_at", "last", "now", "state"),
    [
        ("mended", 100, 90, 200, "mended"), ("mended", 100, 100, 200, "mended"), ("mended", 100, 101, 200, "again"),
        ("accepted", 100, 150, 100 + ACCEPTED_S - 1, "accepted"), ("accepted", 100, 50, 100 + ACCEPTED_S, "again"),
        ("open", 100, 50, 200, "open"), ("", 0, 50, 200, "open"),
    ],
)  # fmt: skip
def test_when_a_cause_comes_back(act, said_at, last, now, state):
    """Mended: as soon as it is seen again. Accepted: after its four weeks, whatever was seen."""
    assert state_of(act, said_at, last, now) == state


def test_every_kind_has_words_and_every_finding_is_one_of_the_judge_s():
    assert set(WORDS) == set(Kind)
    assert set(JUDGED) <= set(CATALOGUE)


@pytest.mark.process
def test_the_causes_of_what_went_wrong(owner):
    """Two owners of one event are one card, and so is each reason; `trouble` says what was sent."""
    found = causes(owner)
    assert set(found) == {
        "malformed:missing_value", "not_let_in:bad_key", "webhook_secret:bad_signature",
        "given_up:meta-1001: rejected:100/2804008", "person_unknown",
        "two_owners:InitiateCheckout: plugin-a, plugin-b", "misspelt", "money_unclear", "page_missing",
    }  # fmt: skip
    owners = found["two_owners:InitiateCheckout: plugin-a, plugin-b"]
    assert (owners["events"], owners["of"], owners["when"]) == (OWNERS, 2 * OWNERS, "week")
    assert found["misspelt"]["events"] == 4
    assert found["misspelt"]["marks"] == ["s2s_malformed_standard_event_name"]
    assert found["given_up:meta-1001: rejected:100/2804008"]["when"] == "now"
    assert found["page_missing"]["events"] == 4
    page = owner.get("/what-to-do").text
    assert HOSTILE[:40] not in page  # as text only
    assert escape(HOSTILE[:40]) in page
    for row in found.values():
        assert str(row["not_yet"]).replace("'", "&#39;") in page, row["cause"]
        assert owner.get(str(row["page"])).status == 200, row["page"]


@pytest.mark.process
def test_what_somebody_says_is_in_the_chained_log(owner, troubled):
    """Who may decide says why; the entry carries the name, and the log still follows itself."""
    csrf = owner.csrf()
    form = {"csrf": csrf, "cause": "misspelt", "act": "accepted", "why": ""}
    assert owner.post("/what-to-do/say", form).status == 409
    assert owner.post("/what-to-do/say", {**form, "why": "ask anna@shop.example"}).status == 409
    assert owner.post("/what-to-do/say", {**form, "cause": "nothing:such", "why": "so"}).status == 409
    assert owner.post("/what-to-do/say", {**form, "why": "the old theme goes in May"}).status == 303
    assert causes(owner)["misspelt"]["when"] == "accepted"
    assert "the old theme goes in May" in owner.get("/what-to-do").text
    assert owner.post("/what-to-do/say", {**form, "cause": "money_unclear", "act": "mended"}).status == 303
    assert "money_unclear" not in causes(owner)
    done = subprocess.run(
        [sys.executable, "-m", "twofold", "verify", "--config", str(troubled.config)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout
    assert '"by":"nino"' in raw_log(troubled.folder)


def raw_log(folder: Path) -> str:
    import apsw

    db = apsw.Connection(str(folder / "twofold.db"), flags=apsw.SQLITE_OPEN_READONLY)
    return " ".join(facts for (facts,) in db.execute("select facts from audit"))


@pytest.mark.process
def test_each_sender_s_cell(owner):
    """Counts as they were sent, how ids are made by their looks, who meets whom; and who owns the event, once said."""
    _, *rows = [json.loads(line) for line in owner.get("/senders.json").text.splitlines()]
    cells = {(r["event_name"], r["sender"]): r for r in rows}
    assert cells["InitiateCheckout", "plugin-b"]["copies"] == OWNERS
    assert cells["InitiateCheckout", "plugin-b"]["id_scheme"] == "number"
    assert cells["InitiateCheckout", "plugin-a"]["id_scheme"] == "other text"
    assert {name for name, r in cells.items() if r["has_rival"]} == {
        ("InitiateCheckout", "plugin-a"), ("InitiateCheckout", "plugin-b"),
    }  # fmt: skip
    form = {"csrf": owner.csrf(), "event": "1001/InitiateCheckout", "sender": "plugin-a", "person": "the shop's team"}
    assert owner.post("/senders/owner", {**form, "person": "anna@shop.example"}).status == 409
    assert owner.post("/senders/owner", form).status == 303
    _, *rows = [json.loads(line) for line in owner.get("/senders.json").text.splitlines()]
    primary = {(r["event_name"], r["sender"]): (r["primary"], r["person"]) for r in rows}
    assert primary["InitiateCheckout", "plugin-a"] == (True, "the shop's team")
    assert primary["InitiateCheckout", "plugin-b"] == (False, "the shop's team")
    _, *copies = [
        json.loads(line) for line in owner.get("/senders/copies.json?event=Lead&sender=crm").text.splitlines()
    ]
    assert [c["event_id"] for c in copies] == ["lead3", "lead2", "lead1", "lead0"]


@pytest.mark.process
def test_names_that_nobody_declared_stand_beside_their_senders(owner):
    """`trouble` sends a misspelt event, one of a hostile name and a property of its own, four times each; in Georgian, too."""
    table = owner.get("/senders").text.partition("Names that nobody declared")[2].partition("</table>")[0]
    rows = [" ".join(re.sub(r"<[^>]+>", " ", row).split()) for row in table.split("<tr>")[2:]]
    assert [re.split(r" \d+ [A-Z][a-z]+ ", row)[0] for row in rows] == [
        f"{escape(HOSTILE[:40])} event 4 0 –", "grade property of Lead 4 0 number 4", "Viewcontent event 4 0 –",
    ]  # fmt: skip
    said = owner.get("/senders", accept_language="ka").text
    assert "სახელები, რომლებიც არავის გამოუცხადებია" in said
    assert "რიცხვი 4" in said


@pytest.mark.process
def test_match_quality_by_event_and_key(owner):
    """Of the checkouts half carry the e-mail: one of two senders does. The platform's figure stands beside, as typed."""
    _, *rows = [json.loads(line) for line in owner.get("/match-quality.json").text.splitlines()]
    keys = {(r["event_name"], r["key"]): r for r in rows}
    row = keys["InitiateCheckout", "em"]
    assert (row["events"], row["present"], row["lacking"]) == (2 * OWNERS, 50.0, {"plugin-b (server)": 0.0})
    assert row["gain"] > 0
    assert keys["InitiateCheckout", "client_ip_address"]["present"] == 100.0
    form = {"csrf": owner.csrf(), "event": "1001/InitiateCheckout", "figure": "6,3", "day": date.today().isoformat()}
    for wrong in (
        {"figure": "11"},
        {"figure": "10.5"},
        {"figure": "6.25"},
        {"day": "2999-01-01"},
        {"event": "Purchase"},
    ):
        assert owner.post("/match-quality/figure", {**form, **wrong}).status == 409, wrong
    assert owner.post("/match-quality/figure", form).status == 303
    page = owner.get("/match-quality?event=1001/InitiateCheckout").text
    assert "6.3" in page
    assert "plugin-b (server)" in page
    # Weeks begin on Mondays of the shop's zone, four hours ahead of UTC, as on every page that counts by week.
    there = datetime.now(timezone(timedelta(hours=4))).date()
    monday = date.fromordinal(there.toordinal() - there.weekday())
    weeks = re.findall(r'<tr><th scope="row">(\d+ \w+ \d{4})</th>', page)
    assert weeks[-1] == f"{monday.day} {monday.strftime('%b')} {monday.year}"
    said = owner.get("/match-quality?event=1001/InitiateCheckout", accept_language="ka").text
    assert "plugin-b (სერვერი)" in said
    assert "plugin-b (server)" not in said
    _, *rows = [json.loads(line) for line in owner.get("/match-quality.json").text.splitlines()]
    assert {r["platform_figure"] for r in rows if r["event_name"] == "InitiateCheckout"} == {"6.3"}


@pytest.mark.process
def test_one_action_says_where_everything_came_from(owner, troubled):
    """Copies, keys by copy, the answer; bodies and payloads only for who may see them."""
    number = int(str(causes(owner)["person_unknown"]["page"]).rpartition("/")[2])
    about, *rows = [json.loads(line) for line in owner.get(f"/actions/{number}.json").text.splitlines()]
    assert about["event_name"] == "Lead"
    assert {r["what"] for r in rows} == {"copy", "key", "delivery", "attempt"}
    assert {(r["key"], r["from"]) for r in rows if r["what"] == "key"} == {
        ("client_ip_address", "crm"), ("client_user_agent", "crm"),
    }  # fmt: skip
    assert "93.184.216.34" in owner.get(f"/actions/{number}").text
    buyer = troubled.person(owner, "buyer")
    seen = buyer.get(f"/actions/{number}")
    assert seen.status == 200
    assert "93.184.216.34" not in seen.text
    for path in ("/actions/0", "/actions/99999999", "/actions/x"):
        assert owner.get(path).status == 404, path


@pytest.mark.process
def test_what_pages_showed_stands_beside_and_what_is_seen_can_be_expected(owner, troubled):
    """Before somebody says so nothing is expected; afterwards all that was seen is, and a later stranger is not."""
    settings = load_settings(troubled.config)

    def look(sender: str) -> None:
        seen = Observed(side=BROWSER, platform="meta", account="1001", event="Lead", sender=sender, count=1, id_given=True,
                        sender_class=SenderClass.THEME_APP, first_seen=int(time.time()), last_seen=int(time.time()))  # fmt: skip
        on_store(settings, Note(kind=SENDERS_SEEN, facts=facts_of([seen])))

    look("https://app.example/first.js")
    assert "https://app.example/first.js" in owner.get("/senders").text
    _, *rows = [json.loads(line) for line in owner.get("/senders.json").text.splitlines()]
    assert {r["expected"] for r in rows} == {None}
    assert {(r["sender"], r["class"], r["responsible"]) for r in rows} >= {("plugin-a", "sdk", "technical owner")}
    assert owner.post("/senders/expect", {"csrf": owner.csrf()}).status == 303
    _, *rows = [json.loads(line) for line in owner.get("/senders.json").text.splitlines()]
    assert {r["expected"] for r in rows} == {True}
    assert "not expected" not in owner.get("/senders").text
    look("https://app.example/second.js")
    page = owner.get("/senders?dataset=1001").text  # what was asked a moment ago is remembered
    assert page.count("not expected") == 1
    assert "https://app.example/second.js" in page
