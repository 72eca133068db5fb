"""A browser walks the demo's shop: the one test of the whole way from a click to a signed packet, and what it costs is worth it.

One demo, one walk that passes, and one by a stricter plan that does not: the demo's thank-you page tells its purchase at each load.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.command_line import invoke
from twofold.acceptance.criteria import CRITERIA, State
from twofold.acceptance.packet.finish import finish, verify
from twofold.acceptance.packet.seal import public_key
from twofold.acceptance.plan import read_plan
from twofold.acceptance.run import About, Run, run_of, start, status, tick
from twofold.acceptance.walk import require_walk, walk
from twofold.config import Settings, load_settings
from twofold.control.owner import on_store
from twofold.control.questions import Note
from twofold.errors import ConfigError

pytestmark = [pytest.mark.browser, pytest.mark.process]
PLAN = Path(__file__).parents[2] / "examples" / "acceptance" / "demo-shop.toml"
DATASET = "1000000000000004"
STAYING = "import sys; from twofold.simulate.demo import run_demo; sys.exit(run_demo(orders=0, scenario=None))"


@pytest.fixture(scope="module")
def demo() -> Iterator[Settings]:
    """The settings of a demo that waits for its user."""
    process = subprocess.Popen(
        [sys.executable, "-c", STAYING], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        env=os.environ | {"COLUMNS": "160", "PYTHONUNBUFFERED": "1"},
    )  # fmt: skip
    assert process.stdout
    try:
        output = ""
        while "Ctrl-C ends" not in output:
            line = process.stdout.readline()
            assert line, output
            output += line
        folder = re.search(r"removes (\S+)\.\s", output)
        assert folder, output
        yield load_settings(Path(folder[1]) / "twofold.toml")
    finally:
        process.terminate()
        process.wait(60)
        process.stdout.close()


def walked(demo: Settings, plan: Path) -> Run:
    now = int(time.time())
    run = start(demo, read_plan(plan), DATASET, About(decision="launch", owner="Nino"), "tester", now)
    walk(demo, run, "tester", None)
    return run_of(Path(demo.server.data), run.code)


def plan_without_witnesses(folder: Path, **changes: str) -> Path:
    text = PLAN.read_text(encoding="utf-8").replace('witnesses = ["meta", "shop", "ga4", "log"]', "")
    for old, new in changes.items():
        assert old in text
        text = text.replace(old, new)
    path = folder / "plan.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_browser_walks_the_demo_to_a_go(demo: Settings, tmp_path: Path, picture: bytes) -> None:
    """Four events, one order, a second load, a refusal; then what only a person can say, and a packet that is proved."""
    facts = {"dataset": DATASET, "event": "Purchase", "sender": "shopify", "person": "", "by": "tester"}
    on_store(demo, Note(kind="event_owner", facts=facts))
    run = walked(demo, plan_without_witnesses(tmp_path))
    assert run.wanted.reload_position is not None
    assert run.wanted.refused_order
    assert run.walked is not None
    assert run.walked.ended == "walked", run.walked
    told = {(c.event, c.platform, c.sender_class.value, urlsplit(c.script).path) for c in run.walked.of("order")}
    names = ("PageView", "ViewContent", "AddToCart", "InitiateCheckout", "Purchase")
    assert told == {(name, "twofold", "tag", "/t/twofold.js") for name in names}
    assert list(run.walked.of("refused")) == []
    before = status(demo, run, int(time.time()))
    (path,) = (c for c in before.criteria if c.name == "path")
    assert [c.name for c in path.checks if c.state is not State.PASSED] == ["seen_there"]  # the walk never ticks that
    tick(demo, run, "test_events", "tester", file=picture)
    tick(demo, run, "gaps", "tester", note="the receiver shows the same four")
    found = status(demo, run_of(Path(demo.server.data), run.code), int(time.time()))
    assert {c.name: c.state for c in found.criteria} == dict.fromkeys(CRITERIA, State.PASSED), found.criteria
    assert found.gathered.order is not None
    assert found.gathered.order.value == "148.00"
    made = finish(demo, found, [], "tester", int(time.time()), good_days=30, into=tmp_path / "out")
    folder = Path(demo.server.data)
    for file in made.files.values():
        assert {p.holds for p in verify(file.read_bytes(), public_key(folder), folder)[0]} == {True}
    assert made.packet["decision"]["word"] == "go"
    (purchase,) = (e for e in made.packet["events"] if e["name"] == "Purchase")
    assert (purchase["browser"], purchase["server"], purchase["merged"]) == (["tag"], ["shopify"], True)
    for event in made.packet["events"]:
        assert {left["state"] for left in event["left"]} == {"delivered"}, event  # not kept back as a robot's
        assert all(left["trace"] for left in event["left"])  # the receiver's number of the request


def test_the_same_shop_by_a_stricter_plan_is_a_stop(demo: Settings, tmp_path: Path) -> None:
    """Its thank-you page tells the purchase again under the same id, which that plan does not allow."""
    run = walked(demo, plan_without_witnesses(tmp_path, **{'again = "same_id"': 'again = "nothing"'}))
    (path,) = (c for c in status(demo, run, int(time.time())).criteria if c.name == "path")
    assert path.state is State.FAILED
    assert [c.said for c in path.checks if c.state is State.FAILED] == ["fired again once, under the same id"]


def test_a_walk_wants_a_plan_that_says_no_money_is_taken(demo: Settings, tmp_path: Path) -> None:
    """And steps, and origins: nothing else is ever opened. The command says it before anything begins."""
    usual = read_plan()
    with pytest.raises(ConfigError, match=r"expected a plan with \[drive\]"):
        require_walk(demo, usual, DATASET)
    for changes, words in (({"test_gateway = true": "test_gateway = false"}, "takes no real money"),):
        with pytest.raises(ConfigError, match=words):
            require_walk(demo, read_plan(plan_without_witnesses(tmp_path, **changes)), DATASET)
    with pytest.raises(ConfigError, match="expected `origins`"):
        require_walk(demo, read_plan(PLAN), "no-such-dataset")
    before = Path(demo.server.data, "acceptance")
    had = sorted(before.iterdir()) if before.exists() else []
    config = Path(demo.server.data).parent / "twofold.toml"
    done = invoke(["accept", "start", "--drive", "--config", str(config)])
    assert isinstance(done.exception, ConfigError)
    assert (sorted(before.iterdir()) if before.exists() else []) == had
