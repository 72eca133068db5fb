"""All matches of a set of standing lines, dues, batches and decisions: derived each time, never stored as truth.

Owns the order of the steps: what persons decided, what a bank sent back, then keys, numbers in texts, batches, payers, sums. Every choice
looks at things sorted by date and name, so the same set gives the same matches in whatever order it arrived.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from decimal import Decimal
from itertools import chain

from msgspec.structs import replace

from twofold.ledger.lines import Batch, Decision, MoneyKind
from twofold.ledger.ties import BANK, plain
from twofold.reconcile.matches import batches
from twofold.reconcile.matches.bank import Payers
from twofold.reconcile.matches.exchanges import join_exchanges
from twofold.reconcile.matches.keys import Index, steps_of
from twofold.reconcile.matches.purse import Purse
from twofold.reconcile.matches.returned import cancel_sent_back
from twofold.reconcile.matches.tolerance import Tolerance
from twofold.reconcile.matches.values import (
    Convert,
    Days,
    Due,
    Entry,
    Group,
    Matching,
    Proposal,
    Trust,
    order_key,
)

PERSON_RULE = "person"
PARCEL_TWICE = "parcel_twice"
_COSTS = frozenset({MoneyKind.COD_FEE, MoneyKind.FREIGHT, MoneyKind.FREIGHT_RETURN})


def no_rate(amount: Decimal, currency: str, to: str, _at: int) -> Decimal | None:
    """The `Convert` of who has no rates."""
    return amount if currency == to else None


def match_lines(
    dues: Iterable[Due],
    entries: Iterable[Entry],
    groups: Iterable[Group] = (),
    decisions: Iterable[Decision] = (),
    *,
    tolerance: Tolerance | None = None,
    convert: Convert = no_rate,
    days: Days | None = None,
) -> Matching:
    """What pays what. Lines that are not booked move no money and match nothing."""
    tolerance, days = tolerance or Tolerance(), days or Days()
    dues, stands = join_exchanges(dues)
    purse = Purse(dues, [e for e in entries if e.line.status == "booked"])
    groups = sorted(groups, key=lambda g: g.key)
    index = Index(purse.dues.values())
    refused, barred = _follow(decisions, purse, groups, stands)
    twice = _twice(purse)
    cancel_sent_back(purse, index, barred, tolerance, days)
    named = list(batches.by_reference(purse.open_bank_lines(credits_only=False), groups))
    paid = _pay_batches(purse, [p for p in named if p.rule == batches.BANK_REFERENCE], Trust.CERTAIN, barred)
    second = {p.line for p in twice}
    _climb(purse, index, barred, second | costs_of_cash(purse.entries.values(), second))
    paid += _pay_batches(purse, [p for p in named if p.rule == batches.BATCH_NUMBER], Trust.CERTAIN, barred)
    payers = Payers(purse, index, barred, tolerance, convert, days)
    payers.by_number()
    reached = {m.to for m in purse.matches}
    waiting = [g for g in groups if g.key not in reached]
    found, unclear = batches.by_amount(purse.open_bank_lines(credits_only=False), waiting, tolerance, days)
    paid += _pay_batches(purse, found, Trust.PROBABLE, barred)
    payers.by_number_near()
    payers.by_payer()
    payers.by_name()
    payers.second_given_back()
    payers.given_back()
    payers.proposals.update({p.line: p for p in unclear})
    payers.lump_sums(batches.sources_of(paid))
    payers.by_amount()
    reached = {m.to for m in purse.matches}
    waiting = [g for g in groups if g.key not in reached]
    for one in batches.by_name_alone(purse.open_bank_lines(credits_only=False), waiting):
        payers.proposals[one.line] = one
    proposals = {p.line: p for p in chain(payers.proposals.values(), twice)}
    return Matching(
        matches=tuple(sorted(purse.matches, key=lambda m: (purse.entries[m.line].line.at, m.line, m.to))),
        proposals=tuple(p for name, p in sorted(proposals.items()) if purse.left[name]),
        open={
            name: left for name, left in sorted(purse.left.items()) if left and purse.entries[name].line.kind in BANK
        },
        refused=tuple(refused),
    )


def _follow(
    decisions: Iterable[Decision], purse: Purse, groups: Sequence[Group], stands: Mapping[str, str]
) -> tuple[list[tuple[str, str]], dict[str, frozenset[str]]]:
    """Does what persons decided; gives what could not be done, and which pairs were taken back."""
    last: dict[tuple[str, str], Decision] = {}
    for one in sorted(decisions, key=lambda d: (d.at, d.undo, d.by, d.why, d.to, str(d.amount))):
        named = replace(one, to=_full_name(one.to, purse, groups, stands))
        last[named.line, named.to] = named
    known = {g.key for g in groups} | {order_key(o) for o in purse.dues} | {f"line:{n}" for n in purse.entries}
    refused = []
    barred: dict[str, set[str]] = defaultdict(set)
    for one in sorted(last.values(), key=lambda d: (d.at, d.line, d.to)):
        entry = purse.entries.get(one.line)
        if one.undo:
            barred[one.line].add(one.to.removeprefix("order:"))
        elif entry is None or one.to not in known:
            refused.append((one.line, "line is not here" if entry is None else "target is not here"))
        elif not purse.is_open(one.line):
            refused.append((one.line, "nothing of the line is left"))
        elif one.amount is not None and one.amount * purse.left[one.line] <= 0:
            refused.append((one.line, "amount has another sign than the line"))
        else:
            _pay_decided(purse, entry, one)
    return refused, {line: frozenset(orders) for line, orders in barred.items()}


def _full_name(to: str, purse: Purse, groups: Sequence[Group], stands: Mapping[str, str]) -> str:
    """A person names an order without its dataset and a batch without its account, where there is only one such."""
    if to.startswith("order:") and to.removeprefix("order:") not in purse.dues:
        named = to.removeprefix("order:")
        same = {
            stands.get(o, o)
            for o in (*purse.dues, *stands)
            if named in (o if o in stands else "", o.rpartition("/")[2])
        }
        return order_key(min(same)) if len(same) == 1 else to
    if to.startswith("batch:") and all(g.key != to for g in groups):
        batches_so_named = {g.key for g in groups for b in (g.batch, *g.told) if to in _names_of(b)}
        return min(batches_so_named) if len(batches_so_named) == 1 else to
    return to


def _names_of(batch: Batch) -> tuple[str, ...]:
    """How a person may name a batch: without its account, with its currency where that tells two apart."""
    name = f"batch:{batch.source}/{batch.id}"
    return name, f"{name}/{batch.currency}"


def _pay_decided(purse: Purse, entry: Entry, decision: Decision) -> None:
    amount = purse.left[entry.name] if decision.amount is None else decision.amount
    if decision.amount is None and decision.to.startswith("order:") and amount > 0:
        due = purse.due_left(decision.to.removeprefix("order:"), entry.line.currency)
        if due is not None and due > 0:
            amount = min(amount, due)
    purse.pay(
        entry, decision.to, amount, PERSON_RULE, Trust.PERSON,
        evidence=(decision.why,), made_at=decision.at, by=decision.by,
    )  # fmt: skip


def _twice(purse: Purse) -> list[Proposal]:
    """Parcels whose cash stands in two batches: an error of the file. The second is listed, and nothing of its row counts."""
    first: dict[tuple[str, str], str] = {}
    found = []
    for entry in purse.entries.values():
        if entry.line.kind is not MoneyKind.COD_COLLECTED or entry.line.gross <= 0:
            continue
        for reference in entry.line.references:
            if reference.startswith("parcel:"):
                key = entry.line.source, plain(reference.partition(":")[2])
                if first.setdefault(key, entry.line.batch) != entry.line.batch:
                    found.append(Proposal(line=entry.name, rule=PARCEL_TWICE, why=f"parcel is in {first[key]} too"))
    return found


def costs_of_cash(entries: Iterable[Entry], cash: AbstractSet[str]) -> set[str]:
    """What couriers kept of the cash of these lines: the other lines of the same row."""
    entries = list(entries)
    rows = {_row_of(e) for e in entries if e.name in cash and e.line.id}
    return {e.name for e in entries if e.line.kind in _COSTS and _row_of(e) in rows} if rows else set()


def _row_of(entry: Entry) -> tuple[str, str, str]:
    return entry.line.source, entry.line.account, entry.line.id


def _climb(purse: Purse, index: Index, barred: dict[str, frozenset[str]], left_out: set[str]) -> None:
    """Steps 1 to 4, twice: who gives money back may name only the payment, which the first round has found."""
    waiting = [
        (entry, steps_of(entry.line))
        for entry in purse.entries.values()
        if purse.is_open(entry.name) and entry.name not in left_out
    ]
    for _ in range(2):
        nameless = []
        for entry, steps in waiting:
            found = index.climb(steps, barred.get(entry.name, frozenset())) if steps else None
            if found is not None:
                step, key, order = found
                purse.pay_order(entry, order, step, Trust.CERTAIN, evidence=(key,))
                index.add_payment(entry, order)
            elif steps:
                nameless.append((entry, steps))
        if len(nameless) == len(waiting):
            return  # nobody's payment was found: a second look sees the same
        waiting = nameless


def _pay_batches(
    purse: Purse, found: Sequence[batches.Paid], trust: Trust, barred: dict[str, frozenset[str]]
) -> list[batches.Paid]:
    done = []
    for one in sorted(found, key=lambda p: (p.entry.line.at, p.entry.name)):
        name = one.entry.name
        if purse.is_open(name) and one.group.key not in barred.get(name, ()):
            purse.pay(
                one.entry, one.group.key, purse.left[name], one.rule, trust,
                evidence=(one.evidence,), made_at=one.group.batch.at,
            )  # fmt: skip
            done.append(one)
    return done
