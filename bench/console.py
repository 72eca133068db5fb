"""(n) The console beside a gateway under load: what pages take, what the gateway loses by ten people who look and one report.

``python -m bench.console FOLDER`` measures a folder that `bench.scale` filled (a gateway then writes into it); ``python -m bench n``
fills two sizes itself and compares them: a page costs the rows it shows, so it takes as long at the larger one. Tables of reports
are made before, as a gateway makes them by the way.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import re
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

from bench import Row
from bench.accepts import CONFIG, CONNECTIONS, process
from bench.purchase import view
from bench.scale import LAST_DAY, _day, fill
from twofold.config import load_settings
from twofold.control.tables import make_tables

SIZES = (200_000, 1_000_000)
DAYS = 90
EVENTS_AN_ORDER = 20  # ten million events have half a million orders
PEOPLE, EACH_S = 10, 5.0
ROUNDS, LOAD_S, LOOK_S = 5, 4.0, 30.0
SPAN = f"period={_day(LAST_DAY - DAYS + 1)}..{_day(LAST_DAY)}"
LISTS = (f"/today?{SPAN}", "/today", f"/orders?{SPAN}", f"/orders?{SPAN}&fate=accepted&after=5000", f"/events?{SPAN}",
         f"/deliveries?{SPAN}", f"/deliveries?{SPAN}&name=Purchase", "/live", "/refused")  # fmt: skip
CHARTS = (f"/chain?{SPAN}", f"/chain?view=booked&by=month&{SPAN}", f"/day?day={_day(LAST_DAY - 7)}", f"/today?{SPAN}", "/deliveries",
          f"/campaigns?{SPAN}", "/customers", "/cash")  # fmt: skip
"""Pages with a chart, or with figures that a process of its own works out."""
CHART_ROUNDS = 5
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


@contextlib.contextmanager
def both(data: Path) -> Iterator[tuple[str, Looker, Path]]:
    """A gateway and a console on a data folder: where events go, somebody who looks, and the configuration of both."""
    for rest in data.glob("console.db*"):
        rest.unlink()
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "twofold.toml"
        config.write_text(CONFIG.replace("max_queue = 100000", "max_queue = 1000000") + "\n[console]\nport = 0\n")
        make_tables(load_settings(config, data=str(data)))
        bare = Path(folder) / "gateway.toml"  # with a table [console] it would start one of its own
        bare.write_text(config.read_text().partition("[console]")[0])
        serve = [sys.executable, "-m", "twofold", "serve", "--config", str(bare), "--data", str(data)]
        with process(serve, "twofold listening on ") as (address, _):
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
                yield (
                    f"{address}/v25.0/1/events?access_token=bench-key-0123456789",
                    Looker(told["address"], told["link"]),
                    bare,
                )
            finally:
                console.terminate()
                console.wait(20)


class Looking(threading.Thread):
    """Ten people, a page each five seconds, until told to stop."""

    def __init__(self, looker: Looker, paths: Sequence[str] = LISTS) -> None:
        super().__init__(daemon=True)
        self._looker, self._paths = looker, paths
        self._over = threading.Event()
        self.took: list[float] = []
        self.failed: list[tuple[str, int]] = []

    def run(self) -> None:
        number = 0
        while not self._over.is_set():
            began = time.perf_counter()
            path = self._paths[number % len(self._paths)]
            status, seconds, _ = self._looker.get(path)
            self.took.append(seconds)
            if status != 200:
                self.failed.append((path, status))
            number += 1
            self._over.wait(max(0.0, EACH_S / PEOPLE - (time.perf_counter() - began)))

    def stop(self) -> None:
        self._over.set()
        self.join()


def full_load(url: str, seconds: float = LOAD_S) -> float:
    command = [sys.executable, "-m", "bench.load", url, str(CONNECTIONS), str(seconds), "view"]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def paced(url: str, rate: float, over: threading.Event) -> None:
    """Events at this rate, a request each tenth of a second."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=60)
    number = time.time_ns()
    while not over.wait(0.1):
        events = [view(str(number + n)) for n in range(max(1, min(900, int(rate / 10))))]
        number += len(events)
        connection.request(
            "POST",
            f"{parts.path}?{parts.query}",
            msgspec.json.encode({"data": events}),
            {"content-type": "application/json"},
        )
        connection.getresponse().read()


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


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    ready_s: float
    p95_ms: float
    worst_ms: float
    charts_p95_s: float
    charts: dict[str, float]  # page to the median of its seconds
    reports: int
    ratio: float
    wire_kb: float
    pages: int
    rate: float


def measure(data: Path) -> Measured:
    """All figures of one folder."""
    with both(data) as (url, looker, config):
        began = time.perf_counter()
        while looker.get(LISTS[0])[0] != 200:
            time.sleep(0.2)
        ready = time.perf_counter() - began
        for path in LISTS:
            looker.get(path)
        wire = first_page(looker)
        alone, looked_at, reports = [], [], 0
        for turn in range(2 * ROUNDS):
            if turn % 2 == 0:
                alone.append(full_load(url))
                continue
            looking = Looking(looker)
            looking.start()
            with Reporting(config, data) as reporting:
                looked_at.append(full_load(url))
            looking.stop()
            reports += reporting.asked
        rate = statistics.median(alone)
        over = threading.Event()
        sender = threading.Thread(target=paced, args=(url, rate / 2, over), daemon=True)
        sender.start()
        looking = Looking(looker)
        looking.start()
        time.sleep(LOOK_S)
        looking.stop()
        charts = timed(looker, CHARTS)
        over.set()
        sender.join()
        if looking.failed:
            raise RuntimeError(f"pages failed: {looking.failed[:5]}")
    ratio = statistics.median(b / a for a, b in zip(alone, looked_at, strict=True))
    return Measured(
        ready_s=ready, p95_ms=1000 * at_percent(looking.took, 95), worst_ms=1000 * max(looking.took), ratio=ratio,
        charts_p95_s=at_percent([s for times in charts.values() for s in times], 95),
        charts={path: statistics.median(times) for path, times in charts.items()}, reports=reports,
        wire_kb=wire / 1000, pages=len(looking.took), rate=rate,
    )  # fmt: skip


def timed(looker: Looker, paths: Sequence[str]) -> dict[str, list[float]]:
    """Seconds of each of these pages, in rounds; one that is refused counts as what it took."""
    return {path: [looker.get(path)[1] for _ in range(CHART_ROUNDS)] for path in paths}


def first_page(looker: Looker) -> int:
    """Bytes of Today and of what it loads."""
    total = looker.get("/today")[2]
    return total + sum(looker.get(f"/static/{name}")[2] for name in ("console.css", "console.js", "icon.svg"))


def bench_console() -> list[Row]:
    """Two sizes of one shop; the larger one's figures, and how they grew."""
    found: dict[int, Measured] = {}
    for events in SIZES:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name) / "data"
            fill(folder, events, DAYS, each=EVENTS_AN_ORDER)
            found[events] = measure(folder)
    small, large = found[SIZES[0]], found[SIZES[1]]
    grown = f"{SIZES[1]:,} events, {SIZES[1] // EVENTS_AN_ORDER:,} orders over {DAYS} days; at {SIZES[0]:,} events {{}}"
    return [
        Row(name="(n) a page of lists at half load, 95th percentile", ratio=large.p95_ms, target=300, at_most=True, unit="ms",
            detail=f"{grown.format(f'{small.p95_ms:.0f} ms')}; {large.pages} pages, the slowest {large.worst_ms:.0f} ms; sums made in "
                   f"{large.ready_s:.0f} s after the start ({small.ready_s:.0f} s)"),
        Row(name="(n) a page with a chart at half load, 95th percentile", ratio=large.charts_p95_s, target=2, at_most=True, unit="s",
            detail=f"{grown.format(f'{small.charts_p95_s:.1f} s')}; {CHART_ROUNDS} of each of {len(CHARTS)}; medians "
                   + ", ".join(f"{path.partition('?')[0]} {seconds:.1f}" for path, seconds in large.charts.items())),
        Row(name="(n) accepts at full load while ten people look and a report runs, against nobody", ratio=large.ratio, target=0.95,
            detail=f"{grown.format(f'{small.ratio:.2f}')}; {ROUNDS} rounds in turn, medians; {large.reports} reports"),
        Row(name="(n) Today over the wire, with what it loads", ratio=large.wire_kb, target=150, at_most=True, unit="kB",
            detail="a first visit, nothing kept, nothing packed"),
    ]  # fmt: skip


if __name__ == "__main__":
    print(re.sub(r"(\d\.\d{2})\d+", r"\1", str(measure(Path(sys.argv[1])))))
