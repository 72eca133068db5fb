"""A process that is started before a page needs it: starting one and loading what it needs takes half of what a page may take.

Owns the one that waits for its task, and that it ends when nobody asks for a while, as it takes some fifty megabytes, and as much for
whom it asks the tables by. The next one is
started when the last has answered, so that the two do not share the processor.
"""

from __future__ import annotations

import threading

from twofold.facts.child import Child

IDLE_S = 120.0


class Spare:
    """Of one module. It starts its processes on a thread that lives as long as the program: they end with their thread."""

    def __init__(self, module: str, idle_s: float = IDLE_S) -> None:
        self._module, self._idle_s = module, idle_s
        self._turn = threading.Lock()
        self._ready: Child | None = None
        self._wanted = threading.Event()
        self._thread: threading.Thread | None = None

    def take(self) -> Child:
        """The one that waits, else a new one."""
        with self._turn:
            child, self._ready = self._ready, None
        return child if child is not None and child.waits else Child(self._module)

    def want(self) -> None:
        """The next one is started, for whoever asks next."""
        with self._turn:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="spare", daemon=True)
                self._thread.start()
        self._wanted.set()

    def _run(self) -> None:
        while True:
            idle = not self._wanted.wait(self._idle_s)
            self._wanted.clear()
            with self._turn:
                if not idle and (self._ready is None or not self._ready.waits):
                    self._ready = Child(self._module)
                    self._ready.start()
                    continue
                unused = None
                if idle:
                    unused, self._ready = self._ready, None
            if unused is not None:
                unused.discard()
