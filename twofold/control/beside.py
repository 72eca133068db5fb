"""A command of this program beside the gateway: a process of its own, what it printed, and its end.

Owns that no child outlives whoever waits for it, and that one which hangs is ended after a while. Which command, when, and what its
rows mean is its caller's.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from collections.abc import Sequence
from typing import Any, NamedTuple

KILL_AFTER_S = 5.0


class Printed(NamedTuple):
    """``rows``: of ``--json``. ``last``: its last sentence to people, cut."""

    code: int | None
    rows: list[dict[str, Any]]
    last: str


async def run_command(words: Sequence[str], longest_s: float) -> Printed:
    """Runs ``twofold`` with these words. Raises `OSError` where no process can be started, `TimeoutError` for one that was ended."""
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "twofold", *words, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        async with asyncio.timeout(longest_s):
            out, said = await child.communicate()
    finally:
        if child.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                child.terminate()
            await gone(child, KILL_AFTER_S)
    rows = []
    for line in out.splitlines():
        with contextlib.suppress(ValueError):
            rows.append(json.loads(line))
    return Printed(child.returncode, rows, said.decode("utf-8", "replace").strip().rpartition("\n")[2][:300])


async def gone(child: asyncio.subprocess.Process, within_s: float) -> None:
    """Waits for one that was asked to end, and ends it after a while."""
    try:
        async with asyncio.timeout(within_s):
            await child.wait()
    except TimeoutError:
        with contextlib.suppress(ProcessLookupError):
            child.kill()
        await child.wait()
