"""A child process that is given one task and says one thing.

Owns the waiting, off the loop. What the child does is its module's.
"""

from __future__ import annotations

import asyncio

from twofold.facts.child import Child


async def last_line(child: Child, task: bytes, within_s: float) -> bytes | None:
    """What a child said last; None of one that failed, or said nothing. Raises `TimeoutError`."""
    told: list[bytes] = []
    code = await asyncio.get_running_loop().run_in_executor(None, child.run, task, told.append, within_s)
    return None if code or not told else told[-1]
