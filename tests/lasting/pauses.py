"""Runs tests while single processes of theirs stand still for seconds, as on a machine that others keep busy: a test that fails by it
assumes speed, or the program does. What is stopped when is drawn by a seed; when a process gets to what, is not.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from contextlib import suppress

SHORTEST_S, LONGEST_S = 0.5, 3.0
EVERY_S = 3.0
"""So often, on average, one more process is stopped."""
STEP_S = 0.1


def main(seed: int, command: list[str]) -> int:
    """The command's exit code."""
    chance, stopped = random.Random(seed), dict[int, float]()
    run = subprocess.Popen(command)
    try:
        while run.poll() is None:
            now = time.monotonic()
            _go_on([process for process, until in stopped.items() if now >= until], stopped)
            found = sorted(_family(run.pid) - stopped.keys())
            if found and chance.random() < STEP_S / EVERY_S:
                process = chance.choice(found)
                with suppress(ProcessLookupError):
                    os.kill(process, signal.SIGSTOP)
                    stopped[process] = now + chance.uniform(SHORTEST_S, LONGEST_S)
            time.sleep(STEP_S)
    finally:
        _go_on(list(stopped), stopped)
    return run.returncode


def _go_on(processes: list[int], stopped: dict[int, float]) -> None:
    for process in processes:
        del stopped[process]
        with suppress(ProcessLookupError):
            os.kill(process, signal.SIGCONT)


def _family(first: int) -> set[int]:
    """All that descends from it, without itself: who runs the tests, and every program, browser and database that they start."""
    parents = {}
    for name in filter(str.isdigit, os.listdir("/proc")):
        with suppress(OSError), open(f"/proc/{name}/stat") as file:
            parents[int(name)] = int(file.read().rpartition(")")[2].split()[1])
    found = {first}
    while more := {process for process, parent in parents.items() if parent in found} - found:
        found |= more
    return found - {first}


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), sys.argv[2:]))
