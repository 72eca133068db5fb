"""A console beside a data folder that holds some orders and copies."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from running_console import Running, configuration, fill


@pytest.fixture(scope="session")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A configuration whose data folder holds some orders and copies."""
    folder = tmp_path_factory.mktemp("console")
    config = configuration(folder)
    asyncio.run(fill(config))
    return config


@pytest.fixture
def console(filled: Path, process_as_it_was: None) -> Iterator[Running]:
    for rest in (filled.parent / "data").glob("console.db*"):
        rest.unlink()
    running = Running(filled.parent / "data", filled)
    yield running
    running.stop()
