"""Ratios against named peers and limits, in one run: ``make bench``. Never absolute times.

One module a question; each returns `Row`s. `__main__` runs them and writes docs/bench.md.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TypeVar

from msgspec import Struct

SMALL = "TWOFOLD_BENCH_SMALL"
"""Set in the environment of `python -m bench --small` and of its children."""

Size = TypeVar("Size")


def sized(usual: Size, small: Size) -> Size:
    """How much a bench does, or the least with which all of its code is run: that proves that it runs, and measures nothing."""
    return small if os.environ.get(SMALL) else usual


class Row(Struct, frozen=True, kw_only=True):
    """One line of the table. ``at_most`` turns the comparison round; ``detail`` says what was compared."""

    name: str
    ratio: float
    target: float
    at_most: bool = False
    unit: str = ""
    detail: str = ""

    @property
    def met(self) -> bool:
        return self.ratio <= self.target if self.at_most else self.ratio >= self.target


def peak_mb(pid: int) -> float:
    """The most resident memory that a process has had, as the operating system counts it."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM"))) / 1024


def processor() -> str:
    """Which processor this is, and how many cores of it may be used."""
    lines = [line.partition(":") for line in Path("/proc/cpuinfo").read_text().splitlines()]
    told = {name.strip(): value.strip() for name, _, value in lines}
    facts = [told.get("model name", "an unknown processor")]
    facts += [f"{name} {told[key]}" for name, key in (("family", "cpu family"), ("model", "model")) if key in told]
    return f"{', '.join(facts)}, {len(os.sched_getaffinity(0))} cores"
