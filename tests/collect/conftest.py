"""Fixtures: gateways that are stopped at the end of the test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from running_gateway import Running


@pytest.fixture(scope="session")
def _one_gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    running = Running(tmp_path_factory.mktemp("gateway") / "data")
    yield running
    running.close()


@pytest.fixture
def gateway(_one_gateway: Running) -> Running:
    """A gateway with default settings, or those of the file's own ``_one_gateway``; shared, so a test looks only at what is new."""
    _one_gateway.forget()
    return _one_gateway


@pytest.fixture
def start_gateway(tmp_path: Path) -> Iterator[Callable[..., Running]]:
    """Starts a gateway with the given settings; all are stopped at the end."""
    started: list[Running] = []

    def start(configuration: dict[str, Any] | None = None, **server: Any) -> Running:
        started.append(Running(tmp_path / f"data{len(started)}", configuration, **server))
        return started[-1]

    yield start
    for running in started:
        running.close()
