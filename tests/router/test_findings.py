"""The rules over worlds whose faults are known: the planted one stands first, and a clean shop has nothing to do.

A handful of worlds, each another rule; `make router` measures all of them. What is planted is written by the simulated shop,
which shares nothing with the rules.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from pathlib import Path

import pytest
from msgspec.structs import replace

from twofold.commands.router.planted import NAMED_BY, false_alarms, judge
from twofold.commands.router.signal_world import play
from twofold.config import load_settings
from twofold.policies import router_task
from twofold.router.consequences import FOLLOWS
from twofold.router.finding import Finding, Kind
from twofold.router.limits import LIMITS
from twofold.router.review import review
from twofold.router.task import ask, standing
from twofold.router.words import EVIDENCE, SYMPTOM_OF, SYMPTOMS, WORDS
from twofold.simulate.signal.scenario import Fault, FaultKind, SignalScenario, Trade

UNTIL_S = 1_795_824_000  # 2026-11-28
pytestmark = pytest.mark.process


def found_in(folder: Path, *faults: Fault, seed: int = 5) -> list[Finding]:
    config = asyncio.run(play(SignalScenario(seed=seed, faults=faults), folder, UNTIL_S * 1000))
    return ask(replace(router_task(load_settings(config), UNTIL_S), tested=False))


def test_a_clean_shop_has_nothing_to_do(tmp_path):
    """And its two weeks are alike."""
    assert [f.key for f in found_in(tmp_path)] == []
    task = router_task(load_settings(tmp_path / "twofold.toml"), UNTIL_S)
    figures = {f.name: f for f in review(task.data, task.policy_of, UNTIL_S)}
    assert figures["senders"].now == figures["senders"].before == 2  # the tag, the shop's webhooks
    assert figures["copies_late"].now == figures["values_wrong"].now == 0
    assert {f.state for f in figures.values()} <= {"same", "better"}, figures


# Rules that read something of their own; the rest is of the same kind.
CHOSEN = (
    FaultKind.BLOCKED, FaultKind.NO_SERVER, FaultKind.ORDER_NUMBERS, FaultKind.TOKEN_DEAD, FaultKind.IDS_ANEW, FaultKind.ZONE,
    FaultKind.CLOCK,
)  # fmt: skip
PAIRS = (
    (FaultKind.CLICK_STRIPPED, FaultKind.TAX), (FaultKind.BUTTON, FaultKind.NO_SERVER), (FaultKind.RELOADS, FaultKind.TEST_ORDERS),
    (FaultKind.TOKEN_ENDS, FaultKind.RESTATES),
)  # fmt: skip


@pytest.mark.parametrize("kind", CHOSEN)
def test_what_was_planted_stands_first(kind, tmp_path):
    found = found_in(tmp_path, Fault(kind=kind, day=9))
    assert judge([kind], found)[0].first, [f.key for f in found]
    assert false_alarms([kind], found) == []
    assert {name for f in found for name, _ in f.evidence} <= set(EVIDENCE)


def test_a_few_damaged_clicks_are_found_among_many_events_without_one(tmp_path):
    """In the last two days, of two clicks in five: less than a twentieth of what left, and an eighth of what left with a click."""
    kind = FaultKind.CLICK_LOWERED
    found = found_in(tmp_path, Fault(kind=kind, day=12, share=0.4), seed=60105)
    assert judge([kind], found)[0].first, [f.key for f in found]


@pytest.mark.parametrize("trade", [Trade.LEADS, Trade.PHONE, Trade.CHATS])
def test_a_clean_shop_of_another_trade_has_nothing_to_do(trade, tmp_path):
    """Forms without money that a CRM tells a minute later, orders by phone, orders of chats that no page has seen."""
    told = SignalScenario(seed=5, trade=trade, orders_per_day=10, lookers=0.5)
    config = asyncio.run(play(told, tmp_path, UNTIL_S * 1000))
    found = ask(replace(router_task(load_settings(config), UNTIL_S), tested=False))
    assert [f.key for f in found] == []


@pytest.mark.parametrize("kinds", PAIRS, ids=" and ".join)
def test_two_faults_are_both_named(kinds, tmp_path):
    """And the command ranks and explains them as the rules do."""
    found = found_in(tmp_path, *(Fault(kind=k, day=9) for k in kinds))
    assert all(j.first for j in judge(kinds, found)), [f.key for f in found]
    assert false_alarms(kinds, found) == []


def run(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "twofold", *words], capture_output=True, text=True)


def test_a_consequence_stands_behind_its_cause_and_the_commands_say_so(tmp_path):
    """Webhooks signed with another secret: no server tells Purchases, and browsers' are kept back; one is to be mended."""
    found = found_in(tmp_path, Fault(kind=FaultKind.SECRET, day=9))
    assert [f.kind for f in found if not f.because] == [Kind.WEBHOOK_SECRET]
    behind = {f.kind: f.because for f in found if f.because}
    assert {Kind.NO_SERVER, Kind.KEPT_BACK} <= set(behind)
    assert set(behind.values()) <= {f.key for f in found}
    assert [one.name for one in standing(found)] == [found[0].key]
    config = str(tmp_path / "twofold.toml")
    # The commands ask as of now, when this world is long over: what stays is what has no time of its own.
    out = run("why", "browser-without-server", "--json", "--config", config)
    about, *rows = [json.loads(line) for line in out.stdout.splitlines()]
    assert (about["command"], out.returncode) == ("why", 0)
    assert [row["rank"] for row in rows] == list(range(1, len(rows) + 1))
    assert run("why", "nothing-such", "--config", config).returncode == 2
    weekly = run("review", "--json", "--config", config)
    figures = {row["name"]: row for row in map(json.loads, weekly.stdout.splitlines()) if row["row"] == "figure"}
    assert (figures["purchases_merged"]["now"], figures["purchases_merged"]["state"], weekly.returncode) == (
        "0.0",
        "worse",
        1,
    )
    held = run("status", "--json", "--config", config)
    _, flag, *lines = [json.loads(line) for line in held.stdout.splitlines()]
    assert (flag["name"], flag["state"], held.returncode) == ("freeze", *(("standing", 1) if lines else ("clear", 0)))


def test_every_kind_has_its_words_limits_and_symptom():
    assert set(WORDS) == set(LIMITS) == set(SYMPTOM_OF) == set(Kind)
    assert sum(map(len, SYMPTOMS.values())) == len(Kind)
    assert set(NAMED_BY) == set(FaultKind)


def test_no_two_kinds_follow_from_each_other():
    pairs = {(cause, effect) for cause, effects in FOLLOWS.items() for effect in effects if cause is not effect}
    assert not [(a, b) for a, b in pairs if (b, a) in pairs]
