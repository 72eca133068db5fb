"""(e) Resident memory with a million deliveries pending: of the process that took them, and of one that finds them."""

from __future__ import annotations

import asyncio
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

from bench import Row, peak_mb, sized
from bench.accepts import gateway
from bench.events import stored_event
from twofold.store.opened.routes import Route
from twofold.store.store import Store

PENDING = sized(1_000_000, 500)
Serving = AbstractContextManager[tuple[str, subprocess.Popen[str]]]
SETTLE_S = sized(10.0, 0.1)


def bench_memory(pending: int = PENDING) -> list[Row]:
    """With one destination, whose worker claims, cannot reach the receiver, and pauses."""
    name = f"(e) resident memory with {pending:,} deliveries pending"
    return [pending_row(name, "bench.memory", pending, gateway, settle_s=SETTLE_S, target=256)]


def pending_row(
    name: str, module: str, pending: int, serving: Callable[[Path], Serving], *, settle_s: float, target: int
) -> Row:
    """Peaks in MB as the operating system counts them. ``module``: fills a folder as a process of its own, and prints its peak."""
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "data"
        command = [sys.executable, "-m", module, str(data), str(pending)]
        filling = float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        with serving(data) as (_, process):
            time.sleep(settle_s)
            started = peak_mb(process.pid)
    return Row(
        name=name,
        ratio=max(filling, started),
        target=target,
        at_most=True,
        unit="MB",
        detail=f"{filling:.0f} MB while they were accepted, {started:.0f} MB in a gateway started on them",
    )


async def _fill(folder: Path, pending: int) -> None:
    store = Store(folder, routes={"1": Route(destinations=("meta-1",))}, opened_at=0)
    store.start()
    for _ in range(pending // 500):
        await store.append([stored_event() for _ in range(500)])
    await store.close()


if __name__ == "__main__":
    asyncio.run(_fill(Path(sys.argv[1]), int(sys.argv[2])))
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
