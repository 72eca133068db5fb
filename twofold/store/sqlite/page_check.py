"""The engine's own check of its pages and indexes, table by table, on a thread and a connection of its own.

Owns that thread and what it found. For after an end that was not in order: nobody waits for it, and it can be stopped at
any time. One table at a time, so that no snapshot is held for longer than one table takes.
"""

from __future__ import annotations

import contextlib
import logging
import os
import threading
from pathlib import Path
from typing import Any

import apsw

from twofold.store.beside.folder import DATABASE

log = logging.getLogger("twofold.store")

NOT_NEEDED, RUNNING, SOUND, DAMAGED, UNFINISHED = "not_needed", "running", "ok", "damaged", "unfinished"
_PROBLEMS = 5  # said of a table at most
_NICENESS = 10


class PageCheck:
    """``state`` and ``report`` may be read from any thread."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / DATABASE
        self._db: apsw.Connection | None = None
        self._thread: threading.Thread | None = None
        self._stopping = False
        self.state = NOT_NEEDED
        self.problems: list[str] = []
        self._done = self._tables = 0

    def start(self) -> None:
        """Begins in the background."""
        self.state = RUNNING
        self._thread = threading.Thread(target=self._run, name="twofold-page-check", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Ends it where it is."""
        self._stopping = True
        while self._thread is not None and self._thread.is_alive():
            if self._db is not None:
                with contextlib.suppress(apsw.ConnectionClosedError):  # it ended just now
                    self._db.interrupt()
            self._thread.join(0.1)

    def report(self) -> dict[str, Any]:
        """For people."""
        return {"state": self.state, "tables": self._tables, "checked": self._done, "problems": self.problems}

    def _run(self) -> None:
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICENESS)  # of this thread only
        try:
            self._db = db = apsw.Connection(str(self._path), flags=apsw.SQLITE_OPEN_READONLY)
        except apsw.Error as err:
            self._found(str(err))
            return
        try:
            db.set_busy_timeout(5_000)
            names = [str(n) for (n,) in db.execute("select name from sqlite_schema where type = 'table'")]
            self._tables = len(names)
            for name in names:
                self._check(db, name)
                self._done += 1
        except apsw.InterruptError:
            self.state = UNFINISHED
        except apsw.Error as err:
            self._found(str(err))
        finally:
            db.close()
        if self.state == RUNNING:
            self.state = SOUND
            log.info("all %d tables are sound, page by page", self._tables)

    def _check(self, db: apsw.Connection, name: str) -> None:
        if self._stopping:
            raise apsw.InterruptError("stopping")
        if not db.execute("select 1 from sqlite_schema where name = ?", (name,)).fetchall():
            return  # a day's table whose time was over
        quoted = name.replace('"', '""')
        for (line,) in db.execute(f'pragma integrity_check("{quoted}")'):
            if line != "ok" and len(self.problems) < _PROBLEMS:
                self._found(f"{name}: {line}")

    def _found(self, problem: str) -> None:
        if not self.problems:
            log.critical("the database is damaged: %s; restore it from a backup", problem)
        self.problems.append(problem)
        self.state = DAMAGED
