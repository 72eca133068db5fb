"""Meta's side of the glass: the register of people, the ads side, and what follows from them and the inbox.

Owns their file in the data folder (one JSON line per accepted load, read again at start) and the list of credited
conversions, which is computed when asked for and kept until something changes.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterable
from pathlib import Path
from typing import IO

import msgspec
from msgspec import Struct

from twofold.sandbox.ads import Ads, Load, Touch
from twofold.sandbox.attribution import Conversion, Credit, credit
from twofold.sandbox.dedup import State
from twofold.sandbox.matching import Matcher
from twofold.sandbox.people import Account, People
from twofold.sandbox.received import Inbox, Received
from twofold.sandbox.report_runs import Runs
from twofold.sandbox.rules import APPEND_EVENTS

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
        self._inbox = inbox
        self._matcher = Matcher(inbox, self.people, self.ads.clicker)
        self._matched_with = (self.people.version, self.ads.version)
        self._credits: list[Credit] = []
        self._credited_at: tuple[int, int, int] | None = None
        self._file: IO[bytes] | None = None
        if folder is not None:
            self._open(folder)

    @property
    def matcher(self) -> Matcher:
        """Knows the register and the clicks as they are now."""
        known = (self.people.version, self.ads.version)
        if known != self._matched_with:
            self._matcher.forget()
            self._matched_with = known
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
        """Matches everything that has come in small portions, so that other requests are answered in between."""
        while self.matcher.work_off(PORTION):
            await asyncio.sleep(0)

    def credits(self) -> list[Credit]:
        """Every counted website event of a matched person that at least one window credits to an ad."""
        now = (self._inbox.version, self.people.version, self.ads.version)
        if now != self._credited_at:
            self._credits = list(self._credit_all())
            self._credited_at = now
        return self._credits

    def reset(self) -> None:
        """Forgets people, ads, runs and matches, the file's content included."""
        self.people.forget()
        self.ads.forget()
        self.runs.forget()
        self._matcher.forget()
        self._credits, self._credited_at = [], None
        if self._file is not None:
            self._file.truncate(0)

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def _credit_all(self) -> Iterable[Credit]:
        if not self.ads.touches:
            return
        matcher = self.matcher
        touches: dict[tuple[str, str], list[Touch]] = {}  # people buy more than once
        for copy in self._inbox.received():
            if not is_conversion(copy) or (person := matcher.person_of(copy)) is None:
                continue
            key = (person, copy.arrival.dataset)
            if key not in touches:
                touches[key] = self._touches_for(*key)
            if not touches[key]:
                continue
            found = credit(conversion_of(copy, person), touches[key], self.ads.adset_of)
            if found is not None:
                yield found

    def _touches_for(self, person: str, dataset: str) -> list[Touch]:
        """The person's touches of ads whose account gets this dataset's conversions."""
        ads = self.ads
        return [
            touch
            for touch in ads.touches_of(person)
            if not (datasets := ads.account_of(touch.ad_id).datasets) or dataset in datasets
        ]

    def _take(self, line: _Line) -> None:
        if line.people:
            self.people.put(line.people)
        if line.ads is not None:
            self.ads.load(line.ads)
        self._inbox.version += 1  # what the pages show has changed

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


def is_conversion(copy: Received) -> bool:
    """Only what counts once and happened on a website: ads of this sandbox lead nowhere else."""
    arrival = copy.arrival
    return (
        copy.state is State.PROCESSED and arrival.action_source == "website" and arrival.event_name not in APPEND_EVENTS
    )


def conversion_of(copy: Received, person: str) -> Conversion:
    arrival = copy.arrival
    return Conversion(
        number=copy.number,
        dataset=arrival.dataset,
        event_name=arrival.event_name,
        person=person,
        time=arrival.event_time,
        value=arrival.value,
        currency=arrival.currency,
    )
