"""A process that is started before a page needs it, and answers one page after another: starting one and loading what it needs takes
half of what a page may take.

Owns the way of a task to a process and of its answer back, a line each; the one that waits for its task, and that it ends when nobody asks for a while, as it takes some fifty megabytes, and as much for
whom it asks the tables by. One that has grown, or has answered many, makes room for a new one, which is
started when the last has answered, so that the two do not share the processor.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable

import msgspec
from msgspec import Struct

from twofold.errors import StoreError, TwofoldError
from twofold.facts.child import Child

IDLE_S = 120.0
MOST_ANSWERS, MOST_MB = 200, 300
"""After so many answers, or with so much memory, the next one is a new process."""


encode = msgspec.json.Encoder(decimal_format="string").encode


class _Failed(Struct, frozen=True, kw_only=True, tag="Failed"):
    """What the child could not do, in a sentence."""

    message: str


class _Told(Struct, frozen=True, kw_only=True, tag="Told"):
    """The answer."""

    answer: msgspec.Raw


def serve_tasks(answer: Callable[[bytes], object]) -> None:
    """In the child: reads each task, works it out, and says it, until there are no more."""
    for line in sys.stdin.buffer:
        said: _Told | _Failed
        try:
            said = _Told(answer=msgspec.Raw(encode(answer(line))))
        except TwofoldError as err:
            said = _Failed(message=str(err))
        sys.stdout.buffer.write(encode(said) + b"\n")
        sys.stdout.buffer.flush()


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

    def ask(self, task: Struct, within_s: float, instead: str) -> msgspec.Raw:
        """The answer of a process that runs `serve_tasks`. ``instead``: what to do where it takes too long. Raises `StoreError`."""
        heard: list[_Told | _Failed] = []

        def hear(line: bytes) -> bool:
            heard.append(msgspec.json.decode(line, type=_Told | _Failed))
            return True

        child, code = self.take(), None
        try:
            code = child.run_next(encode(task), hear, within_s)
        except TimeoutError:
            raise StoreError(f"it took longer than {within_s:.0f} s and was ended; {instead}") from None
        finally:
            self.give_back(child)
        last = heard[-1] if heard else _Failed(message=f"the process that works it out ended with status {code}")
        if isinstance(last, _Failed):
            raise StoreError(last.message)
        return last.answer

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
