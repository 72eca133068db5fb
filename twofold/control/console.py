"""The console as the gateway keeps it: a child process of the same program, started again when it ends.

Owns that process and nothing of what it shows. A crash or a slow page there ends nothing here. A gateway that is killed
leaves the console up, which goes on reading; it makes room when another gateway comes (`console.server`).
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import sys
from collections.abc import Sequence

from twofold.control.beside import gone

log = logging.getLogger("twofold.console")

GATEWAY = "TWOFOLD_CONSOLE_OF"
"""The environment's word by which the console knows the gateway's process."""
FIRST_PAUSE_S = 1.0
LONGEST_PAUSE_S = 60.0
KILL_AFTER_S = 6.0
"""A page that is being answered has five seconds."""


class ConsoleProcess:
    """``arguments``: by which a child of the same program finds the same configuration, and how it says where it is."""

    def __init__(self, arguments: Sequence[str]) -> None:
        self._command = ("-m", "twofold", "console", *arguments)
        self._child: asyncio.subprocess.Process | None = None
        self._ended = False

    async def run(self) -> None:
        """Keeps one running until it is cancelled; after an end that nobody asked for with growing pauses."""
        pause, loop = FIRST_PAUSE_S, asyncio.get_running_loop()
        try:
            while not self._ended:
                began = loop.time()
                # Ctrl-C in a terminal reaches the gateway alone, which then ends the console in order. In the gateway's own session the
                # console stands behind it; of a session of its own it would have as much of the processor (`facts.child`). It leaves
                # the gateway's group itself: uvloop starts nothing in another group.
                self._child = await asyncio.create_subprocess_exec(
                    sys.executable, *self._command, stdin=asyncio.subprocess.DEVNULL,
                    env={**os.environ, GATEWAY: str(os.getpid())},
                )  # fmt: skip
                code = await self._child.wait()
                if self._ended:
                    return
                pause = FIRST_PAUSE_S if loop.time() - began > LONGEST_PAUSE_S else min(2 * pause, LONGEST_PAUSE_S)
                log.error("the console ended with status %s and is started again in %.0f s", code, pause)
                await asyncio.sleep(pause)
        except OSError as err:
            log.error("the console could not be started: %s", err.strerror)
        finally:
            await self._wait()

    def end(self) -> None:
        """Asks it to end; `run` waits for it."""
        self._ended = True
        if self._child is not None and self._child.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._child.send_signal(signal.SIGTERM)

    async def _wait(self) -> None:
        self.end()
        if self._child is None:
            return
        await gone(self._child, KILL_AFTER_S)
