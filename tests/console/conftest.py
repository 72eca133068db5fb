"""A console beside a data folder that holds some orders and copies."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from running_console import Running, begun_anew, configuration, fill

from tests.command_line import invoke
from twofold.simulate.world.folder import CONFIG, Written, write_world
from twofold.simulate.world.scenario import DEMO, read_scenario


@pytest.fixture(scope="session")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A configuration whose data folder holds some orders and copies."""
    folder = tmp_path_factory.mktemp("console")
    config = configuration(folder)
    asyncio.run(fill(config))
    return config


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Written:
    """Six weeks of a shop, from its files, by the commands in this process: to start one for each file takes most of the time."""
    folder = tmp_path_factory.mktemp("world") / "w"
    written = write_world(folder, read_scenario(DEMO), date(2026, 11, 28), int(time.time()))
    with contextlib.chdir(written.folder):
        span = ("chain", "--since", written.key["since"], "--until", written.key["until"], "--json")
        for command in (*written.commands, span):
            done = invoke([*command, "--config", CONFIG])
            assert done.exit_code == 0, (command, done.output, done.exception)
    return written


@pytest.fixture
def console(filled: Path) -> Iterator[Running]:
    yield from begun_anew(filled)
