"""(p) Attribution at the size of a large shop: every rule model by campaign and day of a year's orders; and Markov against a library.

Owns the paths: the orders are those of the chain's bench (`bench.chain`), each with one to five touches of twelve channels' worth of
sources, drawn by a hash of its number, in files as the builder writes them. The library is channelattribution (C++, GPL-3), which is
installed for the bench only, into an environment of its own; where it cannot be had, its place says so.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Iterator
from pathlib import Path
from random import Random

import duckdb
import msgspec
from msgspec.structs import replace

from bench import Row, sized
from bench.chain import FILLED, Watch, spread
from bench.scale import DAY_S, DAYS, EVENTS_AN_ORDER, LAST_DAY, SIZES, Tables, fill
from twofold.attribution.markov import Outcome, markov
from twofold.attribution.reading import credits_asked, days_asked, parts_of
from twofold.attribution.table import RULE_MODELS, Asked
from twofold.facts.engine import Analytics, ask_all
from twofold.facts.manifest import File, read_manifest, write_manifest
from twofold.facts.tables import BY_NAME
from twofold.reconcile.exchange import day_text

PATHS, CHANNELS = sized(100_000, 100), 12
LIBRARY = "channelattribution==2.2.5"
_CAMPAIGNS = 200
_LIBRARY_RUN = """
import sys, time, json, pandas, ChannelAttribution
data = pandas.DataFrame(json.load(open(sys.argv[1])), columns=["path", "won", "none"])
began = time.perf_counter()
found = ChannelAttribution.markov_model(data, "path", "won", var_null="none", order=1, seed=1, verbose=False, flg_pro=False)
print(time.perf_counter() - began)
"""


def bench_attribution() -> list[Row]:
    """The growth curve, then Markov."""
    return [*(row for events in SIZES for row in measured(events)), *markov_rows()]


def measured(events: int) -> Iterator[Row]:
    with tempfile.TemporaryDirectory(dir=os.environ.get("TWOFOLD_BENCH_FOLDER")) as name:
        folder = Path(name) / "data"
        fill(folder, events, only=FILLED)
        Tables(folder, lives=True).build()
        spread(folder)
        touches = _paths(folder)
        where = Analytics(data=folder, files=folder / "facts", deadline_s=900)
        asked = Asked(since=day_text(LAST_DAY - DAYS + 1), until=day_text(LAST_DAY), currency="EUR", click_days=30)
        as_of = LAST_DAY * DAY_S + DAY_S - 1
        with Watch() as watch:
            began = time.perf_counter()
            (days,) = ask_all(where, [days_asked(asked, as_of)])
            parts = parts_of(asked, days.rows)
            questions = credits_asked(asked, sorted(RULE_MODELS), as_of, "credits_by_day", parts)
            rows = sum(len(answer.rows) for answer in ask_all(where, questions))
            seconds = time.perf_counter() - began
        yield Row(
            name=f"(p) {len(RULE_MODELS)} rule models by campaign and day, a year of {events // EVENTS_AN_ORDER:,} orders", ratio=seconds,
            target=60, at_most=True, unit="s",
            detail=f"{touches:,} touches; {rows:,} rows answered; peak of the child {watch.peak} MB of 2,048",
        )  # fmt: skip


def _paths(folder: Path) -> int:
    """A file of paths a day, from its orders; and a row of spend a campaign on the first."""
    files = folder / "facts"
    manifest = read_manifest(files)
    assert manifest is not None
    known = {table: dict(of) for table, of in manifest.files.items()}
    touches = 0
    with duckdb.connect(":memory:") as db:
        for day, buyers in known["buyers"].items():
            path = f"paths/day={day}/drawn.parquet"
            (files / path).parent.mkdir(parents=True, exist_ok=True)
            columns = ", ".join(_column(c.name, c.type) for c in BY_NAME["paths"].columns)
            (rows,) = db.execute(
                f"copy (select {columns} from (select l.day, l.dataset, l.order_row, l.placed_at, t.place, hash(l.order_row * 7 + t.place) as h, "
                f"cast((1 + hash(l.order_row) % 5 - t.place) * 86400 as bigint) as age from read_parquet('{files / buyers.path}', "
                "hive_partitioning = false) as l, range(5) as t(place) where t.place <= hash(l.order_row) % 5) order by order_row, place) "
                f"to '{files / path}' (format parquet, compression zstd)"
            ).fetchone()  # type: ignore[misc]
            known.setdefault("paths", {})[day] = File(path=path, rows=rows, size=(files / path).stat().st_size)
            touches += rows
    write_manifest(files, replace(manifest, number=manifest.number + 1, files=known))
    return touches


def _column(name: str, kind: str) -> str:
    """Of a touch: three of four are paid, on Meta or Google, one is direct or an e-mail's."""
    paid = "h % 4 <> 0"
    told = {
        "day": "day", "dataset": "dataset", "order_row": "order_row", "place": "place", "age": "age", "happened_at": "placed_at - age",
        "touch_day": "day", "kind": "'visit'", "source_of": f"case when {paid} then 'facebook' else 'mail' end",
        "channel": f"case when h % 4 = 1 then 'paid_search' when {paid} then 'paid_social' when h % 8 = 0 then 'direct' else 'email' end",
        "platform": f"case when h % 4 = 1 then 'google' when {paid} then 'meta' else '' end", "paid": paid,
        "campaign_id": f"case when {paid} then cast(120000 + h % {_CAMPAIGNS} as text) else '' end",
    }  # fmt: skip
    nothing = {"text": "''", "bigint": "0", "boolean": "false"}.get(kind, "null")
    return f"cast({told.get(name, nothing)} as {kind}) as {name}"


# -- Markov


def markov_rows() -> list[Row]:
    """Ours and the library's time over the same paths, in this run."""
    random = Random(1)
    names = [chr(97 + n) for n in range(CHANNELS)]
    paths: dict[tuple[str, ...], Outcome] = {}
    while len(paths) < PATHS:
        path = tuple(random.choices(names, k=random.randint(2, 9)))
        paths[path] = Outcome(random.randint(0, 3), random.randint(0, 9))
    times = []
    for _ in range(3):
        began = time.perf_counter()
        found = markov(paths)  # type: ignore[arg-type]
        times.append(time.perf_counter() - began)
    assert abs(sum(found.shares.values()) - 1) < 1e-9
    theirs = _of_library(paths)
    what = f"{PATHS:,} paths of {CHANNELS} channels; ours {min(times):.2f} s, an exact solution"
    if theirs is None:
        return [Row(name="(p) Markov", ratio=min(times), target=float("inf"), at_most=True, unit="s",
                    detail=f"{what}; {LIBRARY} could not be installed, so nothing was compared")]  # fmt: skip
    return [Row(name="(p) Markov against channelattribution, times its time", ratio=min(times) / theirs, target=2, at_most=True,
                detail=f"{what}; theirs {theirs:.2f} s, a simulation")]  # fmt: skip


def _of_library(paths: dict[tuple[str, ...], Outcome]) -> float | None:
    """Its best of three, in seconds; None where it cannot be installed."""
    with tempfile.TemporaryDirectory() as name:
        home, data = Path(os.environ.get("TWOFOLD_BENCH_LIBRARY") or Path(name) / "library"), Path(name) / "paths.json"
        python = home / "bin" / "python"
        if not python.exists() and sized(False, True):
            return None
        if not python.exists():
            venv.create(home, with_pip=True)
            command = [str(python), "-m", "pip", "install", "-q", LIBRARY, "pandas", "matplotlib"]
            if subprocess.run(command, capture_output=True, check=False).returncode:
                return None
        data.write_bytes(msgspec.json.encode([[" > ".join(path), *found] for path, found in paths.items()]))
        times = []
        for _ in range(3):
            done = subprocess.run([python, "-c", _LIBRARY_RUN, str(data)], capture_output=True, check=False, text=True)
            if done.returncode:
                print(done.stderr[-500:], file=sys.stderr)
                return None
            times.append(float(done.stdout.split()[-1]))
        return min(times)
