"""Which rows are a person's: a walk over the journal that only reads.

Owns the rule of what belongs to whom:

- A row that carries a requested value (its hash under any rule, or the order) is the person's. So is every copy of the
  same action, unless that copy names somebody else.
- From these rows, identifiers lead on to further rows of the same dataset: browser ids, our visitor id, customer ids,
  order numbers and checkout tokens; and a contact hash of a kind that the request does not name, if only one is ever
  seen with the person. An identifier leads on only if it is this person's alone: none of the rows that carry it names
  somebody else (an e-mail address, phone number or customer id never seen with the person). A shared computer therefore
  leads nowhere, and neither do IP addresses, user agents and click ids.
- A request for an order leads on only along that order's own numbers and tokens.
- A row that merely mentions a requested text, in an address or a custom property, is somebody else's and loses the
  mention only.

Runs on a thread of its own with short reads, so that neither accepting nor the checkpoint waits for it.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct, field

from twofold.event.model import Event, readable_event
from twofold.matching.subject import LEADING, NAMING, Keyring, Mark, Needles, all_or_none, marks_of, tokens
from twofold.matching.words import sought_mark, texts_in
from twofold.privacy import lines
from twofold.store.engine import id_array
from twofold.store.engines import open_reader
from twofold.store.index.words import Ranges
from twofold.store.ladder import admit
from twofold.store.orders.buyers import buyers_of, orders_of_buyers
from twofold.store.orders.customers import forgotten_orders
from twofold.store.peers.places import Place, places_of, strand_of
from twofold.store.sqlite.statements import reading, statement

BOUGHT = "bought"
"""The kind of a key that was found to be the person's, as it stands beside orders they bought."""

ROUNDS = 4  # walks that follow identifiers at most; people's rows hang together by two or three
_CHUNK = 500
_NAMES_OF_ORDERS = frozenset({"order", "link"})
_HASHED = frozenset({"em", "ph"})

Progress = Callable[[str, int, int], None]
"""What is being done, how far, of how much."""


class SubjectQuery:
    """What is looked for, as keyed digests: of values anywhere, and of values in one dataset."""

    def __init__(self, ring: Keyring, keys: Iterable[tuple[str, bytes]], dataset: str | None = None) -> None:
        self.ring = ring
        self.keys = frozenset(keys)
        self.dataset = dataset
        self.kinds = frozenset(kind.removeprefix("in:") for kind, _ in self.keys)
        self.has = lru_cache(maxsize=65_536)(self._has)
        self.text = lru_cache(maxsize=65_536)(self._text)

    def key_in(self, dataset: str, mark: Mark) -> tuple[str, bytes]:
        """What is kept of an identifier that was found in a dataset."""
        kind = f"in:{mark.kind}"
        return kind, self.ring.digest(kind, f"{dataset}\0{mark.value}")

    def keys_of(self, leads: Iterable[tuple[str, Mark]]) -> set[tuple[str, bytes]]:
        """What is kept of identifiers that were found: in their dataset, and hashes wherever a text holds them."""
        kept: set[tuple[str, bytes]] = set()
        for dataset, mark in leads:
            kept.add(self.key_in(dataset, mark))
            if mark.kind in NAMING:
                kept.add(("text", self.ring.digest("text", mark.value)))
                kept.add((BOUGHT, self.ring.digest(mark.kind, mark.value)))
        return kept

    def and_found(self, leads: Iterable[tuple[str, Mark]]) -> SubjectQuery:
        """The same with what was found."""
        return SubjectQuery(self.ring, self.keys | self.keys_of(leads), self.dataset)

    def _has(self, dataset: str, mark: Mark) -> bool:
        return self.is_named(mark) or self.key_in(dataset, mark) in self.keys

    def is_named(self, mark: Mark) -> bool:
        """True for what the request itself names, not for what was found to go with it."""
        return (mark.kind, self.ring.digest(mark.kind, mark.value)) in self.keys

    def _text(self, text: str) -> bool:
        """True when a wanted text stands in this one."""
        return any(("text", self.ring.digest("text", t)) in self.keys for t in tokens(text))

    def order_in(self, text: str) -> bool:
        """True when a wanted order number is a part of an id."""
        return any(("order", self.ring.digest("order", t)) in self.keys for t in {text, *_exact_tokens(text)})


class SubjectMatches(Struct):
    """What is the person's. ``rows``: position to True for the whole row, False for a mention in it."""

    rows: dict[int, bool] = field(default_factory=dict)
    marks: set[tuple[str, Mark]] = field(default_factory=set)  # (dataset, identifier)
    leads: set[tuple[str, Mark]] = field(default_factory=set)  # those that are the person's alone
    shared: int = 0  # identifiers that led nowhere, because they are somebody else's too
    actions: set[int] = field(default_factory=set)
    mentioned_in: set[int] = field(default_factory=set)  # actions of rows that only mention the person
    orders: dict[int, bool] = field(default_factory=dict)  # row id to True where the order itself was named
    refused: list[int] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)  # of money: who stands opposite, or whose order
    line_texts: list[int] = field(default_factory=list)  # lines whose kept text mentions the person
    scanned: int = 0  # position up to which the journal was read; the same for the two below
    ends: dict[int, int] = {}  # the same for the strands of further writers
    orders_scanned: int = 0
    refused_scanned: int = 0


class Finder:
    """One search. ``needles`` make the first look fast; without them every row is read in full."""

    def __init__(
        self,
        folder: Path,
        wanted: SubjectQuery,
        *,
        needles: Needles | None = None,
        everything: bool = False,
        progress: Progress = lambda *_: None,
        breath_s: float = 0.0,
    ) -> None:
        self._folder = folder
        self._wanted = wanted
        self._needles = needles
        self._everything = everything
        self._progress = progress
        self._breath_s = breath_s
        self._db: Any = None
        self._names: dict[int, set[tuple[str, Mark]]] = {}  # row of the person's to the orders and links that it names
        self._claims: set[int] = set()  # those of them that are lone claims about what others reported
        self._others: set[int] = set()  # actions of others, about which they are

    def run(self) -> SubjectMatches:
        """Searches the whole folder. Raises `StoreError` when it cannot be read."""
        self._db = open_reader(self._folder)
        try:
            found = SubjectMatches()
            self._first_walk(found)
            if not self._everything:
                self._follow(found)
            mentions = [p for p, whole in found.rows.items() if not whole]
            found.mentioned_in = (actions_of(self._db, mentions) | self._others) - found.actions
            found.mentioned_in |= standing_for(self._db, found.actions | found.mentioned_in) - found.actions
            self._look_aside(found)
            return found
        finally:
            self._db.close()
            self._db = None

    # -- the first walk: requested values

    def _first_walk(self, found: SubjectMatches) -> None:
        ends = {place.number: _end(self._db, place) for place in places_of(reading(self._db))}
        words = self._needles.words if self._needles is not None and not self._everything else None
        for position, dataset, body in self._bodies("looking for the person", self._looks_wanted, words):
            strand = strand_of(position)
            ends[strand] = max(ends.get(strand, 0), position)
            if body is None or not self._in_scope(dataset):
                continue
            event = readable_event(body)
            whole = True if self._everything else is_whole(self._wanted, event, body)
            if event is not None and whole is not None:
                self._take(found, position, event, whole)
            elif whole is not None:
                found.rows[position] = whole
        found.scanned, found.ends = ends.pop(0), ends
        self._complete_actions(found)

    def _looks_wanted(self, body: bytes) -> bool:
        return self._everything or self._needles is None or self._needles.hit(body)

    def _in_scope(self, dataset: str) -> bool:
        return self._wanted.dataset is None or dataset == self._wanted.dataset

    # -- further walks: identifiers that lead on

    def _follow(self, found: SubjectMatches) -> None:
        rejected: set[tuple[str, Mark]] = set()
        for _ in range(ROUNDS):
            leads = self._leads(found) - rejected - found.leads
            if not leads:
                break
            rejected |= self._walk_leads(found, leads)
            found.leads |= leads - rejected
        found.shared = len(rejected)

    def _leads(self, found: SubjectMatches) -> set[tuple[str, Mark]]:
        kinds = set(LEADING)
        if not self._wanted.kinds & set(NAMING) and not any(k in self._wanted.kinds for k in ("fbp", "visitor")):
            kinds = {"order", "link"}  # only an order was named
        leads = {(d, m) for d, m in found.marks if m.kind in kinds and m.kind not in _HASHED}
        for kind in _HASHED & kinds - self._wanted.kinds:
            of_kind = {(d, m) for d, m in found.marks if m.kind == kind}
            leads |= of_kind if self._one_value(found, kind) else set()
        return leads

    def _one_value(self, found: SubjectMatches, kind: str) -> bool:
        """Whether all hashes of a kind hang together: forms of one value stand side by side in a row."""
        groups: list[set[str]] = []
        for values in found_values(self._read(p for p, whole in found.rows.items() if whole), kind):
            touching = [g for g in groups if g & values]
            groups = [g for g in groups if not g & values] + [values.union(*touching)]
        return len(groups) == 1

    def _walk_leads(self, found: SubjectMatches, leads: set[tuple[str, Mark]]) -> set[tuple[str, Mark]]:
        """Takes the rows that carry a lead of the person's alone; answers the leads that are not."""
        hints = hints_of(leads)
        shared: set[tuple[str, Mark]] = set()
        carrying: list[tuple[int, Event, set[tuple[str, Mark]]]] = []
        mentioning: list[tuple[int, bytes]] = []
        for position, dataset, body in self._bodies("following identifiers", hints.hit, hints.words):
            if body is None or found.rows.get(position) or not self._in_scope(dataset):
                continue
            event = readable_event(body)
            carried = {(dataset, m) for m in marks_of(event)} & leads if event is not None else set()
            if event is not None and carried and names_another(event, found.marks):
                shared |= carried
            elif event is not None and carried:
                carrying.append((position, event, carried))
            elif position not in found.rows:
                mentioning.append((position, body))
        wanted = self._wanted.and_found(leads - shared)
        for position, body in mentioning:
            if any(wanted.text(t) for t in texts_of(body)):
                found.rows[position] = False
        for position, event, carried in carrying:
            if carried - shared:
                self._take(found, position, event, True)
        self._complete_actions(found)
        return shared

    def _take(self, found: SubjectMatches, position: int, event: Event, whole: bool) -> None:
        found.rows[position] = whole or found.rows.get(position, False)
        if whole:
            marks = {(event.dataset, m) for m in marks_of(event)}
            self._names[position] = {m for m in marks if m[1].kind in _NAMES_OF_ORDERS}
            found.marks |= marks - self._names[position]

    def _complete_actions(self, found: SubjectMatches) -> None:
        """The other copies of what the person did: the same shopper, unless they name somebody else."""
        positions = [p for p, whole in found.rows.items() if whole]
        winners = actions_of(self._db, positions)
        self._set_claims_apart(winners | standing_for(self._db, winners), set(positions))
        found.actions |= winners - self._others
        copies = copies_of(self._db, found.actions) - set(positions)
        for position, event in self._events(copies):
            if event is None:
                found.rows[position] = True  # nobody can read whom it names: it goes with its action
            elif not names_another(event, found.marks):
                self._take(found, position, event, True)
        for position, names in self._names.items():
            if position not in self._claims:
                found.marks |= names

    def _set_claims_apart(self, actions: set[int], mine: set[int]) -> None:
        """A page can name anybody's order. What only claims to be about it, by the ladder of evidence, makes neither the
        order nor its action the person's: their own row goes, and nothing of the other's."""
        for action, places in copies_by_action(self._db, actions).items():
            own = places & mine
            if not own or len(places) < 2:
                continue
            copies = dict(self._events(places))
            known = {p: e for p in sorted(places) if (e := copies.get(p)) is not None}
            if len(known) < len(places):
                continue
            counted = {id(c) for c in admit(list(known.values())).copies}
            lone = {p for p in own if id(known[p]) not in counted}
            self._claims |= lone
            if lone == own:
                self._others.add(action)
            else:
                self._others.discard(action)

    # -- reading

    def _bodies(
        self, what: str, looks: Callable[[bytes], bool], words: frozenset[frozenset[str]] | None
    ) -> Iterator[tuple[int, str, bytes | None]]:
        """(position, dataset, body) of all rows that can hold these words; the body only where a first look says that it
        may matter."""
        last: int = self._db.execute("select coalesce(max(position), 0) from event").fetchone()[0]
        sql = (
            "select position, dataset, plain_body(body) from event where position > ? and position <= ? "
            "order by position limit ?"
        )
        for at, until in [(0, last)] if words is None else Ranges(self._db)(words, last):
            while rows := self._db.execute(sql, (at, min(until, last), _CHUNK)).fetchall():
                for position, dataset, body in rows:
                    yield position, dataset, body if looks(body) else None
                at = rows[-1][0]
                self._progress(what, at, last)
                if self._breath_s:
                    time.sleep(self._breath_s)  # the loop that accepts shares the interpreter with us
        self._progress(what, last, last)

    def _read(self, positions: Iterable[int]) -> Iterator[Event]:
        yield from (event for _, event in self._events(set(positions)) if event is not None)

    def _events(self, positions: set[int]) -> Iterator[tuple[int, Event | None]]:
        ordered = sorted(positions)
        for start in range(0, len(ordered), _CHUNK):
            sql = "select position, plain_body(body) from event where position in (select value from carray(?))"
            for position, body in self._db.execute(sql, (id_array(ordered[start : start + _CHUNK]),)).fetchall():
                yield position, readable_event(body)

    def _look_aside(self, found: SubjectMatches) -> None:
        """The tables beside the journal."""
        found.refused_scanned = _last_id(self._db, "refused")
        found.orders_scanned = _last_id(self._db, "orders")
        if self._everything:
            sql = "select id from orders where cast(?1 as text) is null or dataset = ?1"
            found.orders = {number: True for (number,) in self._db.execute(sql, (self._wanted.dataset,))}
            found.refused = [
                r for (r,) in self._db.execute("select id from refused where dataset = ?", (self._wanted.dataset,))
            ]
            return
        theirs = {(d, m.value) for d, m in found.marks if m.kind == "order"}
        wanted = self._wanted.and_found(found.leads)
        found.orders = orders_with(self._db, wanted, theirs, 0)
        self._look_at_lines(found, wanted)
        hashes = hints_of({lead for lead in found.leads if lead[1].kind in NAMING})
        needles = self._needles and Needles(self._needles.texts, self._needles.hashes | hashes.hashes)
        found.refused = refused_with(self._db, wanted, needles, 0)

    def _look_at_lines(self, found: SubjectMatches, wanted: SubjectQuery) -> None:
        """Lines of money about the person: by who stands opposite, and by the orders that were found."""

        def run(name: str, bindings: Any) -> list[tuple[Any, ...]]:
            rows: list[tuple[Any, ...]] = self._db.execute(statement(name), bindings).fetchall()
            return rows

        keys = lines.digests_of_person(wanted.ring, wanted.keys, found.leads)
        buyers = buyers_of(run, found.orders)
        transfers: set[int] = set()
        for number in found.orders:
            order, facts = order_and_facts(run, number)
            buyer = set(buyers.get(number, ()))
            names = {digest for digest in buyer if digest.startswith("name:")}
            keys |= lines.keys_of_order(order, facts) | (buyer - names)
            transfers |= set(lines.transfers_of(run, names, lines.amounts_in(facts), id_array))
        found.lines = sorted(transfers | set(lines.lines_with(run, keys, id_array)))
        found.line_texts = list(lines.texts_with(run, wanted.text))


def order_and_facts(run: lines.Run, number: int) -> tuple[str, list[bytes]]:
    """An order's id and what was reported of it."""
    facts = [body for _, body in run("select_facts_of", (id_array([number]),))]
    rows = run("select_orders", (id_array([number]),))
    return (str(rows[0][2]) if rows else ""), facts


def is_whole(wanted: SubjectQuery, event: Event | None, body: bytes) -> bool | None:
    """True for the person's own row, False for one that mentions a wanted text, None for any other."""
    if event is None:
        return False if any(wanted.text(t) for t in texts_of(body)) else None
    marks = marks_of(event)
    if any(wanted.is_named(m) for m in marks) or wanted.text(event.event_id):
        return True
    if any(wanted.has(event.dataset, m) for m in marks) and not _names_unwanted(wanted, event, marks):
        return True
    return False if any(wanted.text(t) for t in texts_of(body)) else None


def texts_of(body: bytes) -> Iterable[str]:
    """All texts in a body; where it is no JSON any more, what can be read of it as one text."""
    try:
        return texts_in(msgspec.json.decode(body))
    except (msgspec.MsgspecError, ValueError):
        return (body.decode("utf-8", "replace"),)


def _names_unwanted(wanted: SubjectQuery, event: Event, marks: list[Mark]) -> bool:
    return any(
        here and kind in wanted.kinds and not any(wanted.has(event.dataset, m) for m in here)
        for kind in _HASHED
        for here in [[m for m in marks if m.kind == kind]]
    )


def names_another(event: Event, known: set[tuple[str, Mark]]) -> bool:
    """True when the event names somebody who was never seen with the person.

    An e-mail address or phone number decides; a customer id does only where neither of these is known to be theirs.
    """
    own = marks_of(event)
    agree = False
    for kind in ("em", "ph", "external_id"):
        here = [(event.dataset, m) for m in own if m.kind == kind]
        if any(h in known for h in here):
            agree = True
        elif (
            here
            and not (kind == "external_id" and agree)
            and any(m.kind == kind and d == event.dataset for d, m in known)
        ):
            return True
    return False


def found_values(events: Iterable[Event], kind: str) -> Iterator[set[str]]:
    """The hashes of one kind, event by event."""
    for event in events:
        values = {h.hex for h in getattr(event.user_data, kind)}
        if values:
            yield values


def actions_of(db: Any, positions: Iterable[int]) -> set[int]:
    """The actions these rows belong to, and those that they were merged into."""
    found: set[int] = set()
    ordered = sorted(positions)
    for start in range(0, len(ordered), _CHUNK):
        sql = "select distinct action from event where position in (select value from carray(?))"
        found |= {a for (a,) in db.execute(sql, (id_array(ordered[start : start + _CHUNK]),))}
    fresh = found
    while fresh:
        sql = "select merged_into from action where merged_into is not null and id in (select value from carray(?))"
        fresh = {a for (a,) in db.execute(sql, (id_array(fresh),))} - found
        found |= fresh
    return found


def standing_for(db: Any, actions: Iterable[int]) -> set[int]:
    """The actions that stand for these now: a higher tier's, into whose bytes a copy of theirs may have come."""
    found: set[int] = set()
    fresh = set(actions)
    while fresh:
        sql = "select successor from superseded where action in (select value from carray(?))"
        fresh = {a for (a,) in db.execute(sql, (id_array(sorted(fresh)),))} - found
        found |= fresh
    return found


def copies_by_action(db: Any, actions: Iterable[int]) -> dict[int, set[int]]:
    """Positions of the copies of each of these actions, those included that are looked at for one that stands for theirs."""
    found = {action: {action} for action in actions}
    ordered = sorted(found)
    for start in range(0, len(ordered), _CHUNK):
        part = id_array(ordered[start : start + _CHUNK])
        for table in ("copy", "carried_over"):
            sql = f"select action, position from {table} where action in (select value from carray(?))"
            for action, position in db.execute(sql, (part,)):
                found[action].add(position)
    return found


def copies_of(db: Any, actions: Iterable[int]) -> set[int]:
    """Positions of all copies of these actions."""
    found: set[int] = set()
    ordered = sorted(actions)
    for start in range(0, len(ordered), _CHUNK):
        part = ordered[start : start + _CHUNK]
        sql = "select position from copy where action in (select value from carray(?))"
        found |= {p for (p,) in db.execute(sql, (id_array(part),))} | set(part)
    return found


def orders_with(db: Any, wanted: SubjectQuery, theirs: set[tuple[str, str]], after: int) -> dict[int, bool]:
    """Orders of the person (row id to whether the order itself was named), and orders whose facts mention them."""
    found: dict[int, bool] = {}
    digests = {digest for kind, digest in wanted.keys if kind in NAMING or kind == BOUGHT}
    bought = orders_of_buyers(reading(db), digests) if digests else set()
    bought |= forgotten_orders(reading(db), bought)
    for number, dataset, order in db.execute("select id, dataset, order_id from orders where id > ?", (after,)):
        if wanted.dataset is not None and dataset != wanted.dataset:
            continue
        mark = Mark("order", order)
        if wanted.is_named(mark):
            found[number] = True
        elif (dataset, order) in theirs or wanted.has(dataset, mark) or number in bought:
            found[number] = False
    sql = "select f.order_row, f.body from order_fact as f where f.order_row > ?"
    for number, body in db.execute(sql, (after,)):
        if number not in found and b'"tags"' in body and any(wanted.text(t) for t in texts_of(body)):
            found[number] = False
    return found


def _end(db: Any, place: Place) -> int:
    """Where a writer's strand stands."""
    return int(db.execute(statement("last_position_of"), (place.before, place.end)).fetchone()[0])


def _last_id(db: Any, table: str) -> int:
    last: int = db.execute(f"select coalesce(max(id), 0) from {table}").fetchone()[0]
    return last


def refused_with(db: Any, wanted: SubjectQuery, needles: Needles | None, after: int) -> list[int]:
    """Ids of refused rows in which a wanted text stands. Their bodies are masked, their other columns less so."""
    sql = "select id, event_id, event_name, path, expected, got, body from refused where id > ? order by id"
    found = []
    for number, *texts in db.execute(sql, (after,)):
        joined = "\n".join(texts)
        if needles is not None and not needles.hit(joined.encode("utf-8", "surrogatepass")):
            continue
        if any(wanted.text(t) for t in texts) or wanted.order_in(texts[0]):
            found.append(number)
    return found


def hints_of(leads: set[tuple[str, Mark]]) -> Needles:
    """Bytes without which a row cannot carry one of these."""
    by_kind: dict[bool, set[bytes]] = defaultdict(set)
    for _, mark in leads:
        if mark.kind in NAMING:
            by_kind[True].add(mark.value.encode())
        else:
            text = msgspec.json.encode(mark.value)[1:-1].lower()
            # The end of the value is the end of its text, but for browser ids, which may carry a suffix.
            by_kind[False].add(text if mark.kind == "fbp" else text + b'"')
    words = all_or_none(sought_mark(mark.kind, mark.value) for _, mark in leads)
    return Needles(tuple(by_kind[False]), frozenset(by_kind[True]), words)


def _exact_tokens(text: str) -> set[str]:
    """Like `tokens`, in the case they are written in: order numbers are compared as they are."""
    lower = tokens(text)
    return {text[at : at + len(t)] for t in lower for at in [text.lower().find(t)] if at >= 0}
