"""(b, c) Durable accepts over HTTP, against a null handler on the same server and against single commits.

The null handler reads the body and answers fixed bytes through the same uvicorn with the same guard. A single
commit is one row of the event's size, inserted and committed alone, synchronous, in the same engine.
"""

from __future__ import annotations

import contextlib
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec

from bench import Row, sized
from bench.purchase import view
from twofold.store.sqlite.database import Engine

CONNECTIONS, SECONDS, ROUNDS = 64, sized(2.5, 0.1), sized(7, 1)
KEY = "bench-key-0123456789"
CONFIG = f"""
[server]
port = 0
max_queue = 100000
[[dataset]]
id = "1"
key = "{KEY}"
[dataset.trust]
events_per_minute = 0
[[destination]]
platform = "meta"
dataset = "1"
endpoint = "http://127.0.0.1:9"
token = "no-such-receiver"
"""


def bench_accepts() -> list[Row]:
    """Rounds of all in turn, compared within each: the machine is not as fast in every one. Medians."""
    got: dict[str, list[float]] = {"null": [], "one": [], "batch": [], "commit": []}
    for _ in range(ROUNDS):
        with null_server() as url:
            got["null"].append(load(url, "view"))
        with gateway() as (url, _):
            got["one"].append(load(url, "view"))
        with gateway() as (url, _):
            got["batch"].append(load(url, "batch"))
        got["commit"].append(single_commits())

    def ratio(ours: str, theirs: str) -> float:
        return statistics.median(a / b for a, b in zip(got[ours], got[theirs], strict=True))

    return [
        Row(name="(b) durable accepts, one event a request, against a null handler", ratio=ratio("one", "null"), target=0.30,
            detail=f"{CONNECTIONS} connections, a ViewContent, each request its own answer"),
        Row(name="(b) the same, against single synchronous commits", ratio=ratio("one", "commit"), target=1.3,
            detail="group commit: one flush serves all that wait"),
        Row(name="(c) events in batches of 100, against the null handler's requests", ratio=ratio("batch", "null"), target=0.30,
            detail="events per second over requests per second"),
        Row(name="(c) the same, against single synchronous commits", ratio=ratio("batch", "commit"), target=1.3),
    ]  # fmt: skip


@contextlib.contextmanager
def gateway(data: Path | None = None) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """A gateway with a destination that cannot be reached: everything stays pending."""
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "twofold.toml"
        config.write_text(CONFIG)
        command = [sys.executable, "-m", "twofold", "serve", "--config", str(config), "--data",
                   str(data or Path(folder) / "data")]  # fmt: skip
        with process(command, "twofold listening on ") as (address, started):
            yield f"{address}/v25.0/1/events?access_token={KEY}", started


@contextlib.contextmanager
def null_server() -> Iterator[str]:
    with process([sys.executable, "-m", "bench.null"], "null listening on ") as (address, _):
        yield f"{address}/v25.0/1/events?access_token={KEY}"


@contextlib.contextmanager
def process(command: list[str], ready: str) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        assert process.stdout is not None
        line = next((x for x in process.stdout if x.startswith(ready)), "")
        if not line:
            raise RuntimeError(f"{' '.join(command)} did not start")
        yield line[len(ready) :].strip(), process
    finally:
        process.terminate()
        process.wait(20)


def load(url: str, kind: str) -> float:
    """Events answered a second, by a process of its own."""
    command = [sys.executable, "-m", "bench.load", url, str(CONNECTIONS), str(SECONDS), kind]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def single_commits(seconds: float = sized(2.0, 0.1)) -> float:
    """Rows a second when each is committed alone, with the settings of the store."""
    body = msgspec.json.encode(view("x" * 16))
    with tempfile.TemporaryDirectory() as folder:
        engine = Engine(Path(folder) / "data")
        engine.script("create table single (id integer primary key, body blob)")
        rows, started = 0, time.perf_counter()
        while time.perf_counter() - started < seconds:
            engine.run("begin")
            engine.script("insert into single (body) values (?)", (body + os.urandom(8),))
            engine.run("commit")
            rows += 1
        rate = rows / (time.perf_counter() - started)
        engine.close()
    return rate
