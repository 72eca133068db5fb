"""What a table of attribution rests on: credits of the rule models as the derived tables answer, spend and claims out of the folder.

Owns which questions are asked, with which parameters, and the way from answers to rows of a table. How credits come about is in the
named statements (`sql/credits.sql`); where they are asked is passed in. Long periods are asked in parts, which add up.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, timedelta, tzinfo
from decimal import Decimal
from fractions import Fraction
from functools import reduce
from pathlib import Path
from typing import Any, NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from twofold.attribution.paths import DAY_S
from twofold.attribution.spend import (
    BY_NAME,
    LEVELS,
    NO_SPEND,
    Advert,
    Adverts,
    Seen,
    advert_of,
    identity_of,
    key_of,
)
from twofold.attribution.table import (
    OF_ORDERS,
    UNATTRIBUTED,
    Asked,
    Cost,
    Group,
    Line,
    Rate,
    Usual,
    added,
    paid_key,
    unattributed,
)
from twofold.attribution.verdicts import MANY, MOST, Sample
from twofold.facts.engine import Answer
from twofold.facts.engine import Asked as TableQuestion
from twofold.facts.questions import Question, questions_of
from twofold.ledger.lines import Spend
from twofold.ledger.money import digits_of
from twofold.ledger.spend import channel_of_spend, claimed, counted, platform_of_spend
from twofold.reconcile.chain.account import Desk
from twofold.reconcile.chain.margin import Costs
from twofold.reconcile.chain.values import ZERO, Rules
from twofold.reconcile.exchange import Exchange, day_number, day_text
from twofold.reconcile.matches.values import Days
from twofold.reconcile.reading.folder import Folder

ROOM = "twofold.attribution"
RATE_WEEKS = 8
LEAST_WEEKS = 4
YOUNG_SHARE = Decimal("0.9")
"""A day is young as long as this part of its money usually takes."""
NEVER = "9999-12-31"
PART_ROWS = 1_000_000
"""Days are asked together as long as their orders and touches are no more rows than that; one day is never cut."""
BUCKET_ROWS = 1_500_000
"""Customers are asked together as long as their orders and touches are about that many."""
ERASED = "erased"
PARTS = 10**12
"""Of an order, as the statements count it."""
_MARKS = ("", BY_NAME, NO_SPEND, "no_tag")
_LINKS = {
    "placed": "placed",
    "confirmed": "confirmed",
    "delivered": "delivered",
    "true": "kept",
    "banked": "banked",
    "margin": "margin",
}
"""A link and its column in the answers."""
_OF_DAYS = ("credit_sums", "credit_values", "credit_squares", "credit_groups", "credit_usual")
"""What adds up over days."""
_OF_CUSTOMERS = "credit_customers"
"""What adds up over customers, and not over days: one may come back on another."""

AskAll = Callable[[Sequence[TableQuestion]], list[Answer]]


class DoubleTag(NamedTuple):
    """Orders that came under a click id of ``platform`` and words that name another."""

    platform: str
    words: str
    orders: int


class Basis(Struct, frozen=True, kw_only=True):
    """``lines``: rows by model. ``deducted``: what batches of the period kept on the bank for all of their orders. ``missing``:
    orders without a rate. ``young_days``: so many days most money takes; ``young_since``: the first day that is younger. ``rates``: by method of payment. ``texts``: of the addresses by which the orders came."""

    asked: Asked
    lines: Mapping[str, list[Line]]
    adverts: Adverts
    spend: list[Spend]
    costs: dict[str, Cost]
    rates: dict[str, Rate]
    usual: Usual
    placed: Decimal
    seen: Seen
    desk: Desk
    missing: int
    claimed: Decimal | None
    deducted: Decimal
    texts: list[str]
    double_tags: list[DoubleTag] = []
    young_days: int = 0
    young_since: str = NEVER
    dataset: str | None = None
    unrated: dict[tuple[str, str], Decimal] = {}

    def day_of(self, at: int) -> str:
        """The day of a moment, in the reporting zone."""
        return day_text(self.desk.days.of(at))


def read_basis(
    folder: Path | str, asked: Asked, models: Sequence[str], rules: Rules, zone: tzinfo, as_of: int, ask: AskAll,
    dataset: str | None = None,
) -> Basis:  # fmt: skip
    """Everything for one table, under each of these rule models. Raises what reading the folder and asking the tables raise."""
    with Folder(folder) as store:
        rates = Exchange.of(store.rates())
        first = shifted(asked.since, -asked.click_days)  # what ran before the period may have brought its orders
        told_of = counted(row for row in store.spend() if first <= row.day <= asked.until)
    desk = Desk(rules=rules, rates=rates, costs=Costs((), rates), days=Days(zone))
    last = min(asked.until, day_text(desk.days.of(as_of)))
    told = {"as_of": as_of, "dataset": dataset or ""}
    usual_weeks = _question("credit_weeks", {"since": shifted(last, -7 * 26), "until": last, **told})
    usual_ages = _question("credit_ages", usual_weeks.parameters)
    weeks, days, ages = ask([usual_weeks, days_asked(asked, as_of, dataset or ""), usual_ages])
    if not ages.rows:  # nothing of it was ever seen on the bank
        (ages,) = ask([_question("credit_ends", usual_weeks.parameters)])
    young_days = usual_days(ages.rows)
    young_since = shifted(day_text(desk.days.of(as_of)), 1 - young_days)
    currency = weeks.currency or rules.currency
    asked = replace(asked, currency=currency)
    desk = Desk(rules=_in(rules, currency), rates=rates, costs=Costs((), rates), days=Days(zone))
    spend = [row for row in told_of if asked.since <= row.day]
    costs, adverts = _costs(spend, asked.by, desk), Adverts(told_of)
    parts = parts_of(asked, days.rows)
    answers = _Answers(ask, asked, models, as_of, dataset or "", rules.history_days, parts, young_since)
    usual = answers.usual()
    (apart,), names = answers.rows("credit_apart"), answers.rows("adverts_seen")
    return Basis(
        asked=asked, lines={model: answers.lines(model, adverts, costs) for model in answers.models}, adverts=adverts, spend=spend,
        costs=costs, rates=_rates(weeks.rows), usual=usual, placed=answers.placed(),
        seen=Seen(tuple(text or "" for text in row) for row in names), desk=desk, missing=apart.missing,
        claimed=reduce(added, _costs(spend, "source", desk).values(), Cost()).claimed_value, deducted=apart.deducted,
        texts=[row.told for row in answers.rows("texts_of_paths")],
        double_tags=[
            DoubleTag(row.platform, "/".join(filter(None, (row.source, row.medium))), row.orders) for row in answers.rows("double_tags")
        ],
        young_days=young_days, young_since=young_since, dataset=dataset, unrated=_unrated(spend, desk),
    )  # fmt: skip


def shifted(day: str, by: int) -> str:
    """So many days later."""
    return (date.fromisoformat(day) + timedelta(days=by)).isoformat()


def _in(rules: Rules, currency: str) -> Rules:
    return replace(rules, currency=currency)


def _question(name: str, given: Mapping[str, Any]) -> TableQuestion:
    question: Question = questions_of(ROOM)[name]
    return TableQuestion(question=question, parameters={p: given[p] for p in question.asks})


def days_asked(asked: Asked, as_of: int, dataset: str = "") -> TableQuestion:
    """By what the parts are found."""
    given = {"since": asked.since, "until": _until(asked), "as_of": as_of, "dataset": dataset}
    return _question("credit_days", given)


def cohorts_asked(as_of: int, dataset: str = "") -> TableQuestion:
    """What the new customers of each month brought in each."""
    return _question("cohort_months", {"as_of": as_of, "dataset": dataset})


def credits_asked(
    asked: Asked,
    models: Sequence[str],
    as_of: int,
    name: str,
    parts: Parts,
    dataset: str = "",
    more: Mapping[str, Any] | None = None,
) -> list[TableQuestion]:
    """One question of credits, in parts whose rows add up. ``more``: what it asks besides."""
    given = {**_given(asked, models, as_of, dataset, 0), **(more or {})}
    return [_question(name, {**given, "since": since, "until": until}) for since, until in parts.days]


def _until(asked: Asked) -> str:
    """The last day of orders that may have a part in it."""
    if asked.credit_day == "touch" and asked.by not in OF_ORDERS:
        return shifted(asked.until, asked.click_days)
    return asked.until


def _given(asked: Asked, models: Sequence[str], as_of: int, dataset: str, history_days: int) -> dict[str, Any]:
    """The parameters of all questions of credits."""
    until = _until(asked)
    return {
        "since": asked.since, "until": until, "first": shifted(asked.since, -asked.click_days - 1), "last": asked.until,
        "after": shifted(until, 1), "as_of": as_of, "dataset": dataset, "models": f",{','.join(models)},", "by": asked.by,
        "window": asked.click_days * DAY_S, "chat": min(asked.click_days, asked.chat_days) * DAY_S,
        "half_life": asked.half_life_days * DAY_S, "repeats": asked.repeats, "unit": 10 ** digits_of(asked.currency),
        "history_s": history_days * DAY_S, "credit_day": asked.credit_day, "credit_since": asked.since,
        "credit_until": asked.until, "young": NEVER, "bucket": 0, "buckets": 1,
    }  # fmt: skip


# -- parts


class Parts(Struct, frozen=True, kw_only=True):
    """How one question is asked in several: ranges of days that follow each other; and how many buckets of customers."""

    days: tuple[tuple[str, str], ...]
    buckets: int = 1

    @property
    def customers(self) -> list[dict[str, int]]:
        """The parameters of each bucket."""
        return [{"bucket": n, "buckets": self.buckets} for n in range(self.buckets)]


def parts_of(asked: Asked, told: Sequence[Any]) -> Parts:
    """``told``: the answer to `days_asked`. Credits add up whatever the parts are; there are more of them where there are more
    rows, so that memory stays what it is."""
    days: list[tuple[str, str]] = []
    first, rows, before = asked.since, 0, 0
    for row in told:
        if rows and rows + row.told > PART_ROWS:
            days.append((first, shifted(row.day, -1)))
            first, rows, before = row.day, 0, rows
        rows += row.told
    if days and before + rows <= PART_ROWS + PART_ROWS // 8:  # a small rest is asked with the days before it
        first, _ = days.pop()
    buckets = -(-sum(row.told for row in told) // BUCKET_ROWS) or 1
    return Parts(days=(*days, (first, _until(asked))), buckets=buckets)


# -- answers


class _Answers:
    """Everything asked of the tables for one report, and rows out of it."""

    def __init__(
        self, ask: AskAll, asked: Asked, models: Sequence[str], as_of: int, dataset: str, history_days: int, parts: Parts,
        young_since: str = NEVER,
    ) -> None:  # fmt: skip
        self._asked = asked
        self.models = ["orders"] if asked.by in OF_ORDERS else list(dict.fromkeys(models))
        self._digits = digits_of(asked.currency)
        given = {**_given(asked, self.models, as_of, dataset, history_days), "young": young_since}
        until = str(given["until"])
        questions = [
            _question(name, {**given, "most": MANY, "since": since, "until": to})
            for since, to in parts.days
            for name in _OF_DAYS
        ]
        questions += [_question(_OF_CUSTOMERS, {**given, **bucket}) for bucket in parts.customers]
        questions += [_question("credit_pool", {**given, "most": MOST})]
        inside = {**given, "until": asked.until}
        questions += [
            _question(name, inside) for name in ("credit_apart", "credit_erased", "texts_of_paths", "double_tags")
        ]
        seen = {"since": given["first"], "until": shifted(until, 1)}
        questions += [_question("adverts_seen", seen)]
        self._rows: dict[str, list[Any]] = defaultdict(list)
        for question, answer in zip(questions, ask(questions), strict=True):
            self._rows[question.question.name] += answer.rows

    def rows(self, name: str) -> list[Any]:
        return self._rows[name]

    def scaled(self, units: Decimal) -> Decimal:
        """An amount that the statements give in minor units."""
        return units.scaleb(-self._digits)

    def usual(self) -> Usual:
        """What the orders of the period are like."""
        pool = self.rows("credit_pool")
        orders, unseen, _, kept_due, kept_margin, gone_placed, gone_margin = self._usual()
        return Usual(
            margins=[self.scaled(row.amount) for row in pool if row.of_margin for _ in range(row.times)],
            trues=[self.scaled(row.amount) for row in pool if not row.of_margin for _ in range(row.times)],
            best=kept_margin / kept_due if kept_due else ZERO,
            worst=gone_margin / gone_placed if gone_placed else ZERO,
            unseen=unseen / orders if orders else 0.0,
        )

    def placed(self) -> Decimal:
        """All that was placed."""
        return self.scaled(self._usual()[2])

    def _usual(self) -> tuple[Any, ...]:
        return tuple(map(sum, zip(*self.rows("credit_usual"), strict=True)))

    def _names(self) -> dict[str, tuple[str, str]]:
        """What the rows of touches are called, and whose they are."""
        found: dict[str, tuple[str, str]] = {}
        for row in self.rows("credit_groups"):
            name, platform = found.get(row.grp, ("", ""))
            found[row.grp] = max(name, row.name), max(platform, row.platform)
        return found

    def lines(self, model: str, adverts: Adverts, costs: Mapping[str, Cost]) -> list[Line]:
        """The rows under one model."""
        names = self._names()
        lines: dict[str, Line] = {}
        for row in self.rows("credit_sums"):
            if row.model == model:
                group = self._group(row, names.get(row.grp), adverts)
                line = lines.setdefault(row.grp, Line(group=group))
                line.group = max(line.group, group)  # of two ways to one row the marked one
                self._add(line, row)
        (erased,) = self.rows("credit_erased")
        if any(erased) and self._asked.by not in ("country", "product"):
            line = lines.setdefault(f"{UNATTRIBUTED}:{ERASED}", Line(group=unattributed(ERASED)))
            for link, column in _LINKS.items():
                line.amounts[link] += getattr(erased, column)
        for key, cost in costs.items():
            if key not in lines:
                lines[key] = Line(group=_group_of_cost(key, self._asked.by, adverts))
            lines[key].cost = cost
        for row in self.rows("credit_customers"):
            if row.model == model and row.grp in lines:
                line = lines[row.grp]
                line.new += row.new_orders
                line.new_delivered += row.won
                line.returning += row.returning
                line.unsure += row.unsure
        for key, (margins, trues) in self._samples(model).items():
            lines[key].margins, lines[key].trues = margins, trues
        return list(lines.values())

    def _add(self, line: Line, row: Any) -> None:
        line.orders += Fraction(row.orders, PARTS)
        line.by_shop += Fraction(row.by_shop, PARTS)
        for link, column in _LINKS.items():
            line.amounts[link] += self.scaled(getattr(row, column))
        line.open += self.scaled(row.open)
        line.young += self.scaled(row.young)
        line.open_by_method[row.method] += self.scaled(row.open)
        line.final_due += self.scaled(row.final_due)
        line.costed_due += self.scaled(row.costed_due)

    def _group(self, row: Any, named: tuple[str, str] | None, adverts: Adverts) -> Group:
        by, key = self._asked.by, row.grp
        if key.startswith(f"{UNATTRIBUTED}:"):
            return unattributed(key.partition(":")[2])
        if named is None or by not in (*LEVELS, "source"):
            return Group(key, key.removeprefix("told:"))
        name, platform = named
        return Group(key, name or adverts.name_of(by, advert_of(key)), platform, _MARKS[row.mark])

    def _samples(self, model: str) -> dict[str, tuple[Sample, Sample]]:
        """Contributions and what is true, by group."""
        found: dict[str, tuple[_Sums, _Sums]] = defaultdict(lambda: (_Sums(), _Sums()))
        for row in self.rows("credit_values"):
            if row.model == model:
                margins, trues = found[row.grp]
                trues.add(row.credits, self.scaled(row.kept), each=True)
                if row.told:
                    margins.add(row.credits, self.scaled(row.margin), each=True)
        for row in self.rows("credit_squares"):
            if row.model == model:
                margins, trues = found[row.grp]
                trues.square(row.credits, self.scaled(row.kept), row.kept_squares, self._digits)
                if row.told:
                    margins.square(row.credits, self.scaled(row.margin), row.margin_squares, self._digits)
        return {key: (margins.sample(), trues.sample()) for key, (margins, trues) in found.items()}


class _Sums:
    """Amounts added up, each kept as long as there are few."""

    def __init__(self) -> None:
        self._count, self._whole, self._squares = 0, ZERO, 0.0
        self._values: list[Decimal] = []

    def add(self, times: int, value: Decimal, *, each: bool) -> None:
        self._count += times
        self._whole += times * value
        self._squares += times * float(value) ** 2
        self._values += [value] * times if each else []

    def square(self, times: int, whole: Decimal, squares: int, digits: int) -> None:
        self._count += times
        self._whole += whole
        self._squares += float(squares) / 10 ** (2 * digits)

    def sample(self) -> Sample:
        return Sample(self._count, self._whole, self._squares, tuple(self._values) if self._count < MANY else ())


# -- spend


def _costs(spend: Iterable[Spend], by: str, desk: Desk) -> dict[str, Cost]:
    found: dict[str, Cost] = {}
    for row in spend:
        key = _cost_key(row, by)
        if key is None:
            continue
        day = day_number(row.day)
        amount = desk.rates.convert(row.amount, row.currency, desk.rules.currency, day)
        claim, value = claimed(row), None
        if claim is not None and claim.value is not None:
            value = desk.rates.convert(claim.value, row.currency, desk.rules.currency, day)
        one = Cost(
            spend=amount or ZERO,
            unrated=amount is None,
            claimed_count=claim.count if claim else None,
            claimed_value=value,
        )
        found[key] = added(found.get(key, Cost()), one)
    return found


def _unrated(spend: Iterable[Spend], desk: Desk) -> dict[tuple[str, str], Decimal]:
    """By source and currency, what of it has no rate."""
    found: dict[tuple[str, str], Decimal] = {}
    for row in spend:
        if desk.rates.convert(row.amount, row.currency, desk.rules.currency, day_number(row.day)) is None:
            key = platform_of_spend(row.source), row.currency
            found[key] = found.get(key, ZERO) + row.amount
    return dict(sorted(found.items()))


def _cost_key(row: Spend, by: str) -> str | None:
    if by in LEVELS:
        return key_of(Advert(platform_of_spend(row.source), identity_of(row, by)))
    if by == "channel":
        return channel_of_spend(row)
    return {"source": paid_key(platform_of_spend(row.source)), "day": row.day}.get(by)


def _group_of_cost(key: str, by: str, adverts: Adverts) -> Group:
    if by in LEVELS:
        advert = advert_of(key)
        return Group(key, adverts.name_of(by, advert) or "none", advert.platform)
    platform = key.removeprefix("paid:") if by == "source" else ""
    return Group(key, f"{platform} (paid)" if platform else key, platform)


# -- what is usual


def usual_days(rows: Iterable[Any]) -> int:
    """Within how many days nine tenths of the money come. ``rows``: amounts by days. 0 where nothing is known."""
    told = sorted((row.days, row.amount) for row in rows)
    reached = sum((amount for _, amount in told), ZERO) * YOUNG_SHARE
    total = ZERO
    for days, amount in told:
        total += amount
        if total >= reached:
            return max(int(days), 0)
    return 0


def _rates(rows: Iterable[Any]) -> dict[str, Rate]:
    """Of the last eight whole weeks in which nothing is open any more, by method: delivered and collected of confirmed."""
    weeks: dict[str, list[Any]] = defaultdict(list)
    for row in sorted(rows, key=lambda one: str(one.week)):
        if not row.open:
            weeks[row.method].append(row)
    found = {}
    for method, told in weeks.items():
        parts = [(row.kept, row.confirmed) for row in told[-RATE_WEEKS:] if row.confirmed]
        if len(parts) >= LEAST_WEEKS:
            found[method] = _rate(parts)
    return found


def _rate(parts: list[tuple[Decimal, Decimal]]) -> Rate:
    mean = sum((t for t, _ in parts), ZERO) / sum((c for _, c in parts), ZERO)
    each = sorted(t / c for t, c in parts)
    tenth = (len(each) - 1) * Decimal("0.1")
    return Rate(mean, each[int(tenth)], each[-1 - int(tenth)])
