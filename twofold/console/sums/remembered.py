"""Answers that take a while and may be some seconds old: worked out beside, given at once.

Owns one answer a question, how long it is good for, and that a question is worked out once at a time. A question that is quick
is simply asked again; one that took a second is asked again after twenty.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any, Generic, TypeVar

T = TypeVar("T")

WAIT_S = 1.0
"""So long somebody waits for a first answer."""
TIMES = 20
"""An answer is good for so many times as long as it took."""
MOST = 200
"""Questions that are remembered."""
OLD_S = 60.0
"""An answer that is older than this, and not good any more, is given only where a fresh one takes its time."""


class _Job:
    """A question that is being worked out."""

    def __init__(self, generation: int) -> None:
        self.generation = generation
        self.done = threading.Event()
        self.error: Exception | None = None


class Remembered(Generic[T]):
    """``ask`` from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: dict[Any, tuple[T, float]] = {}  # answer, good until
        self._jobs: dict[Any, _Job] = {}
        self._generation = 0

    def forget(self) -> None:
        """Something was changed: what was worked out before is no answer any more, nor what is being worked out."""
        with self._lock:
            self._generation += 1
            self._known.clear()
            self._jobs.clear()

    def ask(self, question: Any, work_out: Callable[[], T], wait_s: float = WAIT_S) -> T | None:
        """The answer, perhaps one from before; None where there is none yet. Raises what ``work_out`` raised meanwhile."""
        with self._lock:
            known, now = self._known.get(question), time.monotonic()
            if known is not None and now < known[1]:
                return known[0]
            job = self._jobs.get(question)
            if job is None:
                job = self._jobs[question] = _Job(self._generation)
                threading.Thread(target=self._work, args=(question, work_out, job), daemon=True).start()
        if known is not None and now < known[1] + OLD_S:
            return known[0]
        job.done.wait(wait_s)
        if job.error is not None:
            raise job.error
        with self._lock:
            latest = self._known.get(question)
            return None if latest is None else latest[0]

    def _work(self, question: Any, work_out: Callable[[], T], job: _Job) -> None:
        began = time.monotonic()
        try:
            answer = work_out()
            now = time.monotonic()
            with self._lock:
                if job.generation == self._generation:
                    if len(self._known) >= MOST:
                        self._known.pop(next(iter(self._known)))
                    self._known[question] = (answer, now + TIMES * (now - began))
        except Exception as err:
            job.error = err
        finally:
            with self._lock:
                if self._jobs.get(question) is job:
                    self._jobs.pop(question)
            job.done.set()
