"""(n) The console beside a gateway under load: what pages take, what the gateway loses by ten people who look and one report.

``python -m bench.console FOLDER`` measures a folder that `bench.scale` filled (a gateway then writes into it); ``python -m bench n``
fills two sizes itself (``TWOFOLD_LONG=1``: ten million events as the larger one) and compares them: a page costs the rows it shows, so it takes as long at the larger one. Tables of reports
are made before, as a gateway makes them by the way. Pages are measured with the gateway at half its full load, each event a request of its
own. What it loses is measured at that load and at its full one, which asks more; in turn with nobody looking.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import http.client
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import msgspec

from bench import Row, sized
from bench.accepts import CONFIG, CONNECTIONS, process
from bench.scale import LAST_DAY, _day, fill
from twofold.clock import now_ms
from twofold.config import Settings, load_settings
from twofold.control.tables import make_tables
from twofold.policies import open_store

SIZES = sized((100_000, 10_000_000 if os.environ.get("TWOFOLD_LONG") else 1_000_000), (200, 400))
DAYS = sized(90, 5)
EVENTS_AN_ORDER = 20  # ten million events have half a million orders
PEOPLE, EACH_S = sized(10, 2), sized(5.0, 0.5)
LOAD_S = sized(4.0, 0.3)
ROUNDS, LOOK_S = sized((2, 5), (1, 1)), sized((15.0, 40.0), (0.3, 0.3))  # at each of the sizes


def span(shorter: int = 0) -> str:
    """The period, without so many of its last days."""
    return f"period={_day(LAST_DAY - DAYS + 1)}..{_day(LAST_DAY - shorter)}"


SPAN = span()
_LISTS = (f"/today?{SPAN}", "/today", f"/orders?{SPAN}", f"/orders?{SPAN}&fate=accepted&after=5000", f"/events?{SPAN}",
         f"/deliveries?{SPAN}", f"/deliveries?{SPAN}&name=Purchase", "/deliveries/given-up", "/live", "/refused", "/imports", "/what-to-do",
         "/senders", "/decisions", "/audiences", "/rights")  # fmt: skip
LISTS = _LISTS[: sized(len(_LISTS), 2)]
MATCHING = "/matching"
"""A list that reads the whole ledger: it stands in a line of its own."""


def charts(shorter: int) -> tuple[str, ...]:
    """Pages with a chart, or with figures that a process of its own works out. ``shorter``: of a period that nobody asked for before."""
    pages = (f"/chain?{span(shorter)}", f"/chain?view=booked&by=month&{span(shorter)}", f"/day?day={_day(LAST_DAY - 7 - shorter)}",
            f"/today?{span(shorter)}", f"/campaigns?{span(shorter)}", "/customers", "/cash", "/match-quality", "/signal-worth")  # fmt: skip
    return pages[: sized(len(pages), 2)]


PASSWORD = "four words are easy"


class Looker:
    """Somebody who is logged in."""

    def __init__(self, address: str, link: str) -> None:
        self._host = urlsplit(address).netloc
        form = urlencode({"name": "nino", "password": PASSWORD})
        answer, _ = self._ask("POST", urlsplit(link).path, form)
        self._cookie = (answer.getheader("set-cookie") or "").partition(";")[0]

    def get(self, path: str) -> tuple[int, float, int]:
        """Status, seconds, bytes over the wire (head and body)."""
        began = time.perf_counter()
        answer, body = self._ask("GET", f"/console{path}")
        return (
            answer.status,
            time.perf_counter() - began,
            len(body) + sum(len(k) + len(v) + 4 for k, v in answer.getheaders()),
        )

    def _ask(self, method: str, path: str, form: str | None = None) -> tuple[http.client.HTTPResponse, bytes]:
        connection = http.client.HTTPConnection(self._host, timeout=120)
        headers = {"cookie": getattr(self, "_cookie", ""), "content-type": "application/x-www-form-urlencoded"}
        connection.request(method, path, form, headers)
        answer = connection.getresponse()
        body = answer.read()
        connection.close()
        return answer, body


def _tell(made: int, of: int) -> None:
    """At ten million events the tables take a quarter of an hour: whoever waits sees that they come."""
    if of > 1 and made % 30 == 0:
        print(f"tables: {made} of {of} days", file=sys.stderr, flush=True)


def catch_up(settings: Settings) -> None:
    """What a gateway does by the way as events come, for a folder that was filled without one: the index of words, whose browsers
    Purchases were told by, paths of orders. Beside the measurement it would take a fifth of a processor for a quarter of an hour."""

    async def run() -> None:
        store = open_store(settings, now_ms(), on_failure=_fail)
        store.start()
        store.page_check.stop()
        at = now_ms()
        while await store.transact(lambda _e: store.signs.keep_leads(at)):
            pass
        while await store.transact(lambda _e: store.signs.list_some() | store.paths.settle(at)):
            pass
        while await store.index_words():
            pass
        await store.close()

    asyncio.run(run())


def _fail(error: BaseException) -> None:
    raise error


def processor_s(process: int) -> float:
    """What a process has taken of the processors, with what its children took that have ended."""
    told = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, told[11:15])) / os.sysconf("SC_CLK_TCK")


class Both(msgspec.Struct, frozen=True, kw_only=True):
    """A gateway and a console on one folder. ``url``: where events go. ``gateway``, ``console``: their processes' numbers."""

    url: str
    looker: Looker
    config: Path
    data: Path
    gateway: int
    console: int


@contextlib.contextmanager
def both(data: Path) -> Iterator[Both]:
    """A gateway and a console on a data folder, whose tables are made."""
    for rest in data.glob("console.db*"):
        rest.unlink()
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "twofold.toml"
        config.write_text(CONFIG.replace("max_queue = 100000", "max_queue = 1000000") + "\n[console]\nport = 0\n")
        settings = load_settings(config, data=str(data))
        catch_up(settings)
        make_tables(settings, _tell)
        bare = Path(folder) / "gateway.toml"  # with a table [console] it would start one of its own
        bare.write_text(config.read_text().partition("[console]")[0])
        serve = [sys.executable, "-m", "twofold", "serve", "--config", str(bare), "--data", str(data)]
        with process(serve, "twofold listening on ") as (address, gateway):
            command = [
                sys.executable,
                "-m",
                "twofold",
                "console",
                "--config",
                str(config),
                "--data",
                str(data),
                "--json",
            ]
            console = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
            try:
                assert console.stdout is not None
                told = json.loads(console.stdout.readline())
                yield Both(
                    url=f"{address}/v25.0/1/events?access_token=bench-key-0123456789", looker=Looker(told["address"], told["link"]),
                    config=bare, data=data, gateway=gateway.pid, console=console.pid,
                )  # fmt: skip
            finally:
                console.terminate()
                console.wait(20)


class Looking:
    """Ten people, each with a page each five seconds, until told to stop."""

    def __init__(self, looker: Looker, paths: Sequence[str]) -> None:
        self._looker, self._paths = looker, paths
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._run, args=(n,), daemon=True) for n in range(PEOPLE)]
        self.took: list[tuple[str, float]] = []
        self.failed: list[tuple[str, int]] = []

    def __enter__(self) -> Looking:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    def _run(self, person: int) -> None:
        number = person
        due = time.perf_counter() + person * EACH_S / PEOPLE
        while not self._over.wait(max(0.0, due - time.perf_counter())):
            path = self._paths[number % len(self._paths)]
            status, seconds, _ = self._looker.get(path)
            self.took.append((path, seconds))
            if status != 200:
                self.failed.append((path, status))
            number += PEOPLE + 1
            due = max(due + EACH_S, time.perf_counter())

    def of(self, paths: Sequence[str]) -> list[float]:
        """Seconds of these pages."""
        return [seconds for path, seconds in self.took if path in paths]


def load(url: str, rate: float | None = None, seconds: float = LOAD_S) -> tuple[float, float]:
    """Events answered a second, as many as it can or at a rate; with a rate also ms until 95 of 100 were answered."""
    command = [sys.executable, "-m", "bench.load", url, str(CONNECTIONS), str(seconds), "view"]
    command += [str(rate)] if rate is not None else []
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    found = [float(word) for word in done.stdout.split()]
    return found[0], found[-1]


@contextlib.contextmanager
def loaded(url: str, rate: float) -> Iterator[None]:
    """Events at this rate, as long as the block lasts."""
    command = [sys.executable, "-m", "bench.load", url, str(CONNECTIONS), "3600", "view", str(rate)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        yield
        if process.poll() is not None:
            raise RuntimeError(f"the load ended before the measurement, with status {process.returncode}")
    finally:
        process.terminate()
        process.wait(20)


def at_percent(values: Sequence[float], percent: int) -> float:
    return sorted(values)[min(len(values) - 1, len(values) * percent // 100)]


class Reporting:
    """A report that is asked again and again, by the command, until it is told to stop."""

    def __init__(self, config: Path, data: Path) -> None:
        span = ["--since", _day(LAST_DAY - DAYS + 1), "--until", _day(LAST_DAY)]
        self._command = [
            sys.executable,
            "-m",
            "twofold",
            "chain",
            *span,
            "--config",
            str(config),
            "--data",
            str(data),
            "--json",
        ]
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.asked = 0

    def __enter__(self) -> Reporting:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._over.is_set():
            subprocess.run(self._command, check=True, capture_output=True)
            self.asked += 1


class Loss(msgspec.Struct, frozen=True, kw_only=True):
    """Accepts with people and a report, over accepts with nobody; ms until 95 of 100 were answered, and µs of a processor that the
    gateway took for one, with nobody and with them."""

    ratio: float
    alone_ms: float
    looked_at_ms: float
    alone_us: float
    looked_at_us: float
    reports: int


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    ready_s: float
    lists_ms: list[float]
    slowest: dict[str, float]  # of each list the median, in ms: the slowest first
    processor_ms: float  # of the console's own process for a page of lists
    first: dict[str, list[float]]  # seconds by page, of who asks first
    again: dict[str, list[float]]  # of who asks next
    matching_ms: float
    half: Loss
    full: Loss
    wire_kb: float
    rate: float


def measure(data: Path, rounds: int = 5, look_s: float = 40.0) -> Measured:
    """All figures of one folder."""
    with both(data) as one:
        looker = one.looker
        began = time.perf_counter()
        while looker.get(LISTS[0])[0] != 200:
            time.sleep(0.2)
        ready = time.perf_counter() - began
        for path in (*LISTS, *charts(0)):
            looker.get(path)
        wire = first_page(looker)
        rate = statistics.median(load(one.url)[0] for _ in range(3))
        half = lost(one, rounds, rate / 2)
        full = lost(one, rounds, None)
        with loaded(one.url, rate / 2):
            before = processor_s(one.console)
            with Looking(looker, LISTS) as looking:
                time.sleep(look_s)
            spent = processor_s(one.console) - before
            first, again = asked(looker, rounds)
            matching = looker.get(MATCHING)[1]
        if looking.failed:
            raise RuntimeError(f"pages failed: {looking.failed[:5]}")
    return Measured(
        ready_s=ready, lists_ms=[1000 * s for s in looking.of(LISTS)], slowest=_slowest(looking.took),
        processor_ms=1000 * spent / max(len(looking.took), 1), first=first, again=again, matching_ms=1000 * matching,
        half=half, full=full, wire_kb=wire / 1000, rate=rate,
    )  # fmt: skip


def _slowest(took: Sequence[tuple[str, float]]) -> dict[str, float]:
    medians = {path: 1000 * statistics.median(s for p, s in took if p == path) for path in {p for p, _ in took}}
    return dict(sorted(medians.items(), key=lambda pair: -pair[1]))


def lost(one: Both, rounds: int, rate: float | None) -> Loss:
    """What the gateway loses by ten people, who look at all kinds of pages, and one report after another."""
    ratios, alone, looked_at, reports = [], [], [], 0
    for _ in range(rounds):
        alone.append(_accepts(one, rate))
        with Looking(one.looker, (*LISTS, *charts(0))), Reporting(one.config, one.data) as reporting:
            looked_at.append(_accepts(one, rate))
        ratios.append(looked_at[-1][0] / alone[-1][0])
        reports += reporting.asked
    _, alone_ms, alone_us = map(statistics.median, zip(*alone, strict=True))
    _, looked_at_ms, looked_at_us = map(statistics.median, zip(*looked_at, strict=True))
    return Loss(
        ratio=statistics.median(ratios), alone_ms=alone_ms, looked_at_ms=looked_at_ms, alone_us=alone_us, looked_at_us=looked_at_us,
        reports=reports,
    )  # fmt: skip


def _accepts(one: Both, rate: float | None) -> tuple[float, float, float]:
    """Events a second, ms until 95 of 100 were answered, µs of a processor of the gateway's own for each."""
    before = _own_s(one.gateway)
    found, ms = load(one.url, rate)
    return found, ms, 1e6 * (_own_s(one.gateway) - before) / (found * LOAD_S)


def _own_s(process: int) -> float:
    """What a process has taken of the processors, without its children."""
    told = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, told[11:13])) / os.sysconf("SC_CLK_TCK")


def asked(looker: Looker, rounds: int) -> tuple[dict[str, list[float]], dict[str, list[float]]]:
    """Seconds of each page with a chart for who asks for a period first, and for who asks next; one that is refused counts as what it
    took."""
    first: dict[str, list[float]] = {}
    again: dict[str, list[float]] = {}
    for turn in range(1, rounds + 1):
        for usual, path in zip(charts(0), charts(turn), strict=True):
            for found in (first, again):
                found.setdefault(usual, []).append(looker.get(path)[1])
    return first, again


def first_page(looker: Looker) -> int:
    """Bytes of Today and of what it loads."""
    total = looker.get("/today")[2]
    return total + sum(looker.get(f"/static/{name}")[2] for name in ("console.css", "console.js", "icon.svg"))


def bench_console() -> list[Row]:
    """Two sizes of one shop; the larger one's figures, and how they grew."""
    found: dict[int, Measured] = {}
    for events, rounds, look_s in zip(SIZES, ROUNDS, LOOK_S, strict=True):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name) / "data"
            fill(folder, events, DAYS, each=EVENTS_AN_ORDER)
            found[events] = measure(folder, rounds, look_s)
    small, large = found[SIZES[0]], found[SIZES[1]]
    return rows_of(
        large,
        f"{SIZES[1]:,} events, {SIZES[1] // EVENTS_AN_ORDER:,} orders over {DAYS} days; at {SIZES[0]:,} events lists "
        f"{at_percent(small.lists_ms, 95):.0f} ms, charts {1000 * _charts(small):.0f} ms",
    )


def _named(slowest: dict[str, float]) -> str:
    return ", ".join(f"{path.replace(SPAN, '90 days')} {ms:.0f} ms" for path, ms in list(slowest.items())[:3])


def _charts(one: Measured) -> float:
    times = [s for found in (one.first, one.again) for seconds in found.values() for s in seconds]
    return at_percent(times, 95)


def rows_of(one: Measured, size: str) -> list[Row]:
    """The figures with their targets."""
    medians = ", ".join(
        f"{path.partition('?')[0]} {statistics.median(one.first[path]):.1f} and {statistics.median(one.again[path]):.1f}"
        for path in one.first
    )
    of = "ten people with a page each five seconds and one report after another, against nobody; in turn, medians"
    half, full = (
        f"{loss.looked_at_us:.0f} us of the gateway's processor for one, with nobody {loss.alone_us:.0f}"
        for loss in (one.half, one.full)
    )
    return [
        Row(name="(n) Today and lists at half load, 95th percentile", ratio=at_percent(one.lists_ms, 95), target=300, at_most=True, unit="ms",
            detail=f"{size}; {len(one.lists_ms)} pages of {len(LISTS)}, median {statistics.median(one.lists_ms):.0f} ms, the slowest "
                   f"{max(one.lists_ms):.0f} ms; by the median the slowest are {_named(one.slowest)}; the console's own process takes "
                   f"{one.processor_ms:.0f} ms of a processor a page; sums made in {one.ready_s:.0f} s after the start"),
        Row(name="(n) pages with a chart at half load, 95th percentile", ratio=1000 * _charts(one), target=2000, at_most=True, unit="ms",
            detail=f"each period asked first and again; medians in s: {medians}"),
        Row(name="(n) Matching at half load, asked once", ratio=one.matching_ms, target=300, at_most=True, unit="ms",
            detail="which money waits is asked of the tables, and what is shown is matched"),
        Row(name="(n) accepts at half load, while people look", ratio=one.half.ratio, target=0.95,
            detail=f"{of}; {one.half.reports} reports; 95 of 100 answered within {one.half.looked_at_ms:.1f} ms, with nobody "
                   f"{one.half.alone_ms:.1f} ms; {half}"),
        Row(name="(n) accepts at full load, while people look", ratio=one.full.ratio, target=0.95,
            detail=f"{of}; {one.full.reports} reports; the target is of half load, this asks more; {full}"),
        Row(name="(n) Today over the wire, with what it loads", ratio=one.wire_kb, target=150, at_most=True, unit="kB",
            detail="a first visit, nothing kept, nothing packed"),
    ]  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.console", description=(__doc__ or "").split("\n\n")[1])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--rounds", type=int, default=5, help="of each comparison, and of each chart")
    parser.add_argument("--look", type=float, default=40.0, help="seconds in which ten people look at lists")
    given = parser.parse_args()
    for row in rows_of(measure(given.folder, given.rounds, given.look), str(given.folder)):
        print(
            f"{row.name}: {row.ratio:.2f} {row.unit}, target {row.target:g}: {'met' if row.met else 'MISSED'}\n    {row.detail}"
        )


if __name__ == "__main__":
    main()
