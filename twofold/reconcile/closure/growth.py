"""What bears on a part beside keys: amounts in a span, names and payers, and what couriers owe.

Owns when one of these may have a say, by what the part's own matches left open, and what is read then. In the order of the
ladder: what a later step would see is read only when the earlier ones have everything they see.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from decimal import Decimal
from functools import cached_property, partial

from twofold.ledger.lines import MoneyKind, MoneyLine, ParcelLine
from twofold.ledger.ties import BANK, FAILED, WEEK_S, amount_keys, credit_key, step_keys_of, ties_of_parcel, words_of
from twofold.reconcile.chain.values import Move
from twofold.reconcile.closure.batches import Number
from twofold.reconcile.closure.part import Part
from twofold.reconcile.matches import bank, batches
from twofold.reconcile.matches.batches import expected_at
from twofold.reconcile.matches.groups import has_failed
from twofold.reconcile.matches.keys import STEPS
from twofold.reconcile.matches.matching import PERSON_RULE
from twofold.reconcile.matches.returned import SENT_BACK
from twofold.reconcile.matches.values import DAY_S, TAKEN, ZERO, Due, Entry, Group, Match
from twofold.reconcile.reading.world import Matched

_EARLY = frozenset(
    {
        PERSON_RULE,
        SENT_BACK,
        *STEPS,
        batches.BANK_REFERENCE,
        batches.BATCH_NUMBER,
        bank.NUMBER_IN_TEXT,
        bank.NUMBERS_SUM,
    }
)
"""Rules that see nothing but what keys and words lead to."""
_LUMPS = frozenset({bank.WHOLE_DAYS, bank.ADD_UP})
_SPAN_DAYS = 14
"""More days than a credit may lie from the day on which its batch is expected: five bank days and both week-ends."""
_WORDS_DAYS = 60
"""How long before or after a courier's word on a parcel its delivery may be told by somebody else."""


class Growth:
    """Grows one part until its matches are those of the whole ledger for all that is wanted of it. ``groups``: keys of
    batches that are wanted; ``lines``: names of lines that are."""

    def __init__(self, part: Part, lines: frozenset[str] = frozenset(), groups: Iterable[str] = ()) -> None:
        self.part = part
        self.lines = lines
        self.groups = set(groups)
        self._looked: set[tuple[object, ...]] = set()

    def grow(self) -> Matched:
        """Reads and matches until nothing more bears on what is wanted."""
        while True:
            matched = self.part.match()
            state = _State(self.part, matched)
            steps = (self._batches, self._payers, self._couriers, self._equals)
            if not any(step(state) for step in steps):
                return matched

    # -- batches by amount and date

    def _batches(self, state: _State) -> bool:
        """Bank lines of the amount of a batch that no reference leads to, and batches of the amount of such a line."""
        part, tolerance = self.part, self.part.terms.tolerance
        wanted = {s.batch for moves in state.wanted_moves for m in moves if (s := m.settlement)} | self.groups
        wanted |= {m.settlement.batch for m in state.matched.loose if m.line in self.lines and m.settlement}
        keys: set[str] = set()
        numbers = state.numbers(self.lines) - part.numbers
        self.groups |= {
            m.to for m in state.matched.matching.matches if m.line in self.lines and m.to.startswith("batch:")
        }
        wanted |= self.groups
        for group in state.matched.groups:
            if group.key in wanted and has_failed(group) and self._first("failed", group.key):
                numbers |= set(part.batches.failed(group.batch.source, group.batch.currency))
            if group.key in wanted and self._may_be_paid(group, state) and self._first("batch", group.key):
                fee = tolerance.bank_takes(group.batch.source, group.net)
                first, last = expected_at(group) - _SPAN_DAYS * DAY_S, expected_at(group) + _SPAN_DAYS * DAY_S
                keys |= amount_keys(group.batch.currency, group.net - fee, first, last)
        for entry in state.late_bank_lines:
            if self._first("batches of", entry.name):
                numbers |= self._of_amount(entry)
            self.groups |= {g.key for g in state.matched.groups if self._is_of(g, entry)}
        for number in numbers:
            part.add_batch(number)
        part.add_keys(keys)
        return bool(keys or numbers) or any(self._is_new(g, state) for g in self.groups)

    def _may_be_paid(self, group: Group, state: _State) -> bool:
        """A batch that no reference leads to and that may be on the bank by its amount."""
        return group.key not in state.early_batches and bool(group.net) and group.batch.status.casefold() not in FAILED

    def _is_new(self, key: str, state: _State) -> bool:
        """A batch that became wanted in this round, and that no reference leads to."""
        return (
            ("batch", key) not in self._looked and key in state.groups and self._may_be_paid(state.groups[key], state)
        )

    def _is_of(self, group: Group, entry: Entry) -> bool:
        fee = self.part.terms.tolerance.bank_takes(group.batch.source, group.net)
        near = abs(expected_at(group) - entry.line.at) <= _SPAN_DAYS * DAY_S
        return near and group.batch.currency == entry.line.currency and group.net - fee == entry.line.gross

    def _of_amount(self, entry: Entry) -> set[tuple[str, str]]:
        part, found, span = self.part, set(), _SPAN_DAYS * DAY_S
        for number in part.batches.numbers_between(entry.line.at - span, entry.line.at + span) - part.numbers:
            net = part.batches.declared(*number)
            if net is None or net - part.terms.tolerance.bank_takes(number[0], net) == entry.line.gross:
                found.add(number)
        return found

    # -- buyers by payer and name

    def _payers(self, state: _State) -> bool:
        """Transfers of the amount that a wanted order still owes, whose payer may be its buyer; orders of the amount of a
        transfer whose payer may be their buyer."""
        part, keys, rows = self.part, set[str](), set[int]()
        before = len(part.entries)
        for row in part.wanted:
            due = state.due_at(row)
            for currency, left in state.left(due) if due is not None else ():
                if left > 0 and self._first("payer", row, currency, left):
                    assert due is not None
                    until = due.placed_at + part.terms.tolerance.delay_s(due.method)
                    self._read_payers(due, amount_keys(currency, left, due.placed_at - DAY_S, until))
        part.spread()
        longest = max([*part.terms.tolerance.delays.values(), part.terms.tolerance.most_days])
        for entry in state.unpaid_credits:
            if self._first("payers of", entry.name):
                keys |= {c for c in entry.line.counterpart if c.startswith(("account:", "phone:"))}
                names = [c for c in entry.line.counterpart if c.startswith("name:")]
                first, last = entry.line.at - longest * DAY_S, entry.line.at + DAY_S
                rows |= {row for _, row, at in part.shelves.bought(names) if first <= at < last}
            rows |= self._of_persons(entry, state)
        part.add_keys(keys)
        part.add_orders(rows)
        more = {r for e in state.unpaid_credits for r in state.owing(e)} | self._paid_back(state)
        grown = bool(more - part.wanted)
        part.add_orders(more - part.wanted, wanted=True)
        return grown or part.has_more or len(part.entries) > before

    def _paid_back(self, state: _State) -> set[int]:
        """Orders that a debit names: what was paid for them before matters."""
        words = {
            f"order:{word}"
            for entry in state.late_bank_lines
            if entry.line.kind is MoneyKind.BANK_DEBIT and self._first("given back", entry.name)
            for word in words_of(entry.line)
        }
        return {row for orders in self.part.shelves.orders(words).values() for row in orders}

    def _read_payers(self, due: Due, keys: set[str]) -> None:
        names = {b for b in due.buyer if b.startswith("name:")}
        found = [
            (name, line)
            for name, line in self.part.shelves.lines(keys)
            if isinstance(line, MoneyLine) and line.kind is MoneyKind.BANK_CREDIT
            and (names & set(line.counterpart) or any(c.startswith(("account:", "phone:")) for c in line.counterpart))
        ]  # fmt: skip
        self.part.add_lines(found)
        if self._first("decided in part"):
            self.part.add_names(d.line for d in self.part.shelves.decisions if d.amount is not None)

    def _of_persons(self, entry: Entry, state: _State) -> set[int]:
        """Orders of whoever paid from this account before, for certain."""
        persons = {p for digest in entry.line.counterpart for p in state.payers.get(digest, ())}
        found: set[int] = set()
        for person in persons:
            if self._first("person", person):
                found |= {row for row, who in self.part.people.items() if who == person}
        return found

    # -- couriers without a file

    def _couriers(self, state: _State) -> bool:
        """Credits that may pay a wanted order among others, and all parcels that such a credit may pay."""
        part, days = self.part, self.part.terms.tolerance.courier_days + 2
        keys: set[str] = set()
        rows: set[int] = set()
        for row in part.wanted:
            due = state.due_at(row)
            if due is not None and state.waits_for_courier(due):
                assert due.delivered_at is not None
                currency = next(iter(due.amounts))
                at = due.delivered_at
                keys |= {
                    key for key in _weeks(at - 2 * DAY_S, at + days * DAY_S, partial(credit_key, currency))
                    if self._first(key)
                }  # fmt: skip
        part.add_keys(keys)
        waiting = [due for due in part.dues.values() if state.lump_credits and state.waits_for_courier(due)]
        for entry in state.lump_credits:
            if self._first("parcels of", entry.name):
                part.add_orders(self._with_parcels(entry, days))
                part.add_keys(entry.line.counterpart)
            for due in waiting:
                if _in_span(due, entry, days):
                    rows.add(part.rows[due.order])
        more = rows - part.wanted
        part.add_orders(more, wanted=True)
        return part.has_more or bool(more)

    def _with_parcels(self, entry: Entry, days: int) -> set[int]:
        day = entry.line.at // DAY_S
        shelves = self.part.shelves
        told = [kept.thing for kept in shelves.store.lines.lines("parcel", day - days - _WORDS_DAYS, day + _WORDS_DAYS)]
        keys = {key for line in told if isinstance(line, ParcelLine) for key in ties_of_parcel(line)}
        orders = shelves.orders(keys)
        taken = self._taken(keys)
        return {
            row
            for key, rows in orders.items()
            for row in rows
            if len(rows) > 1 or not taken.get(key, frozenset()) >= rows
        }

    def _taken(self, keys: set[str]) -> dict[str, frozenset[int]]:
        """Of these keys those with a line that certainly says of one order that its cash was taken."""
        shelves, found = self.part.shelves, dict[str, frozenset[int]]()
        lines = [
            step_keys_of(line) for name, line in shelves.lines(keys)
            if isinstance(line, MoneyLine) and line.kind in TAKEN and line.status == "booked" and line.gross > 0
            and name not in shelves.decided_lines
        ]  # fmt: skip
        orders = shelves.orders({key for steps in lines for key in steps})
        for steps in lines:
            named = frozenset(row for key in steps for row in orders.get(key, ()))
            if len(named) == 1:
                found |= dict.fromkeys(steps & keys, named)
        return found

    # -- a single order of the same amount

    def _equals(self, state: _State) -> bool:
        """Where a credit is taken for many parcels: single orders that owe just as much."""
        part, rows = self.part, set[int]()
        tolerance = part.terms.tolerance
        longest = max([*tolerance.delays.values(), tolerance.most_days])
        for entry in state.lumped:
            if self._first("equals", entry.name):
                low, high = entry.line.gross - Decimal("0.005"), entry.line.gross + Decimal("0.005")
                rows |= {
                    row
                    for (row,) in part.shelves.store.run(
                        "orders_of_amount",
                        (entry.line.at - longest * DAY_S, entry.line.at + DAY_S, float(low), float(high)),
                    )
                }
        more = rows - part.wanted
        part.add_orders(more, wanted=True)
        return bool(more)

    def _first(self, *what: object) -> bool:
        """True the first time that something is looked for."""
        if what in self._looked:
            return False
        self._looked.add(what)
        return True


class _State:
    """What a part's matches left open."""

    def __init__(self, part: Part, matched: Matched) -> None:
        self.part, self.matched = part, matched
        self.groups = {g.key: g for g in matched.groups}
        self._of_line: dict[str, list[Match]] = defaultdict(list)
        self._paid: dict[str, dict[str, Decimal]] = defaultdict(lambda: defaultdict(Decimal))
        self._any: set[str] = set()
        self.early_batches: set[str] = set()
        self.payers: dict[str, set[str]] = defaultdict(set)
        for match in matched.matching.matches:
            self._of_line[match.line].append(match)
            line = part.entries[match.line].line
            if match.to.startswith("order:"):
                self._note(match, line)
            elif match.rule in _EARLY:
                self.early_batches.add(match.to)
        late = [e for e in part.entries.values() if e.line.kind in BANK and e.line.status == "booked"]
        self.late_bank_lines = [e for e in late if not self._is_early(e)]
        self.unpaid_credits = [
            e
            for e in self.late_bank_lines
            if e.line.kind is MoneyKind.BANK_CREDIT
            and not any(m.rule == batches.BATCH_AMOUNT for m in self._of_line[e.name])
        ]
        self.lumped = [e for e in self.unpaid_credits if any(m.rule in _LUMPS for m in self._of_line[e.name])]
        self.lump_credits = [e for e in self.unpaid_credits if all(m.rule in _LUMPS for m in self._of_line[e.name])]

    def _note(self, match: Match, line: MoneyLine) -> None:
        order = match.to.removeprefix("order:")
        if line.kind in (MoneyKind.CHARGE, MoneyKind.COD_COLLECTED, MoneyKind.BANK_CREDIT):
            if match.rule not in (*_LUMPS, bank.KNOWN_PAYER, bank.BUYER_NAME):
                self._paid[order][match.currency] += match.amount
            if match.rule not in _LUMPS:
                self._any.add(order)
        due = self.part.dues.get(order)
        if due is not None and due.person and line.kind is MoneyKind.BANK_CREDIT and match.rule in _EARLY:
            for digest in line.counterpart:
                if digest.startswith(("account:", "phone:")):
                    self.payers[digest].add(due.person)

    def _is_early(self, entry: Entry) -> bool:
        found = self._of_line.get(entry.name, [])
        open_ = self.matched.matching.open.get(entry.name)
        return bool(found) and not open_ and all(m.rule in _EARLY for m in found)

    @property
    def wanted_moves(self) -> Iterator[Sequence[Move]]:
        for row in self.part.wanted & self.part.known.keys():
            yield self.matched.moves.get(self.part.known[row].key, ())

    def numbers(self, lines: frozenset[str]) -> set[Number]:
        """Batches that lines of wanted orders, and those of ``lines`` that are no order's, stand in."""
        names = {m.line for moves in self.wanted_moves for m in moves} | {
            m.line for m in self.matched.loose if m.line in lines
        }
        told = (self.part.entries[name].line for name in names if name in self.part.entries)
        return {(line.source, line.batch) for line in told if line.batch and line.kind not in BANK}

    def due_at(self, row: int) -> Due | None:
        known = self.part.known.get(row)
        return None if known is None else self.part.dues[known.key]

    def left(self, due: Due) -> Iterator[tuple[str, Decimal]]:
        """What is open of an order before payers and names are looked at, by currency."""
        paid = self._paid.get(due.order, {})
        for currency, amount in due.amounts.items():
            left = amount
            for other, sum_ in paid.items():
                if other == currency:
                    left -= sum_
                elif due.amounts.get(other):
                    left -= sum_ * amount / due.amounts[other]
            yield currency, left

    def owing(self, entry: Entry) -> set[int]:
        """Orders here that owe what a credit brings, and whose buyer may be its payer."""
        told = set(entry.line.counterpart)
        persons = {p for digest in told for p in self.payers.get(digest, ())}
        left = self.matched.matching.open.get(entry.name, ZERO) + sum(
            (m.amount for m in self._of_line[entry.name]), ZERO
        )
        return {
            self.part.rows[due.order]
            for due in self._owed.get((entry.line.currency, left), ())
            if told & set(due.buyer) or due.person in persons
        }

    @cached_property
    def _owed(self) -> dict[tuple[str, Decimal], list[Due]]:
        """Orders that were read, by what is open of them."""
        found: dict[tuple[str, Decimal], list[Due]] = defaultdict(list)
        for due in self.part.dues.values():
            if due.order in self.part.rows:
                for owed in self.left(due):
                    found[owed].append(due)
        return found

    def waits_for_courier(self, due: Due) -> bool:
        """An order whose parcels a courier has delivered, of whose cash no line says anything."""
        return bool(
            due.courier and due.delivered_at is not None and due.given_up_at is None and due.amounts
            and due.order in self.part.rows and due.order not in self._any
        )  # fmt: skip


def _in_span(due: Due, entry: Entry, days: int) -> bool:
    assert due.delivered_at is not None
    currency = next(iter(due.amounts))
    return currency == entry.line.currency and -2 * DAY_S <= entry.line.at - due.delivered_at <= days * DAY_S


def _weeks(first: int, last: int, key: Callable[[int], str]) -> set[str]:
    return {key(week * WEEK_S) for week in range(first // WEEK_S, last // WEEK_S + 1)}
