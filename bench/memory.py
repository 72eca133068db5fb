"""(e) Resident memory with a million deliveries pending: of the process that took them, and of one that finds them."""

from __future__ import annotations

import asyncio
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench import Row, peak_mb
from bench.accepts import gateway
from bench.events import stored_event
from twofold.store.store import Route, Store

PENDING = 1_000_000
SETTLE_S = 10.0


def bench_memory(pending: int = PENDING) -> list[Row]:
    """Peaks in MB as the operating system counts them."""
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "data"
        command = [sys.executable, "-m", "bench.memory", str(data), str(pending)]
        filling = float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        with gateway(data) as (_, process):
            time.sleep(SETTLE_S)  # its worker claims, cannot reach the receiver, and pauses
            serving = peak_mb(process.pid)
    return [
        Row(
            name=f"(e) resident memory with {pending:,} deliveries pending",
            ratio=max(filling, serving),
            target=256,
            at_most=True,
            unit="MB",
            detail=f"{filling:.0f} MB while they were accepted, {serving:.0f} MB in a gateway started on them",
        )
    ]


async def _fill(folder: Path, pending: int) -> None:
    store = Store(folder, routes={"1": Route(destinations=("meta-1",))}, opened_at=0)
    store.start()
    for _ in range(pending // 500):
        await store.append([stored_event() for _ in range(500)])
    await store.close()


if __name__ == "__main__":
    asyncio.run(_fill(Path(sys.argv[1]), int(sys.argv[2])))
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
