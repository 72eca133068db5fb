"""On which engine lists are kept: the syncing on both, the rest on the embedded one, or all on PostgreSQL with ``TWOFOLD_ENGINE=postgres``."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.databases import chosen_engine

EVERYWHERE = os.environ.get("TWOFOLD_ENGINE") == "postgres"


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Each test once an engine."""
    there = pytest.param("postgres", marks=[pytest.mark.postgres])
    if EVERYWHERE:
        metafunc.parametrize("on_engine", [there], indirect=True)
    elif metafunc.module.__name__.endswith("test_syncing") and not metafunc.definition.get_closest_marker("embedded"):
        metafunc.parametrize("on_engine", ["embedded", there], indirect=True)


@pytest.fixture(autouse=True)
def on_engine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The engine that every folder of this test has."""
    yield from chosen_engine(request, monkeypatch)
