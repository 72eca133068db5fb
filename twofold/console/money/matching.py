"""What is for a person to match: bank lines, lines of providers and couriers, batches; and of one of them what it could pay.

Owns which are open, the candidates of each with why, and in which order they are shown. What pays what is the matching's: a
candidate is nothing but something whose open amount is the same or near it, or that the matching proposes.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from msgspec import Struct
from msgspec.structs import replace

from twofold.console.money.chain import asked_of, policy_of
from twofold.console.money.task import Task
from twofold.ledger.lines import MoneyKind, MoneyLine
from twofold.ledger.ties import BANK
from twofold.reconcile.chain.values import Order
from twofold.reconcile.matches.purse import OpenDues, Purse
from twofold.reconcile.matches.values import Entry, Group, Match, Proposal
from twofold.reconcile.reading.folder import Folder
from twofold.reconcile.reading.whole import Whole, read_whole, tolerance_of
from twofold.store.lines.reading import OpenLines

BEGINNING = "1970-01-01"
MOST_CANDIDATES = 8
SAME, NEAR, BUYER, SUM = "same_amount", "near_amount", "same_buyer", "same_sum"
OF_ORDERS = frozenset(
    {MoneyKind.CHARGE, MoneyKind.REFUND, MoneyKind.DISPUTE, MoneyKind.DISPUTE_REVERSAL, MoneyKind.COD_COLLECTED}
)
"""Kinds that are some order's. A fee or a payout need not be."""


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


class _Desk:
    """The ledger with what is open in it, as the matching left it."""

    def __init__(self, whole: Whole) -> None:
        self.whole = whole
        self.matching = whole.matched.matching
        self.proposals: dict[str, Proposal] = {p.line: p for p in self.matching.proposals}
        self.by_line: dict[str, list[Match]] = defaultdict(list)
        for match in self.matching.matches:
            self.by_line[match.line].append(match)
        self.tolerance = tolerance_of(whole.desk.rules)
        self._purse = Purse(whole.dues.values(), [e for e in whole.entries.values() if e.line.status == "booked"])
        for match in self.matching.matches:
            entry = self._purse.entries[match.line]
            self._purse.pay(entry, match.to, match.amount, match.rule, match.trust)
        self._dues = OpenDues(self._purse)
        self.waiting = [g for g in whole.matched.groups if g.key not in whole.matched.paid and g.net]

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
            line = self.whole.entries[name].line
            if line.currency == group.batch.currency and abs(left - group.net) <= near:
                found.append(Candidate(to=f"line:{name}", why=SUM if left == group.net else NEAR, amount=left,
                                       currency=line.currency, at=line.at))  # fmt: skip
        found.sort(key=lambda c: (c.why != SUM, abs((c.at or 0) - group.batch.at), c.to))
        return found[:MOST_CANDIDATES]

    def _order(self, to: str, why: str, currency: str, fits: int) -> Candidate:
        key = to.removeprefix("order:")
        due, order = self.whole.dues.get(key), self.whole.orders.get(key)
        return Candidate(
            to=to, why=why, amount=self._purse.due_left(key, currency) if due else None, currency=currency, fits=fits,
            at=due.placed_at if due else None, **_named(order),
        )  # fmt: skip


def read(task: Task) -> Whole:
    """The whole ledger, matched."""
    zone = ZoneInfo(task.base.zone)
    return read_whole(task.base.data, policy_of(task), asked_of(task), task.base.rules, zone, dataset=task.dataset)


def _named(order: Order | None) -> dict[str, str]:
    if order is None:
        return {}
    return {
        "number": order.number, "order_id": order.order_id, "dataset": order.key.removesuffix(f"/{order.order_id}"),
    }  # fmt: skip


def _batch(group: Group, why: str) -> Candidate:
    return Candidate(to=group.key, why=why, amount=group.net, currency=group.batch.currency, at=group.batch.at)


def matching(task: Task) -> dict[str, Any]:
    """Everything that is open, or with ``term`` one line or batch with its candidates."""
    whole = read(replace(task, since=BEGINNING, until=date.max.isoformat(), by="", view="cohort"))
    desk = _Desk(whole)
    if task.term:
        return {"one": _one(desk, task), "currency": whole.desk.rules.currency}
    rows = sorted(_open(desk), key=lambda row: (row["what"] != "bank", row["what"], -row["at"], row["name"]))
    return {"rows": rows, "words": _words(task, desk), "currency": whole.desk.rules.currency}


def _open(desk: _Desk) -> Iterator[dict[str, Any]]:
    for name in desk.matching.open:
        yield _line(desk, desk.whole.entries[name], "bank")
    for entry in desk.whole.entries.values():
        line = entry.line
        if line.kind in OF_ORDERS and line.status == "booked" and desk.is_open(entry.name):
            yield _line(desk, entry, "line")
    for group in desk.whole.matched.open_groups:
        yield _batch_row(desk, group)


def _line(desk: _Desk, entry: Entry, what: str) -> dict[str, Any]:
    line, proposal = entry.line, desk.proposals.get(entry.name)
    return {
        "what": what, "name": entry.name, "at": line.at, "source": line.source, "account": line.account, "kind": str(line.kind),
        "amount": line.gross, "open": desk.left(entry.name), "currency": line.currency, "text": line.text,
        "reference": list(line.references), "batch": line.batch, "rule": proposal.rule if proposal else "",
        "why": proposal.why if proposal else "nothing_fits", "candidates": desk.candidates(entry),
    }  # fmt: skip


def _batch_row(desk: _Desk, group: Group) -> dict[str, Any]:
    batch, paid = group.batch, desk.whole.matched.paid.get(group.key)
    return {
        "what": "batch", "name": group.key, "at": batch.at, "source": batch.source, "account": batch.account, "kind": batch.kind,
        "amount": group.net, "open": group.net - (paid or Decimal(0)), "currency": batch.currency, "text": "",
        "reference": [batch.bank_reference] if batch.bank_reference else [], "batch": batch.id, "rule": "",
        "why": "lines_differ" if group.difference else "paid_differs", "candidates": desk.payers(group),
        "lines": group.lines, "difference": group.difference, "paid": paid,
    }  # fmt: skip


def _one(desk: _Desk, task: Task) -> dict[str, Any] | None:
    entry = desk.whole.entries.get(desk.whole.same.get(task.term, task.term))
    if entry is not None:
        row = _line(desk, entry, "bank" if entry.line.kind in BANK else "line")
        if not desk.is_open(entry.name):
            row |= {"why": "", "candidates": []}
        return {
            **row,
            "pays": [_paid(desk, m) for m in desk.by_line.get(entry.name, [])],
            "written": _written(task, entry.name),
        }
    group = next((g for g in desk.whole.matched.groups if g.key == task.term), None)
    if group is None:
        return None
    reached = [m for m in desk.matching.matches if m.to == group.key]
    is_open = group in desk.whole.matched.open_groups or group.key not in desk.whole.matched.paid
    row = _batch_row(desk, group)
    if not is_open:
        row |= {"why": "", "candidates": []}
    elif not group.difference and group.key not in desk.whole.matched.paid:
        row |= {"why": "not_on_bank"}
    return {**row, "pays": [_paid(desk, m) for m in reached], "written": ""}


def _paid(desk: _Desk, match: Match) -> dict[str, Any]:
    order = desk.whole.orders.get(match.to.removeprefix("order:")) if match.to.startswith("order:") else None
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


def _words(task: Task, desk: _Desk) -> list[dict[str, Any]]:
    """What people said, the newest first, and whether it could be followed."""
    refused = dict(desk.matching.refused)
    with Folder(task.base.data) as store:
        said = sorted(store.decisions(), key=lambda d: (-d.at, d.line, d.to))
    return [
        {"what": "word", "name": d.line, "to": d.to, "at": d.at, "by": d.by, "text": d.why, "undo": d.undo, "amount": d.amount,
         "why": "" if d.undo else refused.get(d.line, "")}
        for d in said
    ]  # fmt: skip
