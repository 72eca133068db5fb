"""Each bench runs, in its smallest size: what it measures is not looked at, only that it still measures.

A process each, as a bench starts gateways and reads its sizes when it is loaded.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from bench import Row
from bench.__main__ import BENCHES, PAGE, PART, page_with

ROOT = Path(__file__).parents[1]
LETTERS = [pytest.param(letter, marks=[pytest.mark.postgres] if letter == "q" else []) for letter in BENCHES]


@pytest.mark.process
@pytest.mark.timeout(900)
@pytest.mark.parametrize("letter", LETTERS)
def test_a_bench_runs(letter: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "bench", "--small", letter], cwd=ROOT, capture_output=True, text=True, timeout=850
    )
    assert done.returncode == 0, done.stderr
    assert f"({letter})" in done.stdout, done.stderr


def test_a_run_writes_its_own_part_of_the_page() -> None:
    """What is kept by hand on the page stays."""
    page = PAGE.read_text(encoding="utf-8")
    rows = [Row(name="(z) one thing", ratio=2.0, target=1.0, detail="one against one")]
    before, _, rest = page.partition(PART)
    told = page_with(page, rows)
    assert told.startswith(before + PART)
    assert "| (z) one thing | 2.00 | at least 1.00 | met |" in told
    assert told.endswith(rest[rest.index("\n## ") :])
    assert page_with(told, rows) == told
