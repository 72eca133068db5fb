"""Customer lists (Custom Audiences) as this machine has them: who is on each by a digest of their own, and what every request changed.

Owns the lists and their counts. What was told are digests of addresses and telephones, which are somebody's data: of each row a keyed
digest is kept, under a key that lives as long as the process, in memory only. Nobody can read a row from it or test a guess.
"""

from __future__ import annotations

import hashlib
import secrets
from collections import deque
from collections.abc import Sequence

from msgspec import Struct

SHOWN = 50
"""So many of the newest requests are kept."""


class Row(Struct, frozen=True):
    """One row as it was told: its digests, empty where it has none, and whether a value came with it."""

    email: str
    phone: str
    valued: bool = False


class Change(Struct, frozen=True, kw_only=True):
    """One request. ``new``: rows that it put on, or took off; ``invalid``: rows that nobody can be found by. ``at`` in ms."""

    at: int
    list: str
    kind: str  # "added" or "removed"
    rows: int
    emails: int
    phones: int
    new: int
    invalid: int


class CustomerList(Struct, kw_only=True):
    """One list. ``rows``: digest of each row to whether it has an address, a telephone and a value."""

    id: str
    rows: dict[bytes, tuple[bool, bool, bool]] = {}
    requests: int = 0
    added: int = 0
    removed: int = 0
    repeated: int = 0  # rows that were on it already, or were not on it
    invalid: int = 0
    last_at: int = 0

    @property
    def emails(self) -> int:
        return sum(has for has, _, _ in self.rows.values())

    @property
    def phones(self) -> int:
        return sum(has for _, has, _ in self.rows.values())

    @property
    def valued(self) -> int:
        return sum(has for _, _, has in self.rows.values())


class CustomerLists:
    """All of them. A list is there from its first request on, as a dataset is."""

    def __init__(self) -> None:
        self._key = secrets.token_bytes(32)
        self._lists: dict[str, CustomerList] = {}
        self._changes: deque[Change] = deque(maxlen=SHOWN)

    def listed(self) -> list[CustomerList]:
        """By their ids."""
        return [self._lists[name] for name in sorted(self._lists)]

    def changes(self) -> list[Change]:
        """The newest requests, the latest first."""
        return list(reversed(self._changes))

    def change(self, name: str, kind: str, rows: Sequence[Row], invalid: int, at: int) -> Change:
        """Puts rows on a list or takes them off; ``invalid`` rows came beside them."""
        one = self._lists.setdefault(name, CustomerList(id=name, rows={}))
        before = len(one.rows)
        for row in rows:
            digest = self._digest(row)
            if kind == "added":
                one.rows[digest] = (bool(row.email), bool(row.phone), row.valued)
            else:
                one.rows.pop(digest, None)
        new = abs(len(one.rows) - before)
        done = Change(
            at=at, list=name, kind=kind, rows=len(rows) + invalid, emails=sum(bool(r.email) for r in rows),
            phones=sum(bool(r.phone) for r in rows), new=new, invalid=invalid,
        )  # fmt: skip
        one.requests += 1
        one.added += new if kind == "added" else 0
        one.removed += new if kind == "removed" else 0
        one.repeated += len(rows) - new
        one.invalid += invalid
        one.last_at = at
        self._changes.append(done)
        return done

    def forget(self) -> None:
        """Everything; a new key, too."""
        self.__init__()  # type: ignore[misc]  # as it was made

    def _digest(self, row: Row) -> bytes:
        return hashlib.blake2b(f"{row.email},{row.phone}".encode(), key=self._key, digest_size=16).digest()
