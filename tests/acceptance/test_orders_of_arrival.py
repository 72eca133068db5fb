"""The same files in ten orders of arrival, each file twice, with `twofold import` killed in the middle: one report, byte for byte."""

from __future__ import annotations

import os
import random
import re
import signal
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest

from twofold.simulate.world.folder import CONFIG, Written, write_world
from twofold.simulate.world.scenario import read_scenario

WORLD = Path(__file__).parents[1] / "simulate" / "worlds" / "small.toml"
AS_OF = "2026-04-05"
NOW = 1_775_422_800
pytestmark = [pytest.mark.process, pytest.mark.slow]


def twofold(folder: Path, *arguments: str) -> str:
    command = [sys.executable, "-m", "twofold", *arguments, "--config", CONFIG]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, f"{arguments}: {done.stdout[-800:]}{done.stderr[-800:]}"
    return done.stdout


def killed(folder: Path, arguments: tuple[str, ...], after_s: float) -> None:
    """Begun, and ended with -9 wherever it then was; it may have been done."""
    command = [sys.executable, "-m", "twofold", *arguments, "--config", CONFIG]
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        process.wait(after_s)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
        process.wait(30)


def write(folder: Path) -> Written:
    return write_world(folder, read_scenario(WORLD), date(2026, 4, 6), NOW)


def said(world: Written) -> list[str]:
    """Everything that reports say, without when each report came in."""
    whole = ("--since", world.key["since"], "--until", world.key["until"], "--as-of", AS_OF)
    asked = [("chain", *whole, "--json"), ("chain", *whole, "--view", "booked", "--by", "week", "--json")]
    asked += [("day", world.key["since"], "--as-of", AS_OF, "--json")]
    asked += [("orders", "show", order["number"]) for order in world.key["orders"][:3]]
    found = [twofold(world.folder, *one).partition("as it was reported")[0] for one in asked]
    return [re.sub(r'"fetched_at":\d+', '"fetched_at":0', text) for text in found]


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """In the order in which they are written, once, undisturbed."""
    world = write(tmp_path_factory.mktemp("first") / "w")
    for command in world.commands:
        twofold(world.folder, *command)
    return said(world)


@pytest.mark.parametrize("seed", range(10 if os.environ.get("TWOFOLD_LONG") else 1))  # each is a minute
def test_reports_do_not_know_in_which_order_files_came(seed, first, tmp_path):
    draw = random.Random(seed)
    world = write(tmp_path / "w")
    commands = [*world.commands, *world.commands]
    draw.shuffle(commands)
    for command in commands:
        if draw.random() < 0.4:
            killed(world.folder, command, draw.uniform(0.2, 2.0))
        twofold(world.folder, *command)
    assert said(world) == first
