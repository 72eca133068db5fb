"""On which engine the tests of the store run: the embedded one, and PostgreSQL for those modules that say enough in a short time,
or for all of them with ``TWOFOLD_ENGINE=postgres`` (`make test-postgres`). What is about a file of the embedded engine stays its own:
whole modules by their names here, one test by the marker ``embedded`` with why.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.databases import chosen_engine

ALSO_ON_POSTGRES = (
    "test_lease_law",
    "test_servers_word",
    "test_parcels_before_orders",
    "test_tellers",
    "test_two_stores",
)
ONLY_ON_POSTGRES = (
    "test_commits_on_postgres",
    "test_late_commits_on_postgres",
    "test_newest_of_several",
    "test_writers_at_once",
)
OWN = (
    "test_altered", "test_arrivals", "test_beside_accepting", "test_bloom_filter", "test_bodies", "test_dead_rows_on_postgres", "test_durable_file", "test_failover_on_postgres", "test_flips", "test_folder",
    "test_gateway_on_postgres", "test_key_plans_on_postgres", "test_migrations", "test_noted", "test_postgres", "test_postgres_forms", "test_rolling_upgrade", "test_several_on_postgres",
    "test_standby_on_postgres", "test_statements",
    "test_vitals_on_postgres", "test_walks_on_postgres", "test_watermark",
)  # fmt: skip


EVERYWHERE = os.environ.get("TWOFOLD_ENGINE") == "postgres"
collect_ignore = [
    f"{name}.py" for name in OWN if EVERYWHERE and "postgres" not in name and name != "test_beside_accepting"
]
"""Those that know no PostgreSQL have run in `make test`."""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Each test once an engine."""
    module = metafunc.module.__name__.rpartition(".")[2]
    if module in ONLY_ON_POSTGRES:
        metafunc.parametrize("on_engine", [pytest.param("postgres", marks=[pytest.mark.postgres])], indirect=True)
        return
    if module in OWN or metafunc.definition.get_closest_marker("embedded"):
        return
    if EVERYWHERE:
        wanted = ["postgres"]
    else:
        wanted = ["embedded", "postgres"] if module in ALSO_ON_POSTGRES else ["embedded"]
    marked = [pytest.param(e, marks=[pytest.mark.postgres]) if e == "postgres" else e for e in wanted]
    metafunc.parametrize("on_engine", marked, indirect=True)


@pytest.fixture(autouse=True)
def on_engine(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The engine that every folder of this test has."""
    yield from chosen_engine(request, monkeypatch)
