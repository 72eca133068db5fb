"""What the house promises to who works in it: the tools' cures, the maps and the recipes are true."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

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
