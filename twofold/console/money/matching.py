"""What is for a person to match: bank lines, lines of providers and couriers, batches; and of one of them what it could pay.

Owns the rows, and the candidates of each with why. Which wait is `waiting`'s; what pays what is the matching's: a candidate is nothing but
something whose open amount is the same or near it, or that the matching proposes. Only what is shown is matched, with what bears on it; an
older folder that is still being taken in is matched whole.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from msgspec import Struct
from msgspec.structs import replace

from twofold.console.money.chain import asked_of, policy_of
from twofold.console.money.task import Task
from twofold.console.money.waiting import (
    BATCH,
    IN,
    LINE,
    OUT,
    Grown,
    Place,
    batches_named,
    kind_of,
    places_of,
    want_payers,
    want_what_fits,
)
from twofold.ledger.lines import MoneyLine
from twofold.ledger.ties import BANK
from twofold.reconcile.chain.values import Order, Rules
from twofold.reconcile.closure.ledger import is_open_to
from twofold.reconcile.matches.exchanges import join_exchanges
from twofold.reconcile.matches.purse import OpenDues, Purse
from twofold.reconcile.matches.values import Due, Entry, Group, Match, Proposal
from twofold.reconcile.reading.folder import Folder
from twofold.reconcile.reading.owed import no_collector
from twofold.reconcile.reading.whole import read_whole, tolerance_of
from twofold.reconcile.reading.world import Matched
from twofold.store.lines.reading import OpenLines

BEGINNING = "1970-01-01"
MOST_CANDIDATES = 8
SAME, NEAR, BUYER, SUM = "same_amount", "near_amount", "same_buyer", "same_sum"


class Candidate(Struct, frozen=True, kw_only=True):
    """Something that a line could pay, or a line that could pay a batch. ``fits``: how many share the answer with it."""

    to: str
    why: str
    amount: Decimal | None
    currency: str
    at: int | None = None
    number: str = ""
    order_id: str = ""
    dataset: str = ""
    fits: int = 1


class Seen(Struct, frozen=True, kw_only=True):
    """A ledger or a part of it, matched. ``lines``, ``groups``: those of which the matches are known; None for all."""

    orders: Mapping[str, Order]
    dues: Mapping[str, Due]
    entries: Mapping[str, Entry]
    matched: Matched
    rules: Rules
    counting: Callable[[str], str]
    lines: frozenset[str] | None = None
    groups: frozenset[str] | None = None

    def is_known(self, line: str) -> bool:
        return self.lines is None or line in self.lines

    @property
    def known_groups(self) -> list[Group]:
        return [g for g in self.matched.groups if self.groups is None or g.key in self.groups]


class _Desk:
    """What was seen, with what is open in it, as the matching left it."""

    def __init__(self, seen: Seen) -> None:
        self.seen = seen
        self.matching = seen.matched.matching
        self.proposals: dict[str, Proposal] = {p.line: p for p in self.matching.proposals}
        self.by_line: dict[str, list[Match]] = defaultdict(list)
        for match in self.matching.matches:
            self.by_line[match.line].append(match)
        self.tolerance = tolerance_of(seen.rules)
        dues, _ = join_exchanges(seen.dues.values())  # what was replaced owes nothing any more
        self._purse = Purse(dues, [e for e in seen.entries.values() if e.line.status == "booked"])
        for match in self.matching.matches:
            entry = self._purse.entries[match.line]
            self._purse.pay(entry, match.to, match.amount, match.rule, match.trust)
        self._dues = OpenDues(self._purse)
        self.waiting = [g for g in seen.known_groups if g.key not in seen.matched.paid and g.net]

    def left(self, name: str) -> Decimal:
        return self._purse.left.get(name, Decimal(0))

    def is_open(self, name: str) -> bool:
        return name in self._purse.left and self._purse.is_open(name)

    def candidates(self, entry: Entry) -> list[Candidate]:
        """What it could pay: first what the matching proposes, then what has its amount, then what is near."""
        found: dict[str, Candidate] = {}
        proposal = self.proposals.get(entry.name)
        for answer in proposal.answers if proposal else ():
            for to in answer:
                found.setdefault(
                    to, self._order(to, proposal.why if proposal else "", entry.line.currency, len(answer))
                )
        left, near = self.left(entry.name), self.tolerance.near
        is_bank = entry.line.kind in BANK
        for group in self.waiting if is_bank else ():
            if group.batch.currency == entry.line.currency and abs(group.net - left) <= near:
                found.setdefault(group.key, _batch(group, SUM if group.net == left else NEAR))
        if left > 0:
            low, high = left - near, left + near
            around = self._dues.within(entry.line.currency, low, high)
            for due in sorted(around, key=lambda d: (abs((self._purse.due_left(d.order, entry.line.currency) or 0) - left),
                                                     abs(d.placed_at - entry.line.at), d.order)):  # fmt: skip
                same = self._purse.due_left(due.order, entry.line.currency) == left
                why = BUYER if set(due.buyer) & set(entry.line.counterpart) else SAME if same else NEAR
                found.setdefault(f"order:{due.order}", self._order(f"order:{due.order}", why, entry.line.currency, 1))
        return list(found.values())[:MOST_CANDIDATES]

    def payers(self, group: Group) -> list[Candidate]:
        """Bank lines that could be a batch's."""
        found = []
        near = self.tolerance.near
        for name, left in self.matching.open.items():
            line = self.seen.entries[name].line
            if self.seen.is_known(name) and line.currency == group.batch.currency and abs(left - group.net) <= near:
                found.append(Candidate(to=f"line:{name}", why=SUM if left == group.net else NEAR, amount=left,
                                       currency=line.currency, at=line.at))  # fmt: skip
        found.sort(key=lambda c: (c.why != SUM, abs((c.at or 0) - group.batch.at), c.to))
        return found[:MOST_CANDIDATES]

    def _order(self, to: str, why: str, currency: str, fits: int) -> Candidate:
        key = to.removeprefix("order:")
        due, order = self._purse.dues.get(key), self.seen.orders.get(key)
        return Candidate(
            to=to, why=why, amount=self._purse.due_left(key, currency) if due else None, currency=currency, fits=fits,
            at=due.placed_at if due else None, **_named(order),
        )  # fmt: skip


def _named(order: Order | None) -> dict[str, str]:
    if order is None:
        return {}
    return {
        "number": order.number, "order_id": order.order_id, "dataset": order.key.removesuffix(f"/{order.order_id}"),
    }  # fmt: skip


def _batch(group: Group, why: str) -> Candidate:
    return Candidate(to=group.key, why=why, amount=group.net, currency=group.batch.currency, at=group.batch.at)


def waiting(task: Task) -> dict[str, Any]:
    """What waits, by kind; and what people said."""
    with Folder(task.base.data, ZoneInfo(task.base.zone)) as store, no_collector():
        seen: list[int] = []
        ask = task.asking(seen)
        places = places_of(ask, task, store) if is_open_to(store) else _places(_Desk(_whole(task)))
        words = sorted(store.decisions(), key=lambda d: (-d.at, d.line, d.to))
    return {
        "names": {what: [one.name for one in some] for what, some in places.items()},
        "words": [
            {"what": "word", "name": d.line, "to": d.to, "at": d.at, "by": d.by, "text": d.why, "undo": d.undo, "amount": d.amount} for d in words
        ],
        "tables_at": min(seen, default=0),
    }  # fmt: skip


def matching(task: Task) -> dict[str, Any]:
    """The rows of some that wait, or with ``term`` one line or batch with its candidates. Of lines of which people said something, why that could
    not be followed (``refused``)."""
    with Folder(task.base.data, ZoneInfo(task.base.zone)) as store, no_collector():
        if not is_open_to(store):
            desk = _Desk(_whole(task))
        else:
            desk = _Desk(_part(task, store))
    currency = desk.seen.rules.currency
    if task.term:
        return {"one": _one(desk, task), "currency": currency}
    rows = [_batch_row(desk, g) for g in desk.seen.matched.open_groups if g.key in task.lines]
    names = {desk.seen.counting(name) for name in task.lines}
    for name in names & desk.seen.entries.keys():
        entry = desk.seen.entries[name]
        if entry.line.status == "booked" and kind_of(entry.line) is not None and desk.is_open(name):
            rows.append(_line(desk, entry, "bank" if entry.line.kind in BANK else "line"))
    rows.sort(key=lambda row: (-row["at"], row["name"]))
    gone = {name: "line is not here" for name in task.lines if desk.seen.counting(name) not in desk.seen.entries}
    return {"rows": rows, "refused": {**gone, **dict(desk.matching.refused)}, "currency": currency}


def _part(task: Task, store: Folder) -> Seen:
    """What is asked about, and what it could be."""
    grown = Grown(store, task)
    asked = [task.term] if task.term else task.lines
    batches = batches_named(task, [name for name in asked if name.startswith("batch:")])
    grown.want([name for name in asked if not name.startswith("batch:")], batches=batches)
    left, near = grown.left(), tolerance_of(grown.ledger.desk.rules).near
    some = [grown.part.entries[name] for name in sorted(left)]
    want_what_fits(grown, task, some, left, MOST_CANDIDATES, near)
    nets = [g for g in grown.matched.groups if g.key in {key for key, _, _ in batches}]
    want_payers(grown, task, nets, near)
    return Seen(
        orders=grown.part.orders, dues=grown.part.dues, entries=grown.part.entries, matched=grown.matched, rules=grown.ledger.desk.rules,
        counting=grown.part.counting, lines=grown.lines, groups=grown.groups,
    )  # fmt: skip


def _whole(task: Task) -> Seen:
    """The whole ledger."""
    zone = ZoneInfo(task.base.zone)
    asked = asked_of(replace(task, since=BEGINNING, until=date.max.isoformat(), by="", view="cohort"))
    whole = read_whole(task.base.data, policy_of(task), asked, task.base.rules, zone, dataset=task.dataset)
    return Seen(orders=whole.orders, dues=whole.dues, entries=whole.entries, matched=whole.matched, rules=whole.desk.rules,
                counting=lambda name: whole.same.get(name, name))  # fmt: skip


def _places(desk: _Desk) -> dict[str, list[Place]]:
    """All that waits, of the whole ledger."""
    found: dict[str, list[Place]] = {what: [] for what in (IN, OUT, LINE, BATCH)}
    for entry in desk.seen.entries.values():
        what = kind_of(entry.line)
        if what is not None and entry.line.status == "booked" and desk.is_open(entry.name):
            found[what].append(Place(entry.line.at, entry.name))
    found[BATCH] = [Place(g.batch.at, g.key) for g in desk.seen.matched.open_groups]
    return {what: sorted(some, key=lambda one: (-one.at, one.name)) for what, some in found.items()}


def _line(desk: _Desk, entry: Entry, what: str) -> dict[str, Any]:
    line, proposal = entry.line, desk.proposals.get(entry.name)
    return {
        "what": what, "name": entry.name, "at": line.at, "source": line.source, "account": line.account, "kind": str(line.kind),
        "amount": line.gross, "open": desk.left(entry.name), "currency": line.currency, "text": line.text,
        "reference": list(line.references), "batch": line.batch, "rule": proposal.rule if proposal else "",
        "why": proposal.why if proposal else "nothing_fits", "candidates": desk.candidates(entry),
    }  # fmt: skip


def _batch_row(desk: _Desk, group: Group) -> dict[str, Any]:
    batch, paid = group.batch, desk.seen.matched.paid.get(group.key)
    return {
        "what": "batch", "name": group.key, "at": batch.at, "source": batch.source, "account": batch.account, "kind": batch.kind,
        "amount": group.net, "open": group.net - (paid or Decimal(0)), "currency": batch.currency, "text": "",
        "reference": [batch.bank_reference] if batch.bank_reference else [], "batch": batch.id, "rule": "",
        "why": "lines_differ" if group.difference else "paid_differs", "candidates": desk.payers(group),
        "lines": group.lines, "difference": group.difference, "paid": paid,
    }  # fmt: skip


def _one(desk: _Desk, task: Task) -> dict[str, Any] | None:
    entry = desk.seen.entries.get(desk.seen.counting(task.term))
    if entry is not None:
        row = _line(desk, entry, "bank" if entry.line.kind in BANK else "line")
        if not desk.is_open(entry.name):
            row |= {"why": "", "candidates": []}
        return {
            **row,
            "pays": [_paid(desk, m) for m in desk.by_line.get(entry.name, [])],
            "written": _written(task, entry.name),
        }
    group = next((g for g in desk.seen.matched.groups if g.key == task.term), None)
    if group is None:
        return None
    reached = [m for m in desk.matching.matches if m.to == group.key]
    is_open = group in desk.seen.matched.open_groups or group.key not in desk.seen.matched.paid
    row = _batch_row(desk, group)
    if not is_open:
        row |= {"why": "", "candidates": []}
    elif not group.difference and group.key not in desk.seen.matched.paid:
        row |= {"why": "not_on_bank"}
    return {**row, "pays": [_paid(desk, m) for m in reached], "written": ""}


def _paid(desk: _Desk, match: Match) -> dict[str, Any]:
    order = desk.seen.orders.get(match.to.removeprefix("order:")) if match.to.startswith("order:") else None
    return {
        "line": match.line, "to": match.to, "amount": match.amount, "currency": match.currency, "rule": match.rule,
        "trust": str(match.trust), "evidence": list(match.evidence), "at": match.made_at, "by": match.by,
        "number": "", "order_id": "", "dataset": "", **_named(order),
    }  # fmt: skip


def _written(task: Task, name: str) -> str:
    """The text as the statement has it, where the operator keeps it; else what of it was kept."""
    with OpenLines(task.base.data) as reader:
        lines = [one for one in reader.by_name(bytes.fromhex(name)) if isinstance(one.thing, MoneyLine)]
        return next((one.text for one in reader.with_texts(lines[-1:])), "")
