"""Fixtures of tests in several folders, what a test costs, and what to do when its tools are missing."""

from __future__ import annotations

import gc
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from tests.databases import Databases

TESTS = Path(__file__).parent
ROOT = TESTS.parent
NODE_CLIENT = TESTS / "clients" / "node"

# What `make quick` runs: under 30 s on two idle cores, so a file that starts a gateway does not belong here.
QUICK = (
    "event", "matching", "consent", "ledger", "sources", "destinations", "importing/readers",
    "collect/test_answers.py", "collect/test_bots.py", "collect/test_clicks.py", "collect/test_consent_steps.py",
    "collect/test_drop_reasons.py", "collect/test_plain.py", "collect/test_sensitive.py", "collect/test_shortcut.py",
    "deliver/test_redact.py", "deliver/test_retry.py", "report/test_orders_page.py",
    "test_config.py", "test_config_consent.py", "test_docs.py", "test_house.py", "test_imports.py",
)  # fmt: skip
DEAR = (
    "matching/bulk",  # DuckDB is started again and again
    "importing/readers/test_read_tables.py",  # files that unpack without end
    "sources/test_browser_ids.py", "sources/test_signature_corpus.py",  # thousands of rows, of code that seldom changes
)  # fmt: skip
COSTLY = ("browser", "node", "php", "postgres", "service", "slow", "process")

# Tests beside each other keep the machine busy: children that stepped behind all of them would not get their turn.
os.environ.setdefault("TWOFOLD_NICE", "0")


def _roomy_memory() -> Path | None:
    """A file system in memory with room for what tests write beside each other; None where there is none, or too little memory."""
    if not os.access(MEMORY, os.W_OK) or shutil.disk_usage(MEMORY).free < ROOM:
        return None
    rows = dict(line.split(":") for line in Path("/proc/meminfo").read_text().splitlines())
    return MEMORY if int(rows["MemAvailable"].split()[0]) << 10 > 2 * ROOM else None


MEMORY = Path("/dev/shm")
ROOM = 4 << 30
"""Bytes."""

# Every append waits for its flush, thousands of times in a run, while a processor stands idle. What was flushed outlives a killed
# program also in memory; that it outlives a power cut is tried on a disk of its own (`make power-cuts`). TMPDIR chooses otherwise.
if "TMPDIR" not in os.environ and (_memory := _roomy_memory()) is not None:
    os.environ["TMPDIR"] = tempfile.tempdir = str(_memory)

# Without time limits wherever a law is tried: the machine may be slow, and laws are not about speed.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--quick", action="store_true", help="Only what `make quick` runs: pure rooms and cheap tests.")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """With ``--quick`` the other files are not even imported."""
    if not config.getoption("--quick"):
        return None
    path = collection_path.relative_to(TESTS).as_posix()
    wanted = _is_quick(path) or path == "." or any(q.startswith(f"{path}/") for q in QUICK)
    return None if wanted else True


def _is_quick(path: str) -> bool:
    """For the path of a file or folder below `tests`."""

    def within(rooms: tuple[str, ...]) -> bool:
        return any(path == room or path.startswith(f"{room}/") for room in rooms)

    return within(QUICK) and not within(DEAR)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Marks and order by cost: `quick` is what neither starts a process nor needs a browser, Node.js or much time."""
    for item in items:
        path = item.path.relative_to(TESTS).as_posix()
        if _is_quick(path) and not any(map(item.get_closest_marker, COSTLY)):
            item.add_marker("quick")
    if config.getoption("--quick"):
        dear = [item for item in items if item.get_closest_marker("quick") is None]
        config.hook.pytest_deselected(items=dear)
        items[:] = [item for item in items if item not in set(dear)]
    # The files that start servers and browsers first: a run whose last file takes a minute leaves the other processes idle for it.
    costly = {item.path for item in items if any(map(item.get_closest_marker, COSTLY))}
    items.sort(key=lambda item: item.path not in costly)


def pytest_collection_finish() -> None:
    """Twenty thousand tests are half a million objects, which no search for garbage need look at again: it was an eighth of a worker's
    time. What ran as a server in this process brings all back into its sight (`listening.own_process`)."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="module", autouse=True)
def _out_of_sight() -> Iterator[None]:
    """What a file's servers brought back is put away behind it: to ask takes 25 ms, as Python counts by walking along all."""
    yield
    if not gc.get_freeze_count():
        pytest_collection_finish()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """A test whose tool is missing says which and how to get it, before any fixture stumbles over it.

    On a developer's machine it is skipped; where everything has to run (`make test`, a CI), it fails.
    """
    for mark, cure in (
        ("node", node_cure),
        ("browser", browser_cure),
        ("php", php_cure),
        ("postgres", postgres_cure),
        ("service", service_cure),
    ):
        if item.get_closest_marker(mark) is not None and (missing := cure()) is not None:
            if os.environ.get("CI") or os.environ.get("TWOFOLD_RUN_ALL"):
                pytest.fail(missing, pytrace=False)
            pytest.skip(missing)


def node_cure() -> str | None:
    """What to do before tests with Node.js can run; None when they can."""
    if shutil.which("node") is None:
        return "Node.js is missing: run `make system-packages` (or apt-get install nodejs npm), then `make test` once"
    if not (NODE_CLIENT / "node_modules" / "facebook-nodejs-business-sdk").is_dir():
        return (
            f"the packages of the Node.js client are missing: run `make {NODE_CLIENT.relative_to(ROOT)}/node_modules`"
        )
    return None


def browser_cure() -> str | None:
    """What to do before tests with a browser can run; None when they can."""
    if not Path("/usr/bin/chromium").exists():
        return "Chromium is missing: run `make system-packages` (or apt-get install chromium)"
    return None


def php_cure() -> str | None:
    """The same for the plugin's."""
    if shutil.which("php") is None:
        return "PHP is missing: run `make system-packages` (or apt-get install php-cli)"
    if not (TESTS / "plugin" / "wordpress" / "usr").is_dir():
        return "WordPress's files are missing: run `make wordpress`"
    return None


def postgres_cure() -> str | None:
    """The same for tests with a PostgreSQL server of their own."""
    if not list(Path("/usr/lib/postgresql").glob("*/bin/initdb")) and shutil.which("initdb") is None:
        return "PostgreSQL is missing: run `make system-packages` (or apt-get install postgresql)"
    return None


def service_cure() -> str | None:
    """The same for tests of how it is run: behind a proxy, by systemd."""
    missing = [tool for tool in ("nginx", "caddy", "systemd-analyze") if shutil.which(tool, path=PROGRAMS) is None]
    if missing:
        return f"{' and '.join(missing)} missing: run `make system-packages` (or apt-get install nginx-light caddy systemd)"
    return None


PROGRAMS = f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin"
"""Where servers lie that only root usually starts."""


@pytest.fixture(scope="session")
def postgres() -> Iterator[Databases]:
    """One server a process of tests; a database of its own for each folder."""
    from tests.databases import databases

    with databases() as found:
        yield found
