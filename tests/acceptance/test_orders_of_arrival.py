"""The same files in ten orders of arrival, each file twice, with `twofold import` killed in the middle: one report, byte for byte.

Files of every kind: orders of a shop and of chats, spend, GA4, payouts, remittances, parcels, bank statements, rates, costs, survey.
What Meta and GA4 said, the rates and the costs are told anew by a later download, which has no time of its own: of those the later
stays the later, as whoever imports means it (what stands is what was imported last); everything else comes in any order.
"""

from __future__ import annotations

import contextlib
import csv
import io
import json
import os
import random
import re
import signal
import subprocess
import sys
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from msgspec import structs

from tests.command_line import invoke
from twofold.simulate.world.folder import CONFIG, Written, write_world
from twofold.simulate.world.scenario import read_scenario

LONG = bool(os.environ.get("TWOFOLD_LONG"))
WORLD = Path(__file__).parents[1] / "simulate" / "worlds" / "all-at-once.toml"
SIZE = {"days": 28} if LONG else {"days": 16, "orders_per_day": 4}
RESTATED = ("spend", "ga4", "rates", "costs")
HEADS = {"meta-ads.csv": "Day,", "ga4-purchases.csv": "Date,", "costs.csv": "sku,"}
KINDS = {"orders", "spend", "ga4", "payouts", "remittances", "parcels", "bank", "rates", "costs", "survey"}
SECRET = '{"secret":"' + "5a" * 32 + '"}\n'  # one for all folders: names of lines without an id are keyed with it
AS_OF = "2026-04-05"
NOW = 1_775_422_800
pytestmark = [pytest.mark.process, pytest.mark.slow, pytest.mark.timeout(900)]


def twofold(folder: Path, *arguments: str) -> str:
    with contextlib.chdir(folder):
        done = invoke([*arguments, "--config", CONFIG])
    assert done.exit_code == 0, f"{arguments}: {done.output[-1600:]}"
    return done.stdout


def killed(folder: Path, arguments: tuple[str, ...], after_s: float) -> None:
    """Begun, and ended with -9 wherever it then was; it may have been done."""
    command = [sys.executable, "-m", "twofold", *arguments, "--config", CONFIG]
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        process.wait(after_s)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
        process.wait(60)


def write(folder: Path) -> Written:
    told = structs.replace(read_scenario(WORLD), until="2026-04-05", **SIZE)
    world = write_world(folder, told, date(2026, 4, 6), NOW)
    numbers = [order["number"] for order in world.key["orders"]]
    answers = [f"{number},2026-04-0{place},TV," for place, number in enumerate(numbers[:4], 1)]
    (folder / "survey.csv").write_text("\n".join(["order_id,answered_at,answer,detail", *answers]) + "\n")
    (folder / "data").mkdir(mode=0o700)
    (folder / "data" / "erasures").write_text(SECRET)
    (folder / "data" / "erasures").chmod(0o600)
    restated = [restate(folder, command) for command in world.commands if command[1] in RESTATED]
    return structs.replace(world, commands=(*world.commands, ("import", "survey", "survey.csv"), *restated))


def restate(folder: Path, command: tuple[str, ...]) -> tuple[str, ...]:
    """The same download some days later: of every third row the witness says one more, and a tenth more money; of every third day the
    rate is a tenth higher, and of every third cost the amount."""
    *arguments, name = command
    text = (folder / name).read_text(encoding="utf-8")
    if name.endswith(".json"):
        answers = json.loads(text)
        for answer in answers[::3]:
            for rate in answer["currencies"]:
                rate["rate"] = round(rate["rate"] * 1.1, 4)
                rate["rateFormated"] = f"{rate['rate']:.4f}"
        (folder / f"later-{name}").write_text(json.dumps(answers), encoding="utf-8")
        return (*arguments, f"later-{name}")
    head, table = text[: text.index(HEADS[name])], text[text.index(HEADS[name]) :]
    columns, *rows = csv.reader(io.StringIO(table))
    changed = [more(dict(zip(columns, row, strict=True))) if place % 3 == 0 else row for place, row in enumerate(rows)]
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows([columns, *changed])
    (folder / f"later-{name}").write_text(head + out.getvalue(), encoding="utf-8")
    return (*arguments, f"later-{name}")


def more(row: dict[str, str]) -> list[str]:
    for column, value in row.items():
        if value and column.startswith(("Amount spent", "Purchases conversion value", "Purchase revenue", "unit_cost")):
            row[column] = f"{Decimal(value) * Decimal('1.1'):.2f}"
        elif value and column == "Purchases":
            row[column] = str(int(value) + 1)
    return list(row.values())


def arriving(draw: random.Random, commands: Sequence[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """Each twice, in any order, but a witness's later words after its earlier ones."""
    order = [*commands, *commands]
    draw.shuffle(order)
    for kind in RESTATED:
        places = [place for place, command in enumerate(order) if command[1] == kind]
        for place, command in zip(
            places, sorted((order[p] for p in places), key=lambda c: c[-1].startswith("later-")), strict=True
        ):
            order[place] = command
    return order


def said(world: Written) -> list[str]:
    """Everything that reports say, without when each report came in."""
    since, until = world.key["since"], world.key["until"]
    whole = ("--since", since, "--until", until)
    asked = [("chain", *whole, "--as-of", AS_OF), ("chain", *whole, "--as-of", AS_OF, "--by", "method")]
    asked += [("chain", *whole, "--as-of", AS_OF, "--view", "booked", "--by", "week"), ("day", since, "--as-of", AS_OF)]
    asked += [
        ("attribution", *whole, "--by", "source"),
        ("money", "lines", "--limit", "0"),
        ("money", "batches", "--limit", "0"),
    ]
    asked += [("bank", "lines", "--limit", "0"), ("customers",)]
    asked += [("orders", "show", order["number"]) for order in world.key["orders"][:3]]
    return [clean(twofold(world.folder, *one, "--json")) for one in asked]


def clean(text: str) -> str:
    """Without what is of the time of asking, and of each copy when it came in."""
    return re.sub(r'"(fetched_at|received_at|as_of|until)":\d+', r'"\1":0', text)


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """In the order in which they are written, once, undisturbed."""
    world = write(tmp_path_factory.mktemp("first") / "w")
    for command in world.commands:
        twofold(world.folder, *command)
    return said(world)


def test_these_are_files_of_every_kind(tmp_path):
    assert {command[1] for command in write(tmp_path / "w").commands} == KINDS


@pytest.mark.parametrize("seed", range(10 if LONG else 1))  # each is a minute
def test_reports_do_not_know_in_which_order_files_came(seed, first, tmp_path):
    draw = random.Random(seed)
    world = write(tmp_path / "w")
    for command in arriving(draw, world.commands):
        if draw.random() < 0.4:
            killed(world.folder, command, draw.uniform(0.2, 2.0))
        twofold(world.folder, *command)
    assert said(world) == first
