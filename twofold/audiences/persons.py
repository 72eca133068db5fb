"""One person each: which marks, signs and orders of a dataset are whose.

Owns the joining, by the people rules of stitching: only what is unambiguous joins, and nothing depends on the order of arrival. An
e-mail address is a person's. Every other mark (a telephone, a customer number, a browser, an order) joins what it was seen with as
long as that names one e-mail address at most; one that was seen with several (a till, a family's tablet) joins nobody. Where marks
hang together over which two addresses come out as one, only what carried an address itself counts.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from msgspec import Struct

from twofold.audiences.reading import Order, Read, Said, Sign
from twofold.matching.counterparts import SUBJECT_KINDS

NAMING = ("em", "ph", "external_id")


class Person(Struct, kw_only=True, gc=False):
    """One person. ``marks``: numbers of the dataset's marks, also of those that the person shares with others."""

    number: int
    ties: list[int]
    marks: set[int]
    signs: list[Sign] = []
    orders: list[Order] = []  # certainly theirs
    near: list[Order] = []  # of somebody who shares a telephone or a number with them


class People(Struct, kw_only=True):
    """All persons of a dataset, and of each tie whose it is."""

    read: Read
    persons: list[Person]
    said_of: dict[int, list[tuple[Said, int]]]  # tie to what was said with it, and when
    ties_of: dict[int, list[int]]  # mark to the ties that carry it
    whose: dict[int, int]  # tie to the number of its person; one that is nobody's is not in it


class _Groups:
    """Marks that hang together, each named by the least number."""

    def __init__(self, size: int) -> None:
        self._root = list(range(size))

    def of(self, mark: int) -> int:
        root = self._root
        while root[mark] != mark:
            root[mark] = root[root[mark]]
            mark = root[mark]
        return mark

    def join(self, marks: Iterable[int]) -> None:
        roots = {self.of(mark) for mark in marks}
        least = min(roots, default=0)
        for other in roots:
            self._root[other] = least


def people_of(read: Read) -> People:
    """The persons of a dataset."""
    ties_of: dict[int, list[int]] = defaultdict(list)
    for number, tie in enumerate(read.ties):
        for mark in tie.marks:
            ties_of[mark].append(number)
    whose = _whose(read, ties_of)
    persons: dict[int, Person] = {}
    for number, root in sorted(whose.items()):
        person = persons.get(root)
        if person is None:
            persons[root] = person = Person(number=root, ties=[], marks=set(), signs=[], orders=[], near=[])
        person.ties.append(number)
        person.marks.update(read.ties[number].marks)
    for sign in read.signs:
        if sign.tie in whose:
            persons[whose[sign.tie]].signs.append(sign)
    _give_orders(read, persons, whose)
    said_of: dict[int, list[tuple[Said, int]]] = defaultdict(list)
    for (number, said), at in read.said.items():
        said_of[number].append((said, at))
    return People(read=read, persons=list(persons.values()), said_of=said_of, ties_of=ties_of, whose=whose)


def _whose(read: Read, ties_of: dict[int, list[int]]) -> dict[int, int]:
    """Tie to the root of its person."""
    is_email = [mark.kind == "em" for mark in read.marks]
    groups, addresses = _Groups(len(read.marks)), _Groups(len(read.marks))
    for tie in read.ties:
        addresses.join(m for m in tie.marks if is_email[m])
    shared = {
        mark for mark, ties in ties_of.items() if not is_email[mark] and _is_shared(read, ties, is_email, addresses)
    }
    for tie in read.ties:
        groups.join(m for m in tie.marks if m not in shared)
    emails: dict[int, set[int]] = defaultdict(set)
    for mark, known in enumerate(is_email):
        if known:
            emails[groups.of(mark)].add(addresses.of(mark))
    found: dict[int, int] = {}
    for number, tie in enumerate(read.ties):
        own = [m for m in tie.marks if m not in shared]
        if not own:
            continue
        root = groups.of(own[0])
        if len(emails[root]) < 2:
            found[number] = root
        else:  # over several marks two addresses came out as one: whose the marks between them are nobody can tell
            address = next((m for m in own if is_email[m]), None)
            if address is not None:
                found[number] = addresses.of(address)
    return found


def _is_shared(read: Read, ties: Sequence[int], is_email: list[bool], addresses: _Groups) -> bool:
    """True for a mark that was seen with more than one person's e-mail addresses."""
    first = -1
    for number in ties:
        for mark in read.ties[number].marks:
            if is_email[mark]:
                root = addresses.of(mark)
                if first not in (-1, root):
                    return True
                first = root
    return False


def _give_orders(read: Read, persons: dict[int, Person], whose: dict[int, int]) -> None:
    """Each order to its buyer: by its Purchase, else by the digests of who bought, where these lead to one person."""
    named = _named(read, persons)
    for order in read.orders:
        tie = read.of_action.get(order.action) if order.action is not None else None
        owner = whose.get(tie) if tie is not None else None
        led = {digest: named[digest] for digest in order.buyers if digest in named}
        if owner is None:
            for kind in ("email:", "customer:", "phone:"):
                found = {root for digest, roots in led.items() if digest.startswith(kind) for root in roots}
                if len(found) == 1:
                    owner = found.pop()
                if found or owner is not None:
                    break
        for root in {r for roots in led.values() for r in roots} - {owner}:
            persons[root].near.append(order)
        if owner is not None:
            persons[owner].orders.append(order)


def _named(read: Read, persons: dict[int, Person]) -> dict[str, set[int]]:
    """A buyer's digest, as orders keep it, to the persons that it may be; only of those that some order has."""
    wanted = {digest for order in read.orders for digest in order.buyers}
    found: dict[str, set[int]] = defaultdict(set)
    if not wanted or read.digest is None:
        return found
    kinds = {subject: kind for kind, subject in SUBJECT_KINDS.items()}
    known: dict[int, str] = {}
    for person in persons.values():
        for number in person.marks:
            mark = read.marks[number]
            if mark.kind not in NAMING:
                continue
            if number not in known:
                known[number] = f"{kinds[mark.kind]}:{read.digest(mark.kind, mark.value).hex()}"
            if known[number] in wanted:
                found[known[number]].add(person.number)
    return found


__all__ = ["NAMING", "People", "Person", "people_of"]
