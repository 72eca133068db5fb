"""The pages' sums against a count of everything: at once, in portions, and after what came since."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import Counter
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import apsw
import pytest
from running_console import configuration, fill

from twofold.config import load_settings
from twofold.console.queries.period import Period, at_least, day_at, period_of, said_once
from twofold.console.queries.policies import policy_of
from twofold.console.queries.signal import last_seen
from twofold.console.sums import keeper, stretches, told
from twofold.console.sums.keeper import NotYet, SumsKeeper
from twofold.console.sums.remembered import Remembered
from twofold.report.period import journal_of
from twofold.report.told import Fate, told_orders
from twofold.simulate.world.folder import Written

ZONE = "Asia/Tbilisi"


@pytest.fixture
def in_portions(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small enough that a small shop has many of them."""
    monkeypatch.setattr(stretches, "SIZE", 40)
    monkeypatch.setattr(stretches, "AT_ONCE_S", 60.0)
    monkeypatch.setattr(told, "CHUNK", 7)
    monkeypatch.setattr(keeper, "AT_ONCE_S", 60.0)


def counted(folder: Path, config: Path, period: Period, now: int) -> dict[str, Any]:
    """Everything of the period, order by order and row by row."""
    orders = list(told_orders(folder, policy_of(load_settings(config)), period.since, period.until, now))
    zone = ZoneInfo(ZONE)
    money: dict[tuple[str, str], Decimal] = {}
    for o in orders:
        if o.value is not None:
            money[o.fate.value, o.currency] = money.get((o.fate.value, o.currency), Decimal(0)) + o.value
    with journal_of(folder) as journal:
        span = journal.positions(period.since * 1000, period.until * 1000)
        names = {(r[0], r[1]): r[2:6] for r in journal.run("quality_copies", span)}
        states = {(r[0], r[1]): r[2] for r in journal.run("console_delivery_states", span)}
    return {
        "fates": Counter(o.fate.value for o in orders), "money": money, "rows": [o.row for o in orders],
        "days": Counter((day_at(o.placed_at, zone), o.fate) for o in orders), "names": names, "states": states,
    }  # fmt: skip


def kept(sums: SumsKeeper, period: Period, now: int) -> dict[str, Any]:
    with sums.reading(now, orders=period, events_since=period.first) as s:
        bridge = s.told.bridge(period, None)
        days = s.told.by_day(period, None)
        return {
            "fates": Counter({step.fate.value: step.count for step in bridge.steps}),
            "money": {(step.fate.value, c): a for step in bridge.steps for c, a in step.money},
            "rows": s.told.page(period, None, "", 0, 100_000),
            "days": Counter({(day, fate): n for day, by in days.items() for fate, n in by.items()}),
            "names": s.stretches.names(period.first, period.last), "states": s.stretches.states(period.first, period.last),
        }  # fmt: skip


@pytest.mark.process
@pytest.mark.parametrize("choice", ["2026-10-01..2026-12-31", "2026-11-10..2026-11-12", "28", "2026-11-20..2026-11-20"])
def test_sums_are_what_a_count_of_everything_says(world: Written, in_portions: None, choice: str) -> None:
    """Orders by fate, money to the cent, days, events by side, deliveries by state, the order of the list."""
    now = int(time.time())
    folder = world.folder / "data"
    period = period_of(choice, ZONE, now)
    assert period is not None
    sums = SumsKeeper(folder, policy_of(load_settings(world.config)), ZONE)
    assert kept(sums, period, now) == counted(folder, world.config, period, now)
    sums.close()


@pytest.mark.process
def test_what_comes_is_followed(tmp_path: Path, in_portions: None) -> None:
    """New orders, changed ones, copies of old actions, another day: as if all were counted afresh."""
    config = configuration(tmp_path)
    folder = tmp_path / "data"
    asyncio.run(fill(config))
    now = int(time.time())
    period = period_of("7", ZONE, now)
    assert period is not None
    sums = SumsKeeper(folder, policy_of(load_settings(config)), ZONE)
    first = kept(sums, period, now)
    assert first == counted(folder, config, period, now)
    assert sum(first["fates"].values()) == 3
    asyncio.run(fill(config))  # the same shop tells the same again, and the browser sends the same
    later = now + 31 * 86_400  # what was not paid by then never will be
    time.sleep(0.2)
    sums._follow_at = 0
    assert kept(sums, period, later) == counted(folder, config, period, later)
    assert kept(sums, period, later)["fates"] != first["fates"]
    with sums.reading(later, events_since=period.first) as s:
        lasts = s.stretches.last_positions()
    assert dict(lasts) == {name: position for name, (position, _) in last_copies(folder).items()}
    assert last_seen(folder, lasts) == {name: at for name, (_, at) in last_copies(folder).items()}
    assert last_seen(folder, [(("1001", "Purchase"), 1 << 40)]) == {}  # its copy is not kept any more
    sums.close()


def last_copies(folder: Path) -> dict[tuple[str, str], tuple[int, int]]:
    """The newest action of each event name, asked action by action: position and time (Unix s) of its first copy."""
    db = apsw.Connection(str(folder / "twofold.db"), flags=apsw.SQLITE_OPEN_READONLY)
    sql = "select a.dataset, a.event_name, a.id, e.received_at from action a join event e on e.position = a.id where a.merged_into is null"
    found = {
        (dataset, name): (position, at // 1000) for dataset, name, position, at in db.execute(f"{sql} order by a.id")
    }
    db.close()
    assert len(found) > 1
    return found


@pytest.mark.process
def test_a_page_with_much_to_do_first_says_so(world: Written, monkeypatch: pytest.MonkeyPatch) -> None:
    """And finds it done a moment later: it is made beside, the newest days first."""
    monkeypatch.setattr(stretches, "SIZE", 5)
    monkeypatch.setattr(told, "CHUNK", 3)
    monkeypatch.setattr(keeper, "AT_ONCE_S", 0.0)
    now = int(time.time())
    sums = SumsKeeper(world.folder / "data", policy_of(load_settings(world.config)), ZONE)
    period = period_of("2026-09-01..2026-12-31", ZONE, now)
    assert period is not None
    with pytest.raises(NotYet):
        kept(sums, period, now)
    until = time.monotonic() + 60
    while time.monotonic() < until:
        try:
            found = kept(sums, period, now)
            break
        except NotYet:
            time.sleep(0.05)
    assert found == counted(world.folder / "data", world.config, period, now)
    sums.close()


@pytest.mark.process
def test_fates_are_not_all_alike(world: Written) -> None:
    """What is compared above is more than one kind."""
    now = int(time.time())
    period = period_of("2026-09-01..2026-12-31", ZONE, now)
    assert period is not None
    found = counted(world.folder / "data", world.config, period, now)
    assert {Fate.CANCELLED, Fate.ONLY_FILE} <= set(found["fates"])
    assert len({day for day, _ in found["days"]}) > 20
    assert max(day for day, _ in found["days"]) - min(day for day, _ in found["days"]) > timedelta(days=20)


def test_a_slow_answer_is_given_from_before() -> None:
    """And one that fails says so to who waits, and is asked again."""
    remembered: Remembered[int] = Remembered()
    release = threading.Event()
    release.set()
    asked: list[int] = []

    def work_out() -> int:
        asked.append(len(asked))
        release.wait(60)
        return len(asked)

    assert remembered.ask("q", work_out) == 1
    remembered._known["q"] = remembered._known["q"]._replace(good_until=time.monotonic() - 1)  # no longer good
    release.clear()
    assert remembered.ask("q", work_out) == 1
    release.set()

    def fail() -> int:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        remembered.ask("other", fail)
    assert remembered.ask("other", lambda: 7) == 7


def test_an_older_version_is_given_until_the_next_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """One version is worked out once; another one not before the pause is over, and nobody who has an answer waits long for it."""
    monkeypatch.setattr("twofold.console.sums.remembered.SOON_S", 0.05)
    remembered: Remembered[str] = Remembered()
    release, made = threading.Event(), []

    def of(version: int) -> tuple[str, bool] | None:
        def work_out() -> str:
            release.wait(60)
            made.append(version)
            return f"of {version}"

        return remembered.ask_of("q", version, work_out, 20)

    def past(**moments: float) -> None:
        remembered._known["q"] = remembered._known["q"]._replace(**moments)

    release.set()
    assert of(1) == ("of 1", True)
    past(good_until=0.0)  # the pause is over, and still it is of this version
    assert of(1) == ("of 1", True)
    assert made == [1]
    past(good_until=time.monotonic() + 60)
    assert of(2) == ("of 1", False)  # too soon to be worked out again
    past(good_until=0.0)
    release.clear()
    assert of(2) == ("of 1", False)  # under way
    release.set()
    for _ in range(6_000):
        if made == [1, 2]:
            break
        time.sleep(0.01)
    assert of(2) == ("of 2", True)
    assert made == [1, 2]
    past(made=time.monotonic() - 3_600.0)  # what changes by time alone
    assert of(2) == ("of 2", True)
    assert made == [1, 2, 2]


def test_who_has_no_answer_waits_for_one_and_hears_why_there_is_none() -> None:
    remembered: Remembered[int] = Remembered()

    def fail() -> int:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        remembered.ask_of("q", 1, fail, 20)
    assert remembered.ask_of("q", 1, lambda: 7, 20) == (7, True)
    remembered._known["q"] = remembered._known["q"]._replace(good_until=0.0)
    assert remembered.ask_of("q", 2, fail, 20) == (7, False)  # the one from before stands
    remembered.forget()
    with pytest.raises(ValueError, match="no"):
        remembered.ask_of("q", 2, fail, 20)


@pytest.mark.parametrize(
    ("choice", "zone", "hours"),
    [
        ("2026-03-29..2026-03-29", "Europe/Berlin", 23),  # clocks go forward at two
        ("2026-10-25..2026-10-25", "Europe/Berlin", 25),  # and back at three
        ("2026-10-24..2026-10-26", "Europe/Berlin", 73),
        ("2026-03-29..2026-03-29", "Asia/Tbilisi", 24),
    ],
)
def test_a_day_is_as_long_as_its_clocks_have_it(choice: str, zone: str, hours: int) -> None:
    period = period_of(choice, zone, 1_796_083_200)  # 2026-12-01
    assert period is not None
    assert period.until - period.since == hours * 3_600
    longer = at_least(period, 200)
    assert (longer.first, longer.until) == (period.last - timedelta(days=199), period.until)
    first = longer.first
    assert longer.since == datetime(first.year, first.month, first.day, tzinfo=ZoneInfo(zone)).timestamp()


WAS = "2026-11-24..2026-11-30"


@pytest.mark.parametrize(
    ("form", "once"),
    [
        ({"period": "28", "from": "2026-11-24", "to": "2026-11-30", "was": WAS, "dataset": ""}, {"period": "28"}),
        ({"period": "7", "from": "2026-11-01", "to": "2026-11-10", "was": WAS}, {"period": "2026-11-01..2026-11-10"}),
        ({"period": "7", "from": "", "to": "", "was": WAS, "fate": "test"}, {"period": "7", "fate": "test"}),
        (
            {"period": "7", "from": "", "to": "2026-11-10", "was": WAS},
            {"period": "..2026-11-10"},
        ),  # refused by its reader
        ({"period": "2026-11-01..2026-11-10"}, None),
    ],
)
def test_days_that_were_changed_are_the_period_and_others_are_not(
    form: dict[str, str], once: dict[str, str] | None
) -> None:
    assert said_once(form) == once
