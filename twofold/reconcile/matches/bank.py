"""Bank credits of buyers: by the order's number in the text, a known payer, the buyer's name; sums of a courier.

Owns steps 5 to 9 of the ladder and lump sums without a file. What is only the same amount is proposed and never taken.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from itertools import groupby

from twofold.ledger.ties import is_telling, plain, tokens_of
from twofold.reconcile.matches.keys import Index
from twofold.reconcile.matches.lumps import MOST_SHOWN, prefix_fit, subsets
from twofold.reconcile.matches.purse import OpenDues, Purse
from twofold.reconcile.matches.tolerance import Tolerance
from twofold.reconcile.matches.values import (
    DAY_S,
    ZERO,
    Convert,
    Days,
    Due,
    Entry,
    Proposal,
    Trust,
    order_key,
)

NUMBER_IN_TEXT, NUMBERS_SUM = "number_in_text", "numbers_in_text_add_up"
GIVEN_BACK, SECOND_BACK = "given_back_by_number", "second_payment_given_back"
NUMBER_NEAR, KNOWN_PAYER, BUYER_NAME, AMOUNT_ONLY = (
    "number_in_text_near_amount", "known_payer", "buyer_name", "amount_only",
)  # fmt: skip
WHOLE_DAYS, ADD_UP = "courier_whole_days", "courier_sum"

_BANKS_OWN = "booking"  # a reference by which the bank numbers its bookings: 2011 of 20 November is not order 2011

Barred = Mapping[str, frozenset[str]]
"""Line to the orders that a person said it does not pay."""


class Payers:
    """The last steps of matching, over what the earlier ones left open."""

    def __init__(
        self, purse: Purse, index: Index, barred: Barred, tolerance: Tolerance, convert: Convert, days: Days
    ) -> None:
        self._purse = purse
        self._index = index
        self._barred = barred
        self._tolerance = tolerance
        self._convert = convert
        self._days = days
        self.proposals: dict[str, Proposal] = {}

    # -- the order's number in the text

    def by_number(self) -> None:
        """The number in the text and the open amount to the minor unit: certain. So are instalments that add up to it."""
        purse, alone = self._purse, defaultdict(list)
        for entry in purse.open_bank_lines():
            named = self._named(entry)
            exact = [o for o in sorted(named) if self._open_in(o, entry) == (purse.left[entry.name], False)]
            if len(exact) == 1:
                purse.pay_order(entry, exact[0], NUMBER_IN_TEXT, Trust.CERTAIN, evidence=(named[exact[0]],))
            elif len(named) == 1:
                alone[next(iter(named)), entry.line.currency].append(entry)
        for (order, currency), entries in sorted(alone.items()):
            parts = [e for e in entries if purse.is_open(e.name)]
            if len(parts) > 1 and sum((purse.left[e.name] for e in parts), ZERO) == purse.due_left(order, currency):
                for entry in parts:
                    purse.pay_order(entry, order, NUMBERS_SUM, Trust.CERTAIN, evidence=(self._named(entry)[order],))

    def by_number_near(self) -> None:
        """The number in the text and an amount inside the tolerance, or in another currency at a rate: probable. Of several orders of
        that number it is the one whose buyer's name stands there."""
        purse = self._purse
        for entry in purse.open_bank_lines():
            named = self._named(entry)
            fitting = []
            for order in sorted(named):
                left, converted = self._open_in(order, entry)
                if left and self._tolerance.fits_transfer(
                    purse.left[entry.name], left, entry.line.currency, converted=converted
                ):
                    fitting.append((order, purse.left[entry.name] - left))
            if len(fitting) > 1:
                payer = set(entry.line.counterpart)
                fitting = [one for one in fitting if payer & set(purse.dues[one[0]].buyer)]
            if len(fitting) == 1:
                order, rounding = fitting[0]
                purse.pay_order(
                    entry, order, NUMBER_NEAR, Trust.PROBABLE, evidence=(named[order],), rounding=rounding
                )  # fmt: skip
            elif named:
                why = "paid_already" if all(map(self._is_paid, named)) else "amount_differs"
                self._propose(entry, NUMBER_NEAR, why, [(o,) for o in sorted(named)])

    def _named(self, entry: Entry) -> dict[str, str]:
        """Orders whose number stands in the line's text or references, each with the word that says so."""
        found: dict[str, str] = {}
        fields = [plain(value) for kind, _, value in map(_parts, entry.line.references) if kind != _BANKS_OWN]
        for word in (*tokens_of(entry.line.text), *fields):
            if is_telling(word):
                for order in self._index.numbered(word):
                    if order not in self._barred.get(entry.name, ()) and self._in_time(entry, order, None):
                        found.setdefault(order, word)
        return found

    def _is_paid(self, order: str) -> bool:
        """Money came for it, and nothing of it is due any more: more of it came twice, or is somebody else's."""
        purse = self._purse
        return bool(purse.paid[order]) and all((purse.due_left(order, c) or 0) <= 0 for c in purse.dues[order].amounts)

    def _open_in(self, order: str, entry: Entry) -> tuple[Decimal | None, bool]:
        """What the order still owes in the line's currency, and whether a rate was needed to say so."""
        left = self._purse.due_left(order, entry.line.currency)
        if left is not None:
            return (left, False) if left > 0 else (None, False)
        for currency in sorted(self._purse.dues[order].amounts):
            other = self._purse.due_left(order, currency)
            if other is None or other <= 0:
                continue
            if entry.line.rate and entry.line.original_currency == currency:
                return other * entry.line.rate, True
            converted = self._convert(other, currency, entry.line.currency, entry.line.at)
            if converted is not None:
                return converted, True
        return None, False

    def _in_time(self, entry: Entry, order: str, delay_s: int | None) -> bool:
        """A line is not older than its order's day, nor later than the method's delay."""
        placed = self._purse.dues[order].placed_at
        return entry.line.at > placed - DAY_S and (delay_s is None or entry.line.at <= placed + delay_s)

    # -- who paid

    def by_payer(self) -> None:
        """An account or telephone that paid before, for certain: one open order of that person with this amount."""
        purse = self._purse
        waiting = purse.open_bank_lines()
        known = self._known_payers() if waiting else {}
        dues = OpenDues(purse if waiting else None)
        for entry in waiting:
            persons = {
                person for digest in entry.line.counterpart for at, person in known.get(digest, ())
                if at <= (entry.line.at, entry.name)
            }  # fmt: skip
            if len(persons) == 1:
                fits = [d for d in self._equal(dues, entry) if d.person in persons]
                self._take_one(entry, fits, KNOWN_PAYER)

    def _known_payers(self) -> dict[str, set[tuple[tuple[int, str], str]]]:
        found: dict[str, set[tuple[tuple[int, str], str]]] = defaultdict(set)
        bank = {e.name for e in self._purse.entries.values() if e.line.kind == "bank_credit"}
        for match in self._purse.matches:
            due = self._purse.dues.get(match.to.removeprefix("order:"))
            if match.trust is Trust.PROBABLE or due is None or not due.person or match.line not in bank:
                continue
            line = self._purse.entries[match.line].line
            for digest in line.counterpart:
                if digest.startswith(("account:", "phone:")):
                    found[digest].add(((line.at, match.line), due.person))
        return found

    def by_name(self) -> None:
        """The buyer's name on the line, the amount equal, inside the method's delay, and nobody else: probable."""
        waiting = self._purse.open_bank_lines()
        dues = OpenDues(self._purse if waiting else None)
        for entry in waiting:
            names = {c for c in entry.line.counterpart if c.startswith("name:")}
            fits = [d for d in self._equal(dues, entry) if names & set(d.buyer)]
            self._take_one(entry, fits, BUYER_NAME)

    def second_given_back(self) -> None:
        """A buyer who paid twice and has one of it back: a credit that names an order of which nothing is due, and a later transfer
        of that amount to the same person that names it, too. They are no money of it. Only where nobody tells of anything else to
        be given back, as the transfer would be that; and where two could be meant, none is taken."""
        purse = self._purse
        seconds: dict[tuple[str, str, Decimal], list[Entry]] = defaultdict(list)
        backs: dict[tuple[str, str, Decimal], list[Entry]] = defaultdict(list)
        for entry in purse.open_bank_lines(credits_only=False):
            left, named = purse.left[entry.name], list(self._named(entry))
            if (
                left == entry.line.gross
                and len(named) == 1
                and self._is_paid(named[0])
                and not self._is_owed_back(named[0])
            ):
                (seconds if left > 0 else backs)[named[0], entry.line.currency, abs(left)].append(entry)
        for (order, currency, amount), credits in sorted(seconds.items()):
            debits = backs[order, currency, amount]
            if len(credits) == len(debits) == 1 and self._is_one_person(credits[0], debits[0]):
                for one, other in ((credits[0], debits[0]), (debits[0], credits[0])):
                    purse.pay(one, f"line:{other.name}", one.line.gross, SECOND_BACK, Trust.PROBABLE,
                              evidence=(self._named(one)[order],), made_at=debits[0].line.at)  # fmt: skip

    def _is_owed_back(self, order: str) -> bool:
        due = self._purse.dues[order]
        return due.given_back or due.given_up_at is not None

    def _is_one_person(self, credit: Entry, debit: Entry) -> bool:
        """The later line goes to whom the earlier one came from, as far as both say who that is."""
        payer, payee = set(credit.line.counterpart), set(debit.line.counterpart)
        taken_back = {f"line:{debit.name}", f"line:{credit.name}"} & {
            *self._barred.get(credit.name, ()), *self._barred.get(debit.name, ())
        }  # fmt: skip
        return credit.line.at <= debit.line.at and not taken_back and (not payer or not payee or bool(payer & payee))

    def given_back(self) -> None:
        """A transfer to a buyer whose order's number stands in the text: money of that order that goes back, later than it came
        and at most as much. All of it is certain; a part is probable, as another reason may be behind it. Of several orders it is
        the one whose payer it goes to: two shops give one number."""
        purse, back = self._purse, defaultdict[tuple[str, str], Decimal](Decimal)
        paid_at: dict[str, int] = {}
        paid_by: dict[str, set[str]] = defaultdict(set)
        for match in purse.matches:
            order, line = match.to.removeprefix("order:"), purse.entries[match.line].line
            paid_at[order] = max(paid_at.get(order, 0), line.at)
            paid_by[order].update(line.counterpart)
        for entry in purse.open_bank_lines(credits_only=False):
            left = purse.left[entry.name]
            if left > 0:
                continue
            currency = entry.line.currency
            named = self._named(entry)
            fits = [
                o for o in sorted(named)
                if paid_at.get(o, entry.line.at) < entry.line.at
                and purse.paid[o].get(currency, ZERO) - back[o, currency] >= -left
            ]  # fmt: skip
            if len(fits) > 1:
                fits = [o for o in fits if paid_by[o] & set(entry.line.counterpart)]
            if len(fits) == 1:
                order = fits[0]
                whole = purse.paid[order][currency] == -left
                back[order, currency] -= left
                purse.pay_order(
                    entry, order, GIVEN_BACK, Trust.CERTAIN if whole else Trust.PROBABLE, evidence=(named[order],)
                )

    def _equal(self, dues: OpenDues, entry: Entry) -> list[Due]:
        """Open dues of exactly this amount, in time, that the line's own words do not speak against."""
        left = self._purse.left[entry.name]
        named = self._named(entry)
        return [
            due for due in dues.within(entry.line.currency, left, left)
            if due.order not in self._barred.get(entry.name, ())
            and (not named or due.order in named)
            and self._in_time(entry, due.order, self._tolerance.delay_s(due.method))
            and (due.given_up_at is None or entry.line.at <= due.given_up_at)
        ]  # fmt: skip

    def _take_one(self, entry: Entry, fits: Sequence[Due], rule: str) -> None:
        if len(fits) == 1:
            digests = tuple(sorted(c.partition(":")[0] for c in entry.line.counterpart))
            self._purse.pay_order(entry, fits[0].order, rule, Trust.PROBABLE, evidence=digests)
        elif fits:
            self._propose(entry, rule, "ambiguous", [(d.order,) for d in fits])

    def by_amount(self) -> None:
        """Nothing but the amount: one due in the whole ledger and none near it. For a person to decide."""
        near = self._tolerance.near
        waiting = self._purse.open_bank_lines()
        dues = OpenDues(self._purse if waiting else None)
        for entry in waiting:
            left = self._purse.left[entry.name]
            around = dues.within(entry.line.currency, left - near, left + near)
            equal = {d.order for d in self._equal(dues, entry)}
            if len(around) == 1 and around[0].order in equal:
                self._propose(entry, AMOUNT_ONLY, "amount_only", [(around[0].order,)])

    # -- one credit for many parcels

    def lump_sums(self, payers: Mapping[str, frozenset[str]]) -> None:
        """A courier's credit without a file. ``payers``: counterparts known to pay for couriers and providers."""
        waiting = self._purse.open_bank_lines()
        dues = self._courier_dues() if waiting else {}
        for entry in waiting:
            if self._named(entry):
                continue
            sources = {s for c in entry.line.counterpart for s in payers.get(c, ())}
            fits: list[tuple[bool, list[Due], str]] = []
            for (courier, currency), theirs in sorted(dues.items()):
                if currency == entry.line.currency and (not sources or f"courier:{courier}" in sources):
                    fits += self._lump(entry, theirs, known=bool(sources))
            if len(fits) == 1 and fits[0][0] and not self._equal(OpenDues(self._purse), entry):
                self._pay_many(entry, *fits[0][1:])
            elif fits:
                answers = [tuple(d.order for d in chosen) for _, chosen, _ in fits]
                self._propose(entry, fits[0][2], "ambiguous" if len(fits) > 1 else "sum_only", answers)

    def _courier_dues(self) -> dict[tuple[str, str], list[Due]]:
        found: dict[tuple[str, str], list[Due]] = defaultdict(list)
        for due in self._purse.dues.values():
            if due.courier and due.delivered_at is not None and due.given_up_at is None and due.amounts:
                found[due.courier, next(iter(due.amounts))].append(due)
        return found

    def _lump(
        self, entry: Entry, waiting: Sequence[Due], *, known: bool
    ) -> Iterator[tuple[bool, list[Due], str]]:  # fmt: skip
        """Sets of parcels that add up to the line: whether they may be taken, which, and by which rule.

        Whole days up to a cut are what couriers pay; any other sum is believed of a payer that is known for a courier.
        """
        day = self._days.of(entry.line.at, entry.line.zone)
        first = day - self._tolerance.courier_days
        candidates = sorted(
            (
                due for due in waiting
                if not self._purse.paid[due.order] and due.delivered_at is not None
                and first <= self._days.of(due.delivered_at) <= day
                and due.order not in self._barred.get(entry.name, ())
            ),
            key=lambda d: (d.delivered_at, d.order),
        )  # fmt: skip
        groups = [list(g) for _, g in groupby(candidates, key=lambda d: self._days.of(d.delivered_at or 0))]
        count = prefix_fit([[_net(d) for d in group] for group in groups], self._purse.left[entry.name])
        if count is not None:
            chosen = [d for group in groups[:count] for d in group]
            yield known or len(chosen) > 1, chosen, WHOLE_DAYS
            return
        for places in subsets([_net(d) for d in candidates], self._purse.left[entry.name], MOST_SHOWN):
            yield known, [candidates[i] for i in places], ADD_UP

    def _pay_many(self, entry: Entry, chosen: Sequence[Due], rule: str) -> None:
        for due in chosen:
            self._purse.pay(
                entry, order_key(due.order), _net(due), rule, Trust.PROBABLE,
                evidence=(f"{len(chosen)} parcels of {due.courier}",), made_at=due.delivered_at,
            )  # fmt: skip

    def _propose(self, entry: Entry, rule: str, why: str, answers: Sequence[tuple[str, ...]]) -> None:
        named = tuple(tuple(map(order_key, answer)) for answer in answers[:MOST_SHOWN])
        self.proposals.setdefault(entry.name, Proposal(line=entry.name, rule=rule, why=why, answers=named))


def _parts(reference: str) -> tuple[str, str, str]:
    return reference.partition(":")


def _net(due: Due) -> Decimal:
    """What the courier hands over for a parcel: all of it, less its fee where a rule tells it."""
    return next(iter(due.amounts.values())) if due.expected is None else due.expected
