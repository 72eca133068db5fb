"""Pages of set-up: what is seen is ticked, what is wrong says how it is mended, requests say how many days are left."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest
from running_console import DATASET, Client, Running, configuration, fill

from twofold.collect.doors.seen import SeenPath
from twofold.config import SourceSettings, load_settings
from twofold.console.pages.setup.engine_room import _destination
from twofold.console.pages.setup.rights import DEADLINE_DAYS, _request
from twofold.console.pages.setup.start import _source
from twofold.console.queries.running import Answer
from twofold.control.owner import on_store
from twofold.control.questions import Erase
from twofold.matching.subject import SubjectRequest

DAY = 86_400


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A folder with orders that could not be sent, in which a person was erased."""
    folder = tmp_path_factory.mktemp("setup")
    config = configuration(folder)
    asyncio.run(fill(config))
    settings = load_settings(config)
    on_store(settings, Erase(request=SubjectRequest(dataset=None, kind="erase", external_ids=("nobody",))))
    started = Running(folder / "data", config)
    yield started
    started.stop()


@pytest.fixture(scope="module")
def owner(running: Running) -> Client:
    return running.owner()


def rows(client: Client, path: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    about, *found = [json.loads(line) for line in client.get(path).text.splitlines()]
    return about, found


@pytest.mark.process
def test_the_list_ticks_what_was_seen(owner):
    """No browser came, and the platform never answered, as its port is nobody's. What came last before a clean end is ticked."""
    _, found = rows(owner, "/start.json")
    done = {(r["name"], r["about"]): r["done"] for r in found}
    assert done == {
        ("dataset", ""): True, ("destination", ""): True, ("answers", f"meta-{DATASET}"): False,
        ("writes", f"meta-{DATASET}"): False, ("pixel", ""): False, ("topic", "own:mugs"): True,
        ("joined", ""): False, ("go", ""): False,
    }  # fmt: skip
    assert "The platform answers" in owner.get("/start").text.partition("verdict")[2].partition("</p>")[0]


@pytest.mark.process
def test_a_line_to_paste_works_in_any_folder(owner, running):
    """It names the configuration that the console itself was started with; what writes one cannot."""
    _, found = rows(owner, "/start.json")
    lines = {r["name"]: r["help"] for r in found if r["help"].startswith("twofold ")}
    assert lines["pixel"] == f"twofold snippet theme --config {running.folder.parent / 'twofold.toml'}"
    assert lines.pop("dataset") == lines.pop("destination") == "twofold init"
    assert all(line.endswith("twofold.toml") for line in lines.values())


def test_each_topic_is_a_step_and_a_needed_one_that_never_came_is_open():
    source = SourceSettings(type="shopify", dataset=DATASET, shop="mugs.myshopify.com", secret="x")
    (none,) = _source(source, SeenPath(unsigned=3))
    assert (none.name, none.done, none.page) == ("webhook", False, "/refused?reason=bad_signature")
    found = {
        s.about.rpartition(" ")[2]: (s.done, s.at) for s in _source(source, SeenPath(topics={"orders/create": 5_000}))
    }
    assert found == {"orders/create": (True, 5), "orders/updated": (False, None)}


@pytest.mark.process
def test_the_engine_room_says_what_mends_it(owner):
    _, found = rows(owner, "/engine-room.json")
    states = {r["name"]: r["state"] for r in found}
    assert states["no_gateway"] == "do"
    assert states["paused"] == "do"
    assert states["no_backup"] == "look"
    assert all(r["mend"] for r in found if r["state"] == "do" and r["name"] != "queue")
    assert [r["state"] for r in found] == sorted((r["state"] for r in found), key=("do", "look", "ok").index)


@pytest.mark.process
def test_the_doctor_is_asked_by_a_click(owner):
    """It sends a test event, so reading never asks it; no secret is in what it says."""
    assert "does not run on this data folder" not in owner.get("/engine-room?ask=doctor").text
    said = owner.post("/engine-room/doctor", {"csrf": owner.csrf()})
    assert said.status == 200
    assert "does not run on this data folder" in said.text
    for secret in ("a token", "a-key-of-sixteen-characters", "a-secret-of-sixteen"):
        assert secret not in said.text


@pytest.mark.process
def test_consent_and_requests(owner, running):
    """Every action is in one line of consent; the erasure that waits has its month."""
    _, found = rows(owner, "/rights.json?period=today")
    consent = {r["name"]: r["count"] for r in found if r["what"] == "consent"}
    assert sum(consent.values()) == 5, consent  # two orders' purchases, three events
    (request,) = [r for r in found if r["what"] == "request"]
    assert request["kind"] == "erase"
    assert request["done_at"] is not None or request["days_left"] == DEADLINE_DAYS - 1
    buyer = running.person(owner, "buyer")
    assert buyer.get("/rights").status == 404
    assert buyer.get("/start").status == 200


@pytest.mark.parametrize(
    ("asked_at", "now", "left"), [(0, 0, 30), (0, 1, 29), (0, 30 * DAY, 0), (0, 30 * DAY + 1, -1), (0, 45 * DAY, -15)]
)
def test_the_days_that_are_left(asked_at, now, left):
    """A month from the day it was asked; then it is late."""
    row = _request(("a", "erase", "asked", asked_at * 1000, "command", None, "em", "{}", None), now)
    assert row["days_left"] == left


@pytest.mark.parametrize(
    ("answer", "waiting", "name", "state"),
    [
        ("accepted", None, "accepting", "ok"), ("accepted", ("", 3, 1_000), "accepting", "ok"),
        ("accepted", ("", 3, 600), "overdue", "do"), ("accepted", ("token", 3, 1_000), "paused", "do"),
        ("rejected", None, "refusing", "look"), (None, None, "untried", "look"), (None, ("", 1, 1_000), "untried", "look"),
    ],
)  # fmt: skip
def test_a_destination_s_line(answer, waiting, name, state):
    told = answer and Answer(
        destination="meta", tried_at=900, accepted_at=900, status=200, code="", outcome=answer, note=""
    )
    line = _destination("meta", told, waiting, 1_000)
    assert (line.name, line.state) == (name, state)
    assert bool(line.mend) == (state == "do" or name == "refusing")
