"""Gateways that are real processes and cheap to begin: one parent has loaded the program and forks one for each life.

Owns processes only. Each life is `twofold.app.serve` on a real folder, with its threads, sockets and disk; SIGKILL ends it as it
ends any other. What the parent saves is loading the program some thousand times.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

START_S, END_S = 60, 30


class DidNotBegin(Exception):
    """A life ended before it listened: a harness that goes on without it would count nothing."""


class Lives:
    """One at a time. ``output`` is where they log; ``defect`` is planted into each (`tests.world.defects`)."""

    def __init__(self, config: Path, output: Path, defect: str = "") -> None:
        self._output = output.open("ab")
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.lasting.forked", str(config), defect],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._output,
        )
        self.pid = 0
        self.url = ""

    def begin(self) -> float:
        """Returns once it listens: the seconds that took."""
        assert not self.pid, "the one before has not ended"
        began = time.monotonic()
        self._tell("begin")
        self.pid = int(self._hear("pid"))
        self.url = self._hear("listens")
        return time.monotonic() - began

    def signal(self, number: int) -> None:
        os.kill(self.pid, number)

    def ended(self) -> int:
        """Waits for its end: the exit code, negative for a signal."""
        code = int(self._hear("ended"))
        self.pid = 0
        return code

    def kill(self) -> None:
        self.signal(signal.SIGKILL)
        self.ended()

    def close(self) -> None:
        if self.pid:
            self.kill()
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            pipe.close()
        self._process.wait(END_S)
        self._output.close()

    def _tell(self, word: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{word}\n".encode())
        self._process.stdin.flush()

    def _hear(self, word: str) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline().decode().strip()
        said, _, rest = line.partition(" ")
        if said != word:
            self.pid = 0 if said == "ended" else self.pid
            raise DidNotBegin(f"expected {word}, got {line!r}; see {self._output.name}")
        return rest


def main() -> None:
    """The parent: forks at each word, says who was born, what it listens on, and how it ended."""
    from tests.world.defects import planted
    from twofold import app
    from twofold.config import load_settings

    settings = load_settings(Path(sys.argv[1]))
    for _ in sys.stdin:
        pid = os.fork()
        if pid == 0:
            _say(f"pid {os.getpid()}")
            with planted(sys.argv[2] or None):
                app.serve(settings, lambda url: _say(f"listens {url}"))
            os._exit(0)
        _, status = os.waitpid(pid, 0)
        _say(f"ended {os.waitstatus_to_exitcode(status)}")


def _say(line: str) -> None:
    os.write(1, f"{line}\n".encode())


if __name__ == "__main__":
    main()
