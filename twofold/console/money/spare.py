"""A process that is started before a page needs it, and answers one page after another: starting one and loading what it needs takes
half of what a page may take.

Owns the one that waits for its task, and that it ends when nobody asks for a while, as it takes some fifty megabytes, and as much for
whom it asks the tables by. One that has grown, or has answered many, makes room for a new one, which is
started when the last has answered, so that the two do not share the processor.
"""

from __future__ import annotations

import threading
import time

from twofold.facts.child import Child

IDLE_S = 120.0
MOST_ANSWERS, MOST_MB = 200, 300
"""After so many answers, or with so much memory, the next one is a new process."""


class Spare:
    """Of one module. It starts its processes on a thread that lives as long as the program: they end with their thread."""

    def __init__(self, module: str, idle_s: float = IDLE_S) -> None:
        self._module, self._idle_s = module, idle_s
        self._turn = threading.Lock()
        self._ready: Child | None = None
        self._answers: dict[Child, int] = {}  # of those that were started here
        self._last_asked = 0.0
        self._wanted = threading.Event()
        self._thread: threading.Thread | None = None

    def take(self) -> Child:
        """The one that waits, else a new one."""
        with self._turn:
            child, self._ready = self._ready, None
        if child is None or child.waits:
            return child or Child(self._module)
        self._answers.pop(child, None)
        child.discard()
        return Child(self._module)

    def give_back(self, child: Child) -> None:
        """It has answered, or ended: it waits for whoever asks next, or another one is started for that."""
        with self._turn:
            answers = self._answers.pop(child, None)
            may_go_on = answers is not None and answers + 1 < MOST_ANSWERS and child.resident_mb < MOST_MB
            self._last_asked = time.monotonic()
            if may_go_on and child.waits and self._ready is None:
                self._ready, self._answers[child] = child, (answers or 0) + 1
                return
        child.discard()
        self.want()

    def want(self) -> None:
        """The next one is started where none waits, for whoever asks next."""
        with self._turn:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="spare", daemon=True)
                self._thread.start()
        self._wanted.set()

    def _run(self) -> None:
        while True:
            wanted = self._wanted.wait(self._idle_s)
            self._wanted.clear()
            unused = None
            with self._turn:
                if wanted and (self._ready is None or not self._ready.waits):
                    self._ready = Child(self._module)
                    self._ready.start()
                    self._answers[self._ready] = 0
                elif not wanted and self._ready is not None and time.monotonic() - self._last_asked >= self._idle_s:
                    unused, self._ready = self._ready, None
                    self._answers.pop(unused, None)
            if unused is not None:
                unused.discard()
