"""What the house promises to who works in it: the tools' cures, the maps and the recipes are true."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from twofold import __version__

ROOT = Path(__file__).parents[1]
NODE_TEST = "tests/matching/profiles/test_meta_profiles.py"

# -- a missing tool is named with its cure


def _pytest(test: str, tmp_path: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Runs a test file with a search path on which no tool is."""
    kept = {k: v for k, v in os.environ.items() if k not in ("CI", "TWOFOLD_RUN_ALL", "PYTEST_ADDOPTS")}
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-rs", "-x", "-p", "no:cacheprovider", "-k", "node_tools", test],
        cwd=ROOT, env=kept | {"PATH": str(tmp_path)} | environment, capture_output=True, text=True, timeout=120,
    )  # fmt: skip


@pytest.mark.process
def test_without_node_the_tests_are_skipped_and_say_the_cure(tmp_path: Path) -> None:
    """A developer who ran `make dev` only reads what to run, and not a failed call of node."""
    done = _pytest(NODE_TEST, tmp_path)
    assert done.returncode == 0, done.stdout
    assert "make system-packages" in done.stdout
    assert "CalledProcessError" not in done.stdout


@pytest.mark.process
@pytest.mark.parametrize("where", ["CI", "TWOFOLD_RUN_ALL"])
def test_where_everything_has_to_run_nothing_is_skipped(tmp_path: Path, where: str) -> None:
    """In a CI and under `make test` the same absence is a failure, with the same cure."""
    done = _pytest(NODE_TEST, tmp_path, **{where: "1"})
    assert done.returncode == 1, done.stdout
    assert "make system-packages" in done.stdout


def test_make_test_lets_nothing_be_skipped() -> None:
    """The recipe of `make test`, as make would run it, asks for everything."""
    done = subprocess.run(["make", "--dry-run", "test"], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert "TWOFOLD_RUN_ALL=1 .venv/bin/pytest" in done.stdout


# -- licence and version


def test_the_licence_is_whole_and_named() -> None:
    """The text, its notice and the metadata of the package say the same."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    licence = (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert project["license"] == "Apache-2.0"
    assert all((ROOT / name).is_file() for name in project["license-files"])
    for part in ("Version 2.0, January 2004", "3. Grant of Patent License.", "END OF TERMS AND CONDITIONS"):
        assert part in licence


def test_files_of_others_are_in_the_notice() -> None:
    """A file of the package that carries somebody's copyright line is named in NOTICE."""
    notice = (ROOT / "NOTICE").read_text(encoding="utf-8")
    for path in (ROOT / "twofold").rglob("*"):
        if path.is_file() and path.suffix in (".py", ".js", ".css", ".html", ".sql", ".svg"):
            foreign = re.search(r"copyright \(c\)|©|SPDX-License|@license", path.read_text(encoding="utf-8"), re.I)
            assert not foreign or path.relative_to(ROOT).as_posix() in notice, path


def test_one_version_everywhere() -> None:
    """Package, program, changelog and the table of mended versions."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["version"] == __version__
    assert re.findall(r"^## (\S+)$", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.M)[0] == __version__
    minor = __version__.rpartition(".")[0]
    assert re.search(rf"^\| {re.escape(minor)} \| yes \|$", (ROOT / "SECURITY.md").read_text(encoding="utf-8"), re.M)


# -- the program starts with what it needs


HEAVY = ("apsw", "asyncio", "aiohttp", "duckdb", "jinja2", "msgspec", "phonenumbers", "prometheus_client", "pycountry",
         "rich.table", "starlette", "uvicorn", "twofold.app", "twofold.collect", "twofold.config", "twofold.matching",
         "twofold.report", "twofold.store")  # fmt: skip


def test_the_version_waits_for_nothing() -> None:
    """`twofold version` imports neither the store nor a server nor a reader of files."""
    code = (
        "import sys; from twofold.cli import main; sys.argv = ['twofold', 'version']\n"
        "try: main()\nexcept SystemExit: pass\nprint(*sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60)
    version, modules = done.stdout.splitlines()
    assert version == __version__
    assert set(HEAVY) & set(modules.split()) == set()
