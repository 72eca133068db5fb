"""An event loop whose time is a number that somebody moves: what waits an hour is asked an hour later at once.

Owns when things run, nothing else. There is one thread: what the gateway would give to a pool of threads runs where it
stands, so that the same steps always give the same run. Work that never comes to rest is ended, with a word.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

TURNS = 60_000  # of the loop without time passing: the longest honest settling takes some hundred


class NoEnd(Exception):
    """Something goes on and on without waiting for anything."""


class VirtualLoop(asyncio.BaseEventLoop):
    """``now_s`` is its time. `settle` runs what can run without time passing."""

    def __init__(self) -> None:
        super().__init__()
        self.now_s = 0.0
        self._turns = 0
        self._selector = _Nothing(self)

    def time(self) -> float:
        return self.now_s

    def settle(self) -> None:
        """Until everybody waits for a later time."""
        self._turns = 0
        self.run_forever()
        if self._turns > TURNS:
            raise NoEnd("work goes on and on without waiting for anything")

    def _run_once(self) -> None:
        self._turns += 1
        if self._turns > TURNS:
            self.stop()
        super()._run_once()  # type: ignore[misc]

    def run_in_executor(self, executor: Any, func: Callable[..., Any], *args: Any) -> asyncio.Future[Any]:
        future = self.create_future()
        try:
            future.set_result(func(*args))
        except BaseException as err:
            future.set_exception(err)
        return future

    def _process_events(self, event_list: Any) -> None:
        """There are no files."""

    def _write_to_self(self) -> None:
        """Nobody sleeps in a selector."""


class _Nothing:
    """Where a selector would sleep: nothing is ready, so the run ends."""

    def __init__(self, loop: VirtualLoop) -> None:
        self._loop = loop

    def select(self, timeout: float | None) -> list[Any]:
        if timeout is None or timeout > 0:
            self._loop.stop()
        return []

    def close(self) -> None:
        """Nothing was opened."""
