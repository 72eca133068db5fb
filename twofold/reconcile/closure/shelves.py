"""Look-ups by key in one snapshot: lines of keys, orders of keys, people's decisions, movements that two formats tell.

Owns what is read from the store for a part of the ledger and how a line that is told twice is one here, too. Chooses nothing:
which keys are looked up is `part`'s.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import cached_property

from twofold.ledger.filing import key_number
from twofold.ledger.lines import Decision, MoneyLine, ParcelLine, decode_thing
from twofold.matching.persons import NUMBERS
from twofold.reconcile.matches.twice import Once, tell_once
from twofold.reconcile.matches.values import Days, Entry
from twofold.reconcile.reading.folder import Folder
from twofold.store.engine import id_array, key_array
from twofold.store.lines.books import Book


class Shelves:
    """What is there under a key. Everything is read once a snapshot where it is small."""

    def __init__(self, store: Folder, decisions: Sequence[Decision] | None = None) -> None:
        self.store = store
        self._given = decisions
        self.held: Mapping[str, MoneyLine] = {}
        """Lines that somebody has read already."""
        self._once: dict[str, Once] = {}
        self._same: dict[int, list[tuple[str, str]]] | None = None

    # -- lines

    def lines(self, keys: Collection[str]) -> list[tuple[str, MoneyLine | ParcelLine]]:
        """Standing movements and couriers' words under these keys, each once, as they were told."""
        rows = self.store.run("standing_lines_of_keys", (id_array(map(key_number, keys)),)) if keys else []
        bodies = {name.hex(): body for name, _, body in rows}
        return [(name, self.held.get(name) or self.store.here(decode_thing(body))) for name, body in bodies.items()]

    def entries(self, raw: Iterable[tuple[str, MoneyLine]]) -> dict[str, Entry]:
        """The same lines as they count: those of a source that is told in several ways as the one of their tellings."""
        found: dict[str, Entry] = {}
        for name, line in raw:
            if self.is_plain(line.source):
                found[name] = Entry(name=name, line=line)
            else:
                once = self.once_of(line.source)
                name = once.name(name)
                found[name] = self._counting[line.source][name]
        return found

    @cached_property
    def books(self) -> tuple[Book, ...]:
        return tuple(Book(*row) for row in self.store.run("select_line_books"))

    @cached_property
    def books_of(self) -> dict[str, list[Book]]:
        found: dict[str, list[Book]] = defaultdict(list)
        for book in self.books:
            found[book.source].append(book)
        return found

    def is_plain(self, source: str) -> bool:
        """True for a source of which no movement can have been told twice: one format an account, and the account told by all
        lines or none."""
        if source not in self._plain:
            forms: dict[tuple[str, str], set[str]] = defaultdict(set)
            accounts = set()
            for book in self.books_of.get(source, ()):
                forms[book.account, book.currency].add(book.form)
                accounts.add(book.account)
            single = all(len(told) == 1 for told in forms.values())
            self._plain[source] = single and not ("" in accounts and len(accounts) > 1)
        return self._plain[source]

    @cached_property
    def _plain(self) -> dict[str, bool]:
        return {}

    def once_of(self, source: str) -> Once:
        """All movements of a source that is told in several ways, each once."""
        if source not in self._once:
            rows = self.store.run("standing_money_of_source", (source,))
            once = tell_once(
                [Entry(name=n.hex(), line=self.store.here(decode_thing(body))) for n, body in rows], self.store.ways
            )
            self._once[source] = once
            self._counting[source] = {e.name: e for e in once.entries}
        return self._once[source]

    @cached_property
    def _counting(self) -> dict[str, dict[str, Entry]]:
        return {}

    def counting(self, source: str, name: str) -> Entry:
        """A line of a source that is told in several ways, as it counts."""
        self.once_of(source)
        return self._counting[source][name]

    def same_by_day(self, days: Days) -> dict[int, list[tuple[str, str]]]:
        """Lines of sources that are told in several ways that tell what another tells, by the day of the one that counts."""
        if self._same is None:
            self._same = defaultdict(list)
            for source in sorted(self.books_of):
                if not self.is_plain(source):
                    for other, line in self.once_of(source).same.items():
                        told = self._counting[source][line].line
                        self._same[days.of(told.at, told.zone)].append((other, line))
        return self._same

    def name(self, line: str) -> str:
        """The name under which a line counts."""
        for once in self._once.values():
            if line in once.same:
                return once.same[line]
        return line

    # -- orders

    def orders(self, keys: Collection[str]) -> dict[str, set[int]]:
        """Key to the orders that it may name."""
        if not keys:
            return {}
        numbers = {key_number(key): key for key in keys}
        found: dict[str, set[int]] = defaultdict(set)
        for number, order in self.store.run("select_orders_of_keys", (id_array(numbers),)):
            found[numbers[number]].add(order)
        return found

    def bought(self, digests: Iterable[str]) -> list[tuple[str, int, int]]:
        """Orders whose buyer has one of these digests ("kind:hex"): digest, order, when it was placed."""
        wanted = {bytes.fromhex(d.partition(":")[2]): d for d in digests}
        rows = self.store.run("orders_of_digests", (key_array(wanted),)) if wanted else []
        return [
            (wanted[bytes(digest)], order, at)
            for digest, order, kind, at in rows
            if _alike(wanted[bytes(digest)].partition(":")[0], kind)
        ]

    # -- decisions

    @cached_property
    def decisions(self) -> list[Decision]:
        """All words of people, unless others were given: they are few."""
        if self._given is not None:
            return list(self._given)
        return [thing for _, thing in self.store.standing("decision", Decision)]

    @cached_property
    def decided_lines(self) -> dict[str, list[Decision]]:
        found: dict[str, list[Decision]] = defaultdict(list)
        for word in self.decisions:
            found[word.line].append(word)
        return found

    @cached_property
    def decided_targets(self) -> dict[str, list[Decision]]:
        found: dict[str, list[Decision]] = defaultdict(list)
        for word in self.decisions:
            found[word.to].append(word)
        return found


def _alike(kind: str, other: str) -> bool:
    return kind == other or (kind in NUMBERS and other in NUMBERS)
