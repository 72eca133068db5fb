"""Files that were dropped and wait for a word: in memory only, each its person's, for some minutes.

Owns how many there may be at once, how long each is held, and what becomes of it: read, shown, kept or thrown away. A file
lies in no folder, under no name: with the process it is gone.
"""

from __future__ import annotations

import os
import secrets
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from hashlib import sha256
from pathlib import PurePosixPath
from typing import Any

import msgspec

from twofold.config import Settings
from twofold.console.access.register import Refused
from twofold.console.dropped.task import CHOICES, MODULE, WITHIN_S, Came, Far, Said, Task, Unread
from twofold.errors import StoreError
from twofold.facts.child import Child

MOST_BYTES = 64 << 20
"""A larger file is imported by the command, which reads it where it lies."""
MOST_HELD, MOST_OF_ONE = 4, 2
HELD_S = 900
MOST_NAME, MOST_CHOICE = 120, 200
_encode = msgspec.json.Encoder(decimal_format="string").encode


class Drop:
    """One file. ``state``: taken, reading, seen, unread, keeping, kept."""

    def __init__(self, person: int, name: str) -> None:
        self.token, self.person, self.name = secrets.token_urlsafe(12), person, name
        self.state, self.size, self.digest = "taken", 0, ""
        self.chosen: dict[str, str] = {}
        self.read = self.rows = 0
        self.answer: dict[str, Any] = {}
        self.why, self.guesses = "", list[dict[str, Any]]()
        self._hash = sha256()
        self._child: Child | None = None
        self.descriptor = _unnamed()

    def put(self, part: bytes) -> None:
        """Further bytes of it."""
        self.size += len(part)
        self._hash.update(part)
        while part:
            part = part[os.write(self.descriptor, part) :]

    def ready(self) -> None:
        """All of it is here."""
        self.digest = self._hash.hexdigest()

    @property
    def is_busy(self) -> bool:
        return self.state in ("taken", "reading", "keeping")

    def work(self, settings: Settings, *, keep: bool) -> None:
        """Reads it, on the thread of who calls; what came of it stands in the drop."""
        self._child = child = Child(MODULE, (self.descriptor,))
        task = Task(
            settings=settings, descriptor=self.descriptor, name=self.name, digest=self.digest, chosen=self.chosen, keep=keep,
            now_ms=time.time_ns() // 1_000_000,
        )  # fmt: skip
        last: list[Came | Unread] = []

        def hear(line: bytes) -> None:
            said = msgspec.json.decode(line, type=Said)
            if isinstance(said, Far):
                self.read, self.rows = said.read, said.rows
            else:
                last.append(said)

        try:
            code = child.run(_encode(task), hear, WITHIN_S)
            found = (
                last[-1]
                if last
                else Unread(
                    why=f"the process that reads it ended with status {code}; is the file larger than it looks?"
                )
            )
        except TimeoutError:
            found = Unread(why=f"it took longer than {WITHIN_S / 60:.0f} minutes and was ended; use the command")
        except (OSError, msgspec.DecodeError) as err:
            found = Unread(why=f"it could not be read: {type(err).__name__}")
        if isinstance(found, Came):
            self.answer, self.why, self.guesses = found.answer, "", found.answer.get("guesses", [])
            self.state = "kept" if keep else "seen"
        else:
            self.why, self.guesses, self.state = found.why, found.guesses, "unread"

    def close(self) -> None:
        """Its bytes are gone."""
        if self._child is not None:
            self._child.end()
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1


class Drops:
    """All that are held."""

    def __init__(self) -> None:
        self._turn = threading.Lock()
        self._held: dict[str, Drop] = {}

    def take(self, person: int, name: str) -> Drop:
        """Room for a further file. Raises `Refused` where there is none."""
        with self._turn:
            mine = [drop for drop in self._held.values() if drop.person == person]
            waiting = [drop for drop in mine if not drop.is_busy]
            if len(mine) >= MOST_OF_ONE and waiting:
                self._end(waiting[0])
            elif len(mine) >= MOST_OF_ONE or len(self._held) >= MOST_HELD:
                raise Refused("Other files are being read right now. Try again in some minutes.")
            drop = Drop(person, plain_name(name))
            self._held[drop.token] = drop
        timer = threading.Timer(HELD_S, self._too_old, (drop.token,))
        timer.daemon = True
        timer.start()
        return drop

    def of(self, person: int, token: str) -> Drop | None:
        """A file that this person dropped; None where it is not held (any more)."""
        with self._turn:
            drop = self._held.get(token)
        return drop if drop is not None and drop.person == person else None

    def begin(self, drop: Drop, settings: Settings, *, keep: bool, done: Callable[[], None] | None = None) -> None:
        """Reads it on a thread of its own. Raises `Refused` while it is being read already, and once it is kept."""
        with self._turn:
            if drop.state in ("reading", "keeping", "kept") or drop.descriptor < 0 or (keep and drop.state != "seen"):
                raise Refused("This file is being read already, or is not here any more. Drop it again.")
            drop.state, drop.read, drop.rows = "keeping" if keep else "reading", 0, 0

        def work() -> None:
            drop.work(settings, keep=keep)
            if drop.state == "kept":
                drop.close()
                if done is not None:
                    done()

        threading.Thread(target=work, daemon=True).start()

    def end(self, drop: Drop) -> None:
        """It is thrown away. Raises `Refused` in the middle of being kept: what is kept has to be known."""
        with self._turn:
            if drop.state == "keeping":
                raise Refused("This file is being kept right now.")
            self._end(drop)

    def close(self) -> None:
        """All of them."""
        with self._turn:
            for drop in list(self._held.values()):
                self._end(drop)

    def _end(self, drop: Drop) -> None:
        self._held.pop(drop.token, None)
        drop.close()

    def _too_old(self, token: str) -> None:
        with self._turn:
            drop = self._held.get(token)
            if drop is None:
                return
            if not drop.is_busy:
                self._end(drop)
                return
        timer = threading.Timer(HELD_S, self._too_old, (token,))
        timer.daemon = True
        timer.start()


def choose(given: dict[str, str]) -> dict[str, str]:
    """What a form says about a file. Raises `Refused`."""
    chosen = {name: given.get(name, "").strip() for name in CHOICES}
    if any(len(value) > MOST_CHOICE or not value.isprintable() for value in chosen.values()):
        raise Refused("This holds characters that cannot be shown, or too many.")
    return chosen


def plain_name(name: str) -> str:
    """A file's own name without its folders, as it can be shown."""
    bare = PurePosixPath(name.replace("\\", "/")).name
    shown = "".join(c if c.isprintable() else "_" for c in bare).strip() or "file"
    return shown if len(shown) <= MOST_NAME else "…" + shown[-MOST_NAME:]


def _unnamed() -> int:
    """A file in memory, or where the system has none, one that no folder knows. Raises `StoreError`."""
    try:
        if sys.platform == "linux":
            return os.memfd_create("twofold-drop", os.MFD_CLOEXEC)
        with tempfile.TemporaryFile() as file:
            return os.dup(file.fileno())
    except OSError as err:
        raise StoreError(f"no room for a file: {err.strerror}") from err
