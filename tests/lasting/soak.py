"""Hours at a steady load with a fault each minute: what a process holds does not grow, and the books are right at the end.

Owns the faults and the slopes. Faults that end the process come in the first third; in the rest one process lives through the others,
so that all it holds has time to fill, and growth behind that has time to show. Where it did not take enough for that there is no
verdict, which is neither a leak nor none.
"""

from __future__ import annotations

import random
import signal
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from tests.lasting.counting_platform import Platform
from tests.lasting.folder_books import Broken, FolderBooks
from tests.lasting.forked import Lives
from tests.lasting.kills import BATCH, config_at
from tests.lasting.results import Progress
from tests.lasting.steady_senders import Shoppers
from tests.ports import free_port

EVERY_S, LOOK_S = 60.0, 5.0
WARM_S, WARM_EVENTS = 1_200.0, 525_000
"""After so long, and so many events of one day, all that a process holds has reached its limit: see docs/developers.md, "What memory
holds". Events and not time alone: a busy machine takes fewer."""
BATCH_OF_SENDERS = 40  # events a request: as many as a machine that has other work, too, can take in two hours
DAY_S = 86_400

ENDING = ("kill", "stop")
OTHERS = ("freeze", "down", "throttled", "silent", "slow")
GROWTH_MB_H, SEEN_H = 1.0, 0.5  # so much an hour is a leak, once it was watched for so long
MORE_FILES = 5


class Held(NamedTuple):
    """What a process holds at a moment (s), after so many ``events`` of the present day (UTC)."""

    at: float
    events: int
    memory_mb: float
    files: int
    threads: int


def soak(progress: Progress, minutes: float, tell: Callable[[str], None], rate: float, seed: int = 1) -> None:
    """Raises `Broken`."""
    with tempfile.TemporaryDirectory(prefix="twofold-soak-") as name:
        room = Path(name)
        platform, port = Platform(), free_port()
        shoppers, books = Shoppers(port, senders=2, batch=BATCH_OF_SENDERS, rate=rate), FolderBooks(room / "data")
        lives = Lives(config_at(room, port, platform.url), room / "log")
        try:
            lives.begin()
            shoppers.begin()
            held, doubts = _watch(lives, shoppers, books, platform, minutes * 60, tell, random.Random(seed))
            shoppers.end()
            books.look(shoppers.told())
            platform.mood = "ok"
            books.await_delivery()
            lives.signal(signal.SIGTERM)
            if code := lives.ended():
                raise Broken(f"ended with {code} when it was asked to")
            repeats = books.close(shoppers.told(), platform, BATCH, doubts)
        finally:
            shoppers._stop.set()
            lives.close()
            platform.close()
    progress.put(minutes=round(minutes), events=len(shoppers.told()), repeats=repeats, **_growth(held))


def _watch(
    lives: Lives,
    shoppers: Shoppers,
    books: FolderBooks,
    platform: Platform,
    seconds: float,
    tell: Callable[[str], None],
    chance: random.Random,
) -> tuple[list[Held], int]:
    """What the last process held, and how often a request may have been sent in vain."""
    began, before = time.monotonic(), 0  # events of lives and days that are over
    day = int(time.time() // DAY_S)
    held: list[Held] = []
    fault_at, well_at, doubts = EVERY_S, float("inf"), 0
    while (passed := time.monotonic() - began) < seconds:
        time.sleep(LOOK_S)
        if int(time.time() // DAY_S) != day:  # what is kept of a day begins anew
            day, before = int(time.time() // DAY_S), len(shoppers.told())
            held.clear()
        held.append(held_by(lives.pid, passed, len(shoppers.told()) - before))
        if passed > well_at:
            platform.mood, well_at = "ok", float("inf")
        if passed > fault_at:
            fault_at += EVERY_S
            fault = chance.choice((*ENDING, *OTHERS) if passed < seconds / 3 else OTHERS)
            doubts += 3  # an end, or a platform that is silent for two time-outs
            told = shoppers.told()
            if fault in ENDING:
                held.clear()
                before = len(told)
            _do(fault, lives, platform)
            books.look(told)
            if fault not in (*ENDING, "freeze"):
                well_at = passed + 20
            tell(f"{passed / 60:.0f} min, {len(told)} events, {fault}")
    return held, doubts


def _do(fault: str, lives: Lives, platform: Platform) -> None:
    match fault:
        case "kill":
            lives.kill()
            lives.begin()
        case "stop":
            lives.signal(signal.SIGTERM)
            if code := lives.ended():
                raise Broken(f"ended with {code} when it was asked to")
            lives.begin()
        case "freeze":
            lives.signal(signal.SIGSTOP)
            time.sleep(5)
            lives.signal(signal.SIGCONT)
        case _:
            platform.mood = fault


def held_by(pid: int, at: float, events: int) -> Held:
    status = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    files = sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir())
    return Held(at, events, int(status["VmRSS"].split()[0]) / 1024, files, int(status["Threads"]))


def _growth(held: Sequence[Held]) -> dict[str, float]:
    """Raises `Broken` where something grows. ``watched_min`` is 0 where there is no verdict."""
    warm = [h for h in held if h.at > held[0].at + WARM_S and h.events >= WARM_EVENTS]
    if len(warm) < 20 or (hours := (warm[-1].at - warm[0].at) / 3600) < SEEN_H:
        return {"watched_min": 0, "taken": held[-1].events if held else 0}
    slope, error = slope_of([h.at / 3600 for h in warm], [h.memory_mb for h in warm])
    if slope - 2 * error > GROWTH_MB_H:
        raise Broken(f"memory grows by {slope:.1f} MB an hour, give or take {error:.1f}")
    quarter = len(warm) // 4
    for name in ("files", "threads"):
        first, last = (statistics.median(getattr(h, name) for h in part) for part in (warm[:quarter], warm[-quarter:]))
        if last - first > MORE_FILES:
            raise Broken(f"{name} grow from {first} to {last}")
    return {
        "watched_min": round(hours * 60), "taken": warm[-1].events, "memory_mb": round(warm[-1].memory_mb), "slope_mb_h": round(slope, 2),
        "error_mb_h": round(error, 2), "files": warm[-1].files, "threads": warm[-1].threads,
    }  # fmt: skip


def slope_of(xs: Sequence[float], ys: Sequence[float]) -> tuple[float, float]:
    """The line through points by least squares: its slope, and that one's standard error."""
    slope, start = statistics.linear_regression(xs, ys)
    middle = statistics.fmean(xs)
    spread = sum((x - middle) ** 2 for x in xs)
    off = sum((y - start - slope * x) ** 2 for x, y in zip(xs, ys, strict=True))
    return slope, (off / max(1, len(xs) - 2) / spread) ** 0.5 if spread else 0.0
