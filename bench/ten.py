"""(t) Ten platforms at once: what they cost an accept, and resident memory with a million deliveries pending to them.

Each platform's address is a closed port, so that everything stays pending while every worker looks for work. Accepts are compared
with the null handler of the same server within each round; a Purchase brings contact data, which is hashed under the rules of all.
"""

from __future__ import annotations

import asyncio
import contextlib
import resource
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from bench import Row, sized
from bench.accepts import CONFIG, KEY, ROUNDS, load, null_server, process
from bench.events import stored_event
from bench.memory import pending_row
from twofold.destinations import BY_PLATFORM
from twofold.store.opened.routes import Route
from twofold.store.store import Store

PLATFORMS = ("meta", "ga4", "google_ads", "tiktok", "pinterest", "snap", "linkedin", "reddit", "microsoft", "x")
NAMES = ("ViewContent", "Purchase")
PENDING = sized(1_000_000, 5_000)
SETTLE_S = sized(15.0, 0.1)


def bench_ten(pending: int = PENDING) -> list[Row]:
    return [*_accepts(), _memory(pending)]


def _accepts() -> list[Row]:
    got: dict[str, list[float]] = {"null": [], "view": [], "purchase": []}
    for _ in range(ROUNDS):
        with null_server() as url:
            got["null"].append(load(url, "view"))
        for kind in ("view", "purchase"):
            with _gateway() as (url, _):
                got[kind].append(load(url, kind))

    def ratio(ours: str) -> float:
        return statistics.median(a / b for a, b in zip(got[ours], got["null"], strict=True))

    return [
        Row(name="(t) durable accepts with ten destinations, one ViewContent a request, against a null handler", ratio=ratio("view"),
            target=0.25, detail="64 connections; all ten platforms are out of reach, so every worker tries and waits"),
        Row(name="(t) the same, one Purchase with nine contact fields a request", ratio=ratio("purchase"), target=0.15,
            detail="contact data hashed under the rules of all ten; the null handler answers a ViewContent"),
    ]  # fmt: skip


def _memory(pending: int) -> Row:
    name = f"(t) resident memory with {pending:,} deliveries pending to ten platforms"
    return pending_row(name, "bench.ten", pending, _gateway, settle_s=SETTLE_S, target=512)


@contextlib.contextmanager
def _gateway(data: Path | None = None) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "twofold.toml"
        config.write_text(CONFIG.partition("[[destination]]")[0] + "".join(_destination(p) for p in PLATFORMS))
        command = [sys.executable, "-m", "twofold", "serve", "--config", str(config), "--data",
                   str(data or Path(folder) / "data")]  # fmt: skip
        with process(command, "twofold listening on ") as (address, started):
            yield f"{address}/v25.0/1/events?access_token={KEY}", started


def _destination(platform: str) -> str:
    lines = [
        "[[destination]]", f'platform = "{platform}"', f'name = "{platform}-1"', 'dataset = "1"', 'remote_dataset = "1"',
        'endpoint = "http://127.0.0.1:9"', 'token = "no-such-receiver"', f'only = ["{NAMES[0]}", "{NAMES[1]}"]',
    ]  # fmt: skip
    if BY_PLATFORM[platform].needs_names:
        lines.append(f'events = {{ {NAMES[0]} = "9", {NAMES[1]} = "9" }}')
    return "\n".join(lines) + "\n"


async def _fill(folder: Path, pending: int) -> None:
    names = tuple(f"{platform}-1" for platform in PLATFORMS)
    store = Store(folder, routes={"1": Route(destinations=names)}, opened_at=0)
    store.start()
    for _ in range(pending // len(names) // 500):
        await store.append([stored_event() for _ in range(500)])
    await store.close()


if __name__ == "__main__":
    asyncio.run(_fill(Path(sys.argv[1]), int(sys.argv[2])))
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
