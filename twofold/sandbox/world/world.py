"""Meta's side of the glass: the register of people, the ads side, and what follows from them and the inbox.

Owns their file in the data folder (one JSON line per accepted load, read again at start), and starts matching and
crediting over when people or ads change.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO

import msgspec
from msgspec import Struct

from twofold.sandbox.wire.received import Inbox
from twofold.sandbox.world.ads import Ads, Load
from twofold.sandbox.world.attribution import Credit
from twofold.sandbox.world.crediting import Crediting
from twofold.sandbox.world.lists import CustomerLists
from twofold.sandbox.world.matching import Matcher
from twofold.sandbox.world.people import Account, People
from twofold.sandbox.world.report_runs import Runs

FILE_NAME = "world.jsonl"
PORTION = 500  # events, about 10 ms


class _Line(Struct, omit_defaults=True):
    """One accepted load."""

    people: tuple[Account, ...] = ()
    ads: Load | None = None


_encode_line = msgspec.json.Encoder(decimal_format="string").encode
_decode_line = msgspec.json.Decoder(_Line).decode


class World:
    """Everything the receiver knows that no event told it. Not thread-safe; the sandbox's event loop owns it."""

    def __init__(self, inbox: Inbox, folder: Path | None = None) -> None:
        self.people = People()
        self.ads = Ads()
        self.runs = Runs()
        self.lists = CustomerLists()  # in memory alone, whatever folder there is: they are of people
        self.inbox = inbox
        self._matcher = Matcher(inbox, self.people, self.ads.clicker)
        self._crediting = Crediting(inbox, self.ads, self._matcher)
        self._known = (self.people.version, self.ads.version)
        self._file: IO[bytes] | None = None
        if folder is not None:
            self._open(folder)

    @property
    def matcher(self) -> Matcher:
        """Knows the register and the clicks as they are now."""
        self._start_over_if_changed()
        return self._matcher

    def add_people(self, accounts: Iterable[Account]) -> None:
        line = _Line(people=tuple(accounts))
        self._write(line)
        self._take(line)

    def add_ads(self, load: Load) -> None:
        """``load`` comes from `ads.read_load`, which checked it."""
        line = _Line(ads=load)
        self._write(line)
        self._take(line)

    async def settle(self) -> None:
        """Matches and credits what has come in small portions, so that other requests are answered in between."""
        while self.matcher.work_off(PORTION) or self._crediting.work_off(PORTION):
            await asyncio.sleep(0)

    def credits(self) -> Iterator[Credit]:
        """Every counted website event of a matched person that at least one window credits to an ad."""
        self._start_over_if_changed()
        return self._crediting.credits()

    def reset(self) -> None:
        """Forgets people, ads, runs, matches and customer lists, the file's content included."""
        self.lists.forget()
        self.people.forget()
        self.ads.forget()
        self.runs.forget()
        self._matcher.forget()
        self._crediting.forget()
        if self._file is not None:
            self._file.truncate(0)

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def _start_over_if_changed(self) -> None:
        known = (self.people.version, self.ads.version)
        if known != self._known:
            self._matcher.forget()
            self._crediting.forget()
            self._known = known

    def _take(self, line: _Line) -> None:
        if line.people:
            self.people.put(line.people)
        if line.ads is not None:
            self.ads.load(line.ads)
        self.inbox.version += 1  # what the pages show has changed

    def _write(self, line: _Line) -> None:
        if self._file is not None:
            self._file.write(_encode_line(line) + b"\n")
            self._file.flush()

    def _open(self, folder: Path) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(folder / FILE_NAME, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        self._file = os.fdopen(descriptor, "rb+")
        whole = 0
        for text in self._file:
            if not text.endswith(b"\n"):
                break  # the process died in the middle of this line; it was never answered
            self._take(_decode_line(text))
            whole += len(text)
        self._file.truncate(whole)
