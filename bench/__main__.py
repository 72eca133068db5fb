"""``make bench``: runs every comparison, prints the table, writes it into docs/bench.md. Exit code 1 when a target is missed.

``python -m bench a b`` runs some of them (letters as in the table) and writes nothing.
"""

from __future__ import annotations

import argparse
import importlib
import os
import platform
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from bench import SMALL, Row, processor

BENCHES = {
    "a": ("mapping against the official SDK", "mapping.bench_mapping"),
    "b": ("durable accepts over HTTP (b, c)", "accepts.bench_accepts"),
    "d": ("ten million fold keys", "fold_keys.bench_fold_keys"),
    "e": ("a million pending deliveries", "memory.bench_memory"),
    "g": ("a shop's mix at five million events", "mix.bench_mix"),
    "h": ("normalising and hashing, one event and whole columns (h, i)", "normalising.bench_normalising"),
    "j": ("importing a file of orders", "importing.bench_importing"),
    "l": ("importing lines of money", "lines.bench_lines"),
    "m": ("tables of reports at the size of a large shop", "scale.bench_scale"),
    "n": ("the console beside a gateway under load", "console.bench_console"),
    "o": ("the chain at the size of a large shop", "chain.bench_chain"),
    "p": ("attribution at the size of a large shop, and Markov", "attribution.bench_attribution"),
    "q": ("a store on PostgreSQL against the embedded one", "postgres.bench_postgres"),
    "r": ("instructions of a copy by each door, of a claim and a settlement", "instructions.bench_instructions"),
    "t": ("ten platforms at once", "ten.bench_ten"),
    "k": ("page views at the doors of browsers, and what touches cost", "browsers.bench_browsers"),
}
"""Of each letter what it measures, and the module's function that answers its rows."""
PAGE = Path(__file__).parent.parent / "docs" / "bench.md"
PART = "## One run of `make bench`\n"
"""The heading of what is written there; the rest of the page is kept by hand."""


def main() -> int:
    chosen, small = _chosen(sys.argv[1:])
    if small:
        os.environ[SMALL] = "1"  # before a module of theirs is read
    rows: list[Row] = []
    with Progress(console=Console(stderr=True)) as progress:
        task = progress.add_task("bench", total=len(chosen))
        for letter in chosen:
            progress.update(task, description=BENCHES[letter][0])
            rows += _bench_of(letter)()
            progress.advance(task)
    table = Table("what", "ratio", "target", "verdict", box=None)
    for row in rows:
        table.add_row(row.name, _figure(row, row.ratio), _target(row), _verdict(row))
    Console(width=140).print(table)
    written = len(chosen) == len(BENCHES) and not small
    for row in () if written else rows:
        print(f"{row.name}: {row.detail}." if row.detail else row.name)
    if written:
        PAGE.write_text(page_with(PAGE.read_text(encoding="utf-8"), rows), encoding="utf-8")
    return 0 if small or all(r.met for r in rows) else 1


def _bench_of(letter: str) -> Callable[[], list[Row]]:
    module, _, function = BENCHES[letter][1].partition(".")
    found: Callable[[], list[Row]] = getattr(importlib.import_module(f"bench.{module}"), function)
    return found


def _chosen(words: list[str]) -> tuple[list[str], bool]:
    """The benches that are asked for, all when none is named; and whether in their smallest size. Words that name none are refused
    with the known ones."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=(__doc__ or "").split("\n\n")[1])
    known = ", ".join(f"{letter} ({what})" for letter, (what, _) in BENCHES.items())
    parser.add_argument("bench", nargs="*", metavar="LETTER", help=known)
    parser.add_argument(
        "--small", action="store_true", help="as little of each as runs all of its code; its figures mean nothing"
    )
    given = parser.parse_args(words)
    named: list[str] = given.bench
    unknown = [b for b in named if b not in BENCHES]
    if unknown:
        parser.error(f"unknown: {', '.join(unknown)}; known are {known}")
    return named or list(BENCHES), given.small


def _figure(row: Row, value: float) -> str:
    return f"{value:.0f} {row.unit}" if row.unit else f"{value:.2f}"


def _target(row: Row) -> str:
    return f"{'at most' if row.at_most else 'at least'} {_figure(row, row.target)}"


def _verdict(row: Row) -> str:
    return "met" if row.met else "MISSED"


def page_with(page: str, rows: list[Row]) -> str:
    """The page with these rows in its own part. Raises `ValueError` where it has no such part."""
    before, found, rest = page.partition(PART)
    if not found:
        raise ValueError(f"{PAGE} has no part {PART.strip()!r}")
    _, _, after = rest.partition("\n## ")
    return "\n".join([before + PART, *_part(rows), f"## {after}" if after else ""])


def _part(rows: list[Row]) -> list[str]:
    return [
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


if __name__ == "__main__":
    sys.exit(main())
