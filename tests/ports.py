"""Ports on which tests let programs listen."""

from __future__ import annotations

import os
import random
import socket
from collections.abc import Iterator
from contextlib import suppress
from itertools import count

FIRST, EACH, SLICES = 20_000, 3_000, 4
"""Below those that Linux gives to clients, of which a client that retries while nobody listens can be given the very port that it
connects to: it talks to itself then, and keeps the program from starting again. Also between two lives of a program nobody takes one."""


def _own_ports() -> Iterator[int]:
    """Each once, from a slice that no other process of the same run has: until the program listens, and while it is killed and
    started again, a port is nobody's, and whoever asks meanwhile is given another one."""
    worker = os.environ.get("PYTEST_XDIST_WORKER", "").removeprefix("gw")
    mine = int(worker) % SLICES if worker.isdigit() else random.randrange(SLICES)
    begin = random.randrange(EACH)  # another run may be under way on this machine
    return (FIRST + EACH * mine + (begin + n) % EACH for n in count())


_PORTS = _own_ports()


def free_port() -> int:
    """One that nobody listens on."""
    for _ in range(EACH):
        port = next(_PORTS)
        with socket.socket() as probe, suppress(OSError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
            return port
    raise AssertionError("every port is taken")
