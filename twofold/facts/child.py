"""A child process of the same program: a task in, lines out, and an end that nobody has to wait for.

Owns the process: it begins with nothing of ours but its task and the files it is given, is ended with all that it started at its deadline or when it is
told, and goes with this process whatever ends that.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

MODULE = "twofold.facts"


_PR_SET_PDEATHSIG = 1
BEHIND = 15
BESIDE = 10
"""How nice: what reports, has a thirtieth of a processor that the gateway wants, too; what answers page by page, a tenth."""
NICE = "TWOFOLD_NICE"
"""The environment's word by which nothing steps back, where it is 0: for a machine that others keep busy all the time."""


def end_with_parent() -> None:
    """Whatever ends the process that started this one ends it, too; where the system can do that."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def step_back(by: int = BEHIND, *, idle: bool = False) -> None:
    """This process (the thread that asks, and those that it starts) works behind whatever takes events in its session. Not further back
    than ``by`` where its parent has stepped back already. ``idle``: with what all others leave of the processor, and nothing else; for
    what nobody waits for."""
    put_back(0, by, idle=idle)


def put_back(process: int, by: int = BEHIND, *, idle: bool = False) -> None:
    """The same for a process that was just started, so that what it loads at its start is done behind, too."""
    if os.environ.get(NICE) == "0":
        return
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, process, max(by, os.getpriority(os.PRIO_PROCESS, process)))
        if hasattr(os, "SCHED_IDLE"):
            now = os.sched_getscheduler(process)
            policy = os.SCHED_IDLE if idle or now == os.SCHED_IDLE else os.SCHED_BATCH
            os.sched_setscheduler(process, policy, os.sched_param(0))


def memory_limit(megabytes: int) -> int:
    """Bytes of address space that leave so much beyond what this process takes at rest."""
    at_rest = int(Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    return at_rest + (megabytes << 20)


SERIES = "--series"
"""Tells a module that tasks come one a line, until there are no more."""


class Child:
    """One run of ``python -m`` a module of ours that takes a task and prints lines."""

    def __init__(self, module: str = MODULE, descriptors: Sequence[int] = (), *, series: bool = False) -> None:
        """``descriptors``: open files of ours that it finds under the same numbers. ``series``: it takes tasks one after another."""
        self._module, self._descriptors, self._arguments = module, tuple(descriptors), [SERIES] if series else []
        self._child: subprocess.Popen[bytes] | None = None
        self._ended = False

    def start(self) -> subprocess.Popen[bytes]:
        """Starts it, where it was not started yet; it waits for its task. It ends with the thread that started it."""
        if self._child is None:
            self._child = subprocess.Popen(
                [sys.executable, "-m", self._module, *self._arguments],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                # A group of its own can be ended whole. No session of its own: Linux shares the processor out among sessions before it
                # looks at how nice their processes are, so that in one a child would stand level with the gateway.
                process_group=0,
                pass_fds=self._descriptors,
            )
            put_back(self._child.pid)
        return self._child

    @property
    def waits(self) -> bool:
        """True where it was started and has not ended."""
        return self._child is not None and self._child.poll() is None

    @property
    def resident_mb(self) -> int:
        """The memory that it has now; 0 where it runs no more, or the system does not tell."""
        with contextlib.suppress(OSError, IndexError):
            if self._child is not None:
                pages = int(Path(f"/proc/{self._child.pid}/statm").read_text().split()[1])
                return pages * os.sysconf("SC_PAGE_SIZE") >> 20
        return 0

    def run(self, task: bytes, on_line: Callable[[bytes], None], deadline_s: float | None = None) -> int:
        """Hands over the task and hands on each line; the return code. Raises `TimeoutError` at the deadline."""
        child = self.start()
        assert child.stdin is not None
        assert child.stdout is not None
        if self._ended:
            self.end()
        late = threading.Event()

        def end_late() -> None:
            late.set()
            self.end()

        timer = threading.Timer(deadline_s, end_late) if deadline_s is not None else None
        try:
            if timer is not None:
                timer.start()
            with contextlib.suppress(BrokenPipeError):
                child.stdin.write(task)
                child.stdin.close()
            for line in child.stdout:
                on_line(line)
            code = child.wait()
        finally:
            if timer is not None:
                timer.cancel()
            self.end()
            child.wait()
            child.stdout.close()
            with contextlib.suppress(BrokenPipeError):
                child.stdin.close()
        if late.is_set():
            raise TimeoutError
        return code

    def run_next(self, task: bytes, on_line: Callable[[bytes], bool], deadline_s: float) -> int | None:
        """Of a series: hands over a task, and on each line until one is the last; None then, else the code with which it ended before.
        Raises `TimeoutError` at the deadline, which ends it."""
        child = self.start()
        assert child.stdin is not None
        assert child.stdout is not None
        late = threading.Event()

        def end_late() -> None:
            late.set()
            self.end()

        timer = threading.Timer(deadline_s, end_late)
        timer.start()
        try:
            with contextlib.suppress(BrokenPipeError):
                child.stdin.write(task + b"\n")
                child.stdin.flush()
            for line in child.stdout:
                if on_line(line):
                    return None
        finally:
            timer.cancel()
        code = child.wait()
        if late.is_set():
            raise TimeoutError
        return code

    def discard(self) -> None:
        """Ends one that waits for its next task."""
        self.end()
        child = self.start()
        child.wait()
        for pipe in (child.stdin, child.stdout):
            if pipe is not None:
                with contextlib.suppress(BrokenPipeError):
                    pipe.close()

    def end(self) -> None:
        """At once, with its own children. May be called from another thread, and before it began."""
        self._ended = True
        if self._child is not None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._child.pid, signal.SIGKILL)
