"""Each bench runs, in its smallest size: what it measures is not looked at, only that it still measures.

A process each, as a bench starts gateways and reads its sizes when it is loaded.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from bench.__main__ import BENCHES

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
