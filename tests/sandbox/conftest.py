"""Fixtures: sandboxes that are stopped at the end of the test."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from running_sandbox import Running

from twofold.sandbox.server import SandboxSettings


@pytest.fixture
def start_sandbox() -> Iterator[Callable[..., Running]]:
    """Starts a sandbox with the given settings; all are stopped at the end."""
    started: list[Running] = []

    def start(**settings: object) -> Running:
        started.append(Running(SandboxSettings(port=0, **settings)))
        return started[-1]

    yield start
    for running in started:
        running.close()


@pytest.fixture(scope="session")
def one_sandbox() -> Iterator[Running]:
    running = Running(SandboxSettings(port=0))
    yield running
    running.close()


@pytest.fixture
def sandbox(one_sandbox: Running) -> Running:
    """An empty sandbox with default settings and its clock at the start; shared, because stopping takes a while."""
    one_sandbox.reset()
    return one_sandbox
