"""``make bench``: runs every comparison, prints the table, writes docs/bench.md. Exit code 1 when a target is missed.

``python -m bench a b`` runs some of them (letters as in the table) and writes nothing.
"""

from __future__ import annotations

import argparse
import platform
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from bench import Row, processor
from bench.accepts import bench_accepts
from bench.attribution import bench_attribution
from bench.browsers import bench_browsers
from bench.chain import bench_chain
from bench.console import bench_console
from bench.fold_keys import bench_fold_keys
from bench.importing import bench_importing
from bench.lines import bench_lines
from bench.mapping import bench_mapping
from bench.memory import bench_memory
from bench.mix import bench_mix
from bench.normalising import bench_normalising
from bench.postgres import bench_postgres
from bench.scale import bench_scale
from bench.ten import bench_ten

BENCHES: dict[str, tuple[str, Callable[[], list[Row]]]] = {
    "a": ("mapping against the official SDK", bench_mapping),
    "b": ("durable accepts over HTTP (b, c)", bench_accepts),
    "d": ("ten million fold keys", bench_fold_keys),
    "e": ("a million pending deliveries", bench_memory),
    "g": ("a shop's mix at five million events", bench_mix),
    "h": ("normalising and hashing, one event and whole columns (h, i)", bench_normalising),
    "j": ("importing a file of orders", bench_importing),
    "l": ("importing lines of money", bench_lines),
    "m": ("tables of reports at the size of a large shop", bench_scale),
    "n": ("the console beside a gateway under load", bench_console),
    "o": ("the chain at the size of a large shop", bench_chain),
    "p": ("attribution at the size of a large shop, and Markov", bench_attribution),
    "q": ("a store on PostgreSQL against the embedded one", bench_postgres),
    "t": ("ten platforms at once", bench_ten),
    "k": ("page views at the doors of browsers, and what touches cost", bench_browsers),
}
PAGE = Path(__file__).parent.parent / "docs" / "bench.md"


def main() -> int:
    chosen = _chosen(sys.argv[1:])
    rows: list[Row] = []
    with Progress(console=Console(stderr=True)) as progress:
        task = progress.add_task("bench", total=len(chosen))
        for letter in chosen:
            progress.update(task, description=BENCHES[letter][0])
            rows += BENCHES[letter][1]()
            progress.advance(task)
    table = Table("what", "ratio", "target", "verdict", box=None)
    for row in rows:
        table.add_row(row.name, _figure(row, row.ratio), _target(row), _verdict(row))
    Console(width=140).print(table)
    for row in rows if len(chosen) < len(BENCHES) else ():
        print(f"{row.name}: {row.detail}." if row.detail else row.name)
    if len(chosen) == len(BENCHES):
        PAGE.write_text(_page(rows), encoding="utf-8")
    return 0 if all(r.met for r in rows) else 1


def _chosen(words: list[str]) -> list[str]:
    """The benches that are asked for, all when none is named. Words that name none are refused with the known ones."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=(__doc__ or "").split("\n\n")[1])
    known = ", ".join(f"{letter} ({what})" for letter, (what, _) in BENCHES.items())
    parser.add_argument("bench", nargs="*", metavar="LETTER", help=known)
    named: list[str] = parser.parse_args(words).bench
    unknown = [b for b in named if b not in BENCHES]
    if unknown:
        parser.error(f"unknown: {', '.join(unknown)}; known are {known}")
    return named or list(BENCHES)


def _figure(row: Row, value: float) -> str:
    return f"{value:.0f} {row.unit}" if row.unit else f"{value:.2f}"


def _target(row: Row) -> str:
    return f"{'at most' if row.at_most else 'at least'} {_figure(row, row.target)}"


def _verdict(row: Row) -> str:
    return "met" if row.met else "MISSED"


def _page(rows: list[Row]) -> str:
    lines = [
        "# Bench",
        "",
        "Ratios of one run of `make bench`, never absolute times: both sides of each comparison run in turn on the "
        "same machine, and medians (for processor time: best rounds) are compared.",
        "",
        f"Last written {datetime.now(UTC):%Y-%m-%d}, Python {platform.python_version()}, {processor()}.",
        "",
        "| what | ratio | target | verdict |",
        "| --- | --- | --- | --- |",
        *(f"| {r.name} | {_figure(r, r.ratio)} | {_target(r)} | {_verdict(r)} |" for r in rows),
        "",
        "What was compared:",
        "",
        *(f"- {r.name}: {r.detail}." for r in rows if r.detail),
        "",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
