"""(o) The chain at the size of a large shop: one changed day's lives made again, ninety days of a year asked in both views.

Owns how a year of tables is had without a year of events: the last days of it are filled (`bench.scale`) and made by the real
builder; the year's other days are these tables' rows with their times, days and numbers moved. So what is asked has the size and
the shape of the whole; what is made is one day of it, as large as in the whole.
"""

from __future__ import annotations

import os
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
from msgspec.structs import replace

from bench import Row, sized
from bench.scale import DAY_S, DAYS, EVENTS_AN_ORDER, LAST_DAY, SIZES, Tables, fill
from twofold.facts.engine import Analytics, ask_all
from twofold.facts.lives import FOREVER
from twofold.facts.manifest import File, read_manifest, write_manifest
from twofold.facts.tables import BY_NAME
from twofold.reconcile.chain.account import Desk
from twofold.reconcile.chain.margin import Costs
from twofold.reconcile.chain.rows import Link
from twofold.reconcile.chain.told import Asked, period_of
from twofold.reconcile.exchange import Exchange, day_text
from twofold.reconcile.lives.asking import chain_of
from twofold.reconcile.matches.values import Days

FILLED = 3
MODEL = LAST_DAY - 1
"""The day whose rows the others are: its money is on the bank already."""
ASKED_DAYS = sized(90, 3)
_STEP = 100_000_000
_TIMES = frozenset(
    {
        "placed_at",
        "from_at",
        "until_at",
        "confirmed_at",
        "shipped_at",
        "event_time",
        "came_at",
        "happened_at",
        "banked_at",
    }
)
_NUMBERS = frozenset({"order_row", "action"})
_DAYS_OF = frozenset({"since", "since_first", "since_last", "expected", "late_after"})
_SPREAD = ("lives", "life_terms", "buyers", "orders", "purchases", "purchase_deliveries", "settlements", "waiting")


def bench_chain() -> list[Row]:
    """The growth curve: three figures a size."""
    return [row for events in SIZES for row in measured(events)]


def measured(events: int) -> Iterator[Row]:
    with tempfile.TemporaryDirectory(dir=os.environ.get("TWOFOLD_BENCH_FOLDER")) as name:
        folder = Path(name) / "data"
        fill(folder, events, only=FILLED)
        tables = Tables(folder, lives=True)
        tables.build()
        tables.change_one_day()
        began = time.perf_counter()
        built = tables.build()
        again = time.perf_counter() - began
        lives = sum(group == "lives" for group, _ in built.days)
        orders = events // EVENTS_AN_ORDER
        yield Row(name=f"(o) one changed day of {events:,} events made again, lives with it", ratio=again, target=60,
                  at_most=True, unit="s", detail=f"{lives} days of lives reached; {orders // DAYS:,} orders a day")  # fmt: skip
        size = spread(folder)
        for view in ("cohort", "booked"):
            seconds, peak, placed = _asked(folder, view)
            yield Row(name=f"(o) chain, {view} view, {ASKED_DAYS} days of {orders:,} orders", ratio=seconds, target=60,
                      at_most=True, unit="s",
                      detail=f"{placed:,} orders placed; peak of the child {peak} MB; {size:.0f} MB of Parquet")  # fmt: skip


def spread(folder: Path, days: int = DAYS) -> float:
    """The year before the filled days; answers how many MB all of it is."""
    files = folder / "facts"
    manifest = read_manifest(files)
    assert manifest is not None
    known: dict[str, dict[str, File]] = {table: dict(of) for table, of in manifest.files.items()}
    model = day_text(MODEL)
    with duckdb.connect(":memory:") as db:
        for back in range(FILLED, days):
            day = day_text(LAST_DAY - back)
            for name in _SPREAD:
                source = known[name][model]
                path = f"{name}/day={day}/moved.parquet"
                (files / path).parent.mkdir(parents=True, exist_ok=True)
                columns = ", ".join(_moved(c.name, back - 1, LAST_DAY - back) for c in BY_NAME[name].columns)
                db.execute(
                    f"copy (select {columns} from read_parquet('{files / source.path}', hive_partitioning = false)) "
                    f"to '{files / path}' (format parquet, compression zstd)"
                )
                known[name][day] = File(path=path, rows=source.rows, size=(files / path).stat().st_size)
    write_manifest(files, replace(manifest, number=manifest.number + 1, files=known))
    return sum(file.size for of in known.values() for file in of.values()) / 1e6


def _moved(column: str, back: int, day: int) -> str:
    """A column of the model as it would be so many days earlier."""
    text = {"day": day_text(day), "week": period_of("week", day), "month": period_of("month", day)}
    if column in text:
        return f"'{text[column]}' as {column}"
    if column in _TIMES:
        return f"case when {column} >= {FOREVER} then {column} else {column} - {back * DAY_S} end as {column}"
    if column in _DAYS_OF:
        return f"{column} - {back} as {column}"
    if column in _NUMBERS:
        return f"case when {column} > 0 then {column} + {back * _STEP} else {column} - {back * _STEP} end as {column}"
    return column


def _asked(folder: Path, view: str) -> tuple[float, int, int]:
    """Seconds, peak of the asking child in MB, and how many orders were placed."""
    rates = Exchange()
    desk = Desk(rules=Tables.RULES, rates=rates, costs=Costs((), rates), days=Days())
    where = Analytics(data=folder, files=folder / "facts", deadline_s=600)
    as_of = (LAST_DAY + 1) * DAY_S - 1
    asked = Asked(since=day_text(LAST_DAY - ASKED_DAYS + 1), until=day_text(LAST_DAY), as_of=as_of, view=view)
    with Watch() as watch:
        began = time.perf_counter()
        report, _ = chain_of(lambda questions: ask_all(where, questions), asked, desk, None)
        seconds = time.perf_counter() - began
    placed = next(row for row in report.rows if isinstance(row, Link) and row.link == "placed")
    return seconds, watch.peak, placed.count


class Watch:
    """The largest resident size that a child of this process had."""

    def __init__(self) -> None:
        self.peak = 0
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(self, *_: Any) -> None:
        self._end.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._end.wait(0.05):
            for path in Path(f"/proc/self/task/{os.getpid()}/children").read_text().split():
                try:
                    told = Path(f"/proc/{path}/status").read_text()
                except OSError:
                    continue
                self.peak = max(
                    self.peak, *(int(t.split()[1]) // 1024 for t in told.splitlines() if t.startswith("VmHWM")), 0
                )
