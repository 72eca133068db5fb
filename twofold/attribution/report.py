"""One report of attribution in one call: lines by a model, their rows as every reader has them, and what is wrong.

Owns which model answers which way, the rows and the orders behind each, the findings with what mends them, and cohorts of customers over a folder. How the
tables of facts are asked is passed in, so that a command and a page give the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, tzinfo
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from twofold.attribution.cohorts import Brought, Cohort, cohorts
from twofold.attribution.figures import closed_column, figures_of
from twofold.attribution.paths import DAY_S, PathTouch
from twofold.attribution.period import (
    PERIOD_MODELS,
    Refused,
    paths_behind,
    paths_of_nobody,
    paths_of_orders,
    period_paths,
    share_period,
    tells_apart,
)
from twofold.attribution.reading import (
    PARTS,
    AskAll,
    Basis,
    DoubleTag,
    cohorts_asked,
    credits_asked,
    days_asked,
    parts_of,
    read_basis,
)
from twofold.attribution.spend import BY_NAME, LEVELS, NO_SPEND, advert_of, untagged
from twofold.attribution.table import (
    LINKS,
    OF_ORDERS,
    Asked,
    Group,
    Line,
    deductions,
    group_of,
    has_few,
    judged,
    verdict_word,
)
from twofold.facts.engine import Asked as TableQuestion
from twofold.facts.questions import Question
from twofold.ledger.money import digits_of
from twofold.reconcile.chain.rows import closed, ratio
from twofold.reconcile.chain.values import ZERO, Rules
from twofold.reconcile.exchange import Exchange, day_number, day_text
from twofold.reconcile.lives.asking import named
from twofold.reconcile.matches.values import Days
from twofold.reconcile.reading.folder import Folder
from twofold.touch.source import is_macro

RECOMMENDED = {
    "meta": "utm_source=facebook&utm_medium=paid_social&utm_campaign={{campaign.name}}&utm_id={{campaign.id}}"
    "&utm_term={{adset.id}}&utm_content={{ad.id}}",
    "google": "utm_source=google&utm_medium=cpc&utm_id={campaignid}&utm_term={adgroupid}&utm_content={creative}",
    "tiktok": "utm_source=tiktok&utm_medium=paid_social&utm_id=__CAMPAIGN_ID__&utm_term=__AID__&utm_content=__CID__",
}
"""What an ad's address should end with, by platform: the platform's own macros."""


class Report(Struct, frozen=True, kw_only=True):
    """``rows``: as `--json` and pages have them, the most first; ``findings``: kind, of what, in words. ``total``: what all rows come to, what all
    platforms claim of it, and which days are young. ``paths``: what the rows of a model of a period stand on, none for a rule model."""

    rows: list[dict[str, Any]]
    findings: list[dict[str, str]]
    currency: str
    missing: int
    total: dict[str, Any]
    paths: list[dict[str, Any]] = []


RULE = "last"
"""The rule model whose totals a model of a period shares out: those of all of them are alike."""


def report_attribution(
    folder: Path | str, asked: Asked, rules: Rules, zone: tzinfo, as_of: int, ask: AskAll, *,
    dataset: str | None = None, link: str = "true", compare: str | None = None, markov_order: int = 1,
) -> Report:  # fmt: skip
    """Raises `Refused` where a model cannot answer, and what reading the folder and asking the tables raise."""
    models = [RULE if model in PERIOD_MODELS else model for model in (asked.model, compare) if model]
    basis = read_basis(folder, asked, models, rules, zone, as_of, ask, dataset)
    asked = basis.asked
    lines, paths = _lines(basis, asked, ask, as_of, markov_order)
    lines += [deductions(basis.deducted)] if basis.deducted else []
    other = _lines(basis, replace(asked, model=compare), ask, as_of, markov_order)[0] if compare else []
    if compare:
        other += [deductions(basis.deducted)] if basis.deducted else []
        known = {line.group.key for line in lines}
        lines += [Line(group=one.group, cost=one.cost) for one in other if one.group.key not in known]
    rows = _rows(lines, other, asked, link, compare)
    return Report(
        rows=rows, findings=_findings(basis, asked, lines), currency=asked.currency, missing=basis.missing, total=_total(basis, rows),
        paths=paths,
    )  # fmt: skip


class Credited(Struct, frozen=True, kw_only=True):
    """The orders behind a figure of a row, the last placed first. ``orders``, ``part``, ``amount``: of all of them; ``rows``: the first
    of them, each with its part of one and its amount at the link."""

    orders: int
    part: str
    amount: str
    currency: str
    rows: list[dict[str, Any]]


def credited_orders(
    asked: Asked,
    group: str,
    link: str,
    as_of: int,
    ask: AskAll,
    *,
    history_days: int,
    dataset: str | None = None,
    most: int = 50,
) -> Credited:
    """Which orders a row of a rule model's table is credited with. ``group``: the row's id; ``link``: one of `LINKS`, whose amounts that are
    not nothing are told, or ``orders``: all of them, with what was placed. Asked of the tables, as `report_attribution` is."""
    model = "orders" if asked.by in OF_ORDERS else asked.model
    given = {"grp": group, "link": link, "most": most, "history_s": history_days * DAY_S}
    (days,) = ask([days_asked(asked, as_of, dataset or "")])
    answers = ask(
        credits_asked(asked, [model], as_of, "credited_orders", parts_of(asked, days.rows), dataset or "", given)
    )
    currency = next((one.currency for one in answers if one.currency), asked.currency)
    digits, rows = digits_of(asked.currency), [row for one in reversed(answers) for row in one.rows]
    firsts = [one.rows[0] for one in answers if one.rows]
    part = Fraction(int(sum(row.parts for row in firsts)), PARTS)
    return Credited(
        orders=sum(row.orders for row in firsts), part=_part(part),
        amount=f"{closed(sum((row.whole for row in firsts), ZERO).scaleb(-digits), currency):f}", currency=currency,
        rows=[
            {
                "dataset": row.dataset, "order_id": row.order_id, "number": row.number, "day": row.day, "placed_at": row.placed_at or None,
                "method": row.method, "station": row.station, "courier": row.courier,
                "total": None if row.total is None else f"{closed(row.total, currency):f}", "part": _part(Fraction(int(row.part), PARTS)),
                "amount": f"{closed(row.amount.scaleb(-digits), currency):f}",
            }
            for row in rows[:most]
        ],
    )  # fmt: skip


def _part(orders: Fraction) -> str:
    return f"{Decimal(orders.numerator) / orders.denominator:.4f}"


def read_cohorts(
    folder: Path | str, rules: Rules, zone: tzinfo, as_of: int, ask: AskAll, *, dataset: str | None = None,
    revenue: bool = False,
) -> tuple[list[Cohort], str]:  # fmt: skip
    """The cohorts of all delivered orders, and the currency. What an order brought is its contribution before ads, or its
    revenue; an order whose costs are unknown brings nothing. Spend is that of the month, and none where some of it has no rate.
    ``ask``: of the derived tables."""
    months, advertising = ask(
        [cohorts_asked(as_of, dataset or ""), *named(("chain_advertising",), {"since": "", "until": "9999"})]
    )
    brought = [
        Brought(
            first_month=row.first_month, month=row.month, customers=row.customers, amount=row.due if revenue else row.margin
        )
        for row in months.rows
    ]  # fmt: skip
    currency = months.currency or rules.currency
    with Folder(folder) as store:
        rates = Exchange.of(store.rates())
    spend: dict[str, Decimal] = {}
    unrated: set[str] = set()
    for row in advertising.rows:
        amount = rates.convert(row.amount, row.currency, currency, day_number(row.local_day))
        unrated |= {row.local_day[:7]} if amount is None else set()
        spend[row.local_day[:7]] = spend.get(row.local_day[:7], ZERO) + (amount or ZERO)
    spend = {
        month: amount for month, amount in spend.items() if month not in unrated
    }  # a part would be no cost of a customer
    return cohorts(brought, date.fromisoformat(day_text(Days(zone).of(as_of))), spend), currency


def cohort_rows(found: Iterable[Cohort], currency: str, *, revenue: bool) -> list[dict[str, Any]]:
    """One row a cohort, amounts closed."""
    return [
        {
            "month": one.month, "customers": one.customers, "of": "revenue" if revenue else "contribution",
            "amounts": [f"{closed(a, currency):f}" for a in one.amounts], "value": [f"{closed(a, currency):f}" for a in one.value],
            "spend": None if one.spend is None else f"{closed(one.spend, currency):f}",
            "cac": None if one.cost is None else f"{closed(one.cost, currency):f}",
            "ltv_to_cac": None if one.ratio is None else [f"{r:.4f}" for r in one.ratio], "paid_back_in_month": one.paid_back,
        }
        for one in found
    ]  # fmt: skip


# -- lines


def _lines(
    basis: Basis, asked: Asked, ask: AskAll, as_of: int, markov_order: int
) -> tuple[list[Line], list[dict[str, Any]]]:
    """The rows, and the paths that those of a model of a period stand on."""
    if asked.model in PERIOD_MODELS:
        return _of_period(basis, asked, ask, as_of, markov_order)

    def seen(group: Group) -> bool:
        if asked.by not in LEVELS:
            return True
        advert = advert_of(group.key)
        names = basis.adverts.own_names(asked.by, advert)
        return any(basis.seen.names(asked.by, advert, name) for name in [advert.identity, *names])

    lines = basis.lines["orders" if asked.by in OF_ORDERS else asked.model]
    return judged(lines, asked, basis.usual, basis.rates, seen), []


def _of_period(
    basis: Basis, asked: Asked, ask: AskAll, as_of: int, markov_order: int
) -> tuple[list[Line], list[dict[str, Any]]]:
    if asked.by in OF_ORDERS or asked.by == "day":
        raise Refused(f"a model of a period credits channels and adverts, not {asked.by}")
    names: dict[str, Group] = {}

    def key_of(touch: PathTouch) -> str:
        group = group_of(touch, asked.by, basis.adverts, basis.day_of(touch.at), "")
        names[group.key] = max(names.get(group.key, group), group)
        return group.key

    def rows(question: Question, parameters: dict[str, Any]) -> list[Any]:
        (answer,) = ask([TableQuestion(question=question, parameters=parameters)])
        return answer.rows

    ends_at = min(as_of, basis.desk.days.start(day_number(asked.until) + 1) - 1)
    nobody = paths_of_nobody(asked, rows, key_of, ends_at, basis.day_of, basis.dataset)
    paths = period_paths(paths_of_orders(asked, rows, key_of, as_of, basis.dataset), nobody)
    lines = share_period(paths, basis.lines[RULE], asked, basis.costs, names, markov_order)
    if not tells_apart(paths):
        for line in lines:
            line.group = line.group._replace(mark=line.group.mark or "not_told_apart")
    behind = paths_behind(paths, asked.model, names)
    return lines, [
        {"ids": [g.key for g in groups], "groups": [g.name for g in groups], "orders": of.orders, "nowhere": of.none}
        for groups, of in behind
    ]


# -- rows


def _rows(
    lines: Sequence[Line], other: Sequence[Line], asked: Asked, link: str, compare: str | None
) -> list[dict[str, Any]]:
    currency = asked.currency
    beside = dict(
        zip((o.group.key for o in other), closed_column([o.amounts[link] for o in other], currency), strict=True)
    )
    columns = {name: closed_column([line.amounts[name] for line in lines], currency) for name in LINKS}
    columns["spend"] = closed_column([line.cost.spend for line in lines], currency)
    columns |= {name: closed_column([getattr(line, name) for line in lines], currency) for name in ("open", "young")}
    claims = closed_column([line.cost.claimed_value or ZERO for line in lines], currency)
    return [
        {
            **_named(line, asked),
            **_of_spend(line, asked),
            **{name: _text(column[place]) for name, column in columns.items()},
            "claimed_value": None if line.cost.claimed_value is None else _text(claims[place]),
            "compared_model": compare,
            "compared": _text(beside.get(line.group.key, closed(ZERO, currency))) if compare else None,
        }
        for place, line in enumerate(lines)
    ]


def _total(basis: Basis, rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Sums of what is shown; there is no return of all together, as most rows cost nothing. Claims are those of all platforms, whatever the groups are."""
    names = (*LINKS, "spend", "open", "young")
    return {
        "orders": f"{sum((Decimal(row['orders']) for row in rows), ZERO):f}",
        **{name: _text(sum((Decimal(row[name]) for row in rows), ZERO)) for name in names},
        "compared": _text(sum((Decimal(row["compared"]) for row in rows), ZERO)) if rows and rows[0]["compared_model"] else None,
        "claimed_value": _text(None if basis.claimed is None else closed(basis.claimed, basis.asked.currency)),
        "claimed_of_placed": _text(None if basis.claimed is None else ratio(basis.claimed, basis.placed)),
        "young_since": basis.young_since if basis.young_days else None,
        "young_days": basis.young_days,
    }  # fmt: skip


def _named(line: Line, asked: Asked) -> dict[str, Any]:
    return {
        "by": asked.by, "group": line.group.name, "id": line.group.key, "platform": line.group.platform, "mark": line.group.mark,
        "model": asked.model, "window_days": asked.click_days, "credit_day": asked.credit_day, "repeats": asked.repeats,
        "orders": _part(line.orders), "by_shop": _part(line.by_shop),
        "customers_new": line.new, "customers_new_unsure": line.unsure, "customers_returning": line.returning,
    }  # fmt: skip


def _of_spend(line: Line, asked: Asked) -> dict[str, Any]:
    figures, verdict = figures_of(line, asked.currency, asked.least_costed), line.verdict
    amounts = {
        "expected": line.expected,
        "expected_low": line.expected_low,
        "expected_high": line.expected_high,
    }
    return {
        "claimed_count": _text(line.cost.claimed_count),
        **{name: _text(None if value is None else closed(value, asked.currency)) for name, value in amounts.items()},
        **{name: _text(getattr(figures, name)) for name in figures.__struct_fields__},
        "few": has_few(line), "verdict": verdict_word(line) or None, "more_orders": verdict.more_orders if verdict else None,
    }  # fmt: skip


def _text(value: Decimal | None) -> str | None:
    return None if value is None else f"{value:f}"


# -- findings


_OF_MARKS = {
    NO_SPEND: "orders name it, and no spend of it is here: twofold import spend",
    BY_NAME: "joined to its spend by name; put the id into its address",
    "not_told_apart": "the paths of this period do not tell channels apart",
}


def _findings(basis: Basis, asked: Asked, lines: Iterable[Line]) -> list[dict[str, str]]:
    found = []
    if basis.claimed is not None and basis.placed and basis.claimed > basis.placed:
        share = f"{basis.claimed / basis.placed:.2f}"
        found.append(
            _finding("claims_above_orders", "", f"all platforms together claim {share} of what was placed at all")
        )
    for advert, name, amount, currency in untagged(basis.spend, basis.seen):
        text = f"{amount:f} {currency} were spent and no visit names it{_paste(advert.platform)}"
        found.append(_finding("spend_without_touches", name, text))
    for (source, currency), amount in basis.unrated.items():
        text = f"{amount:f} {currency} of spend have no rate to {asked.currency}, so nothing is worked out of them: twofold import rates"
        found.append(_finding("spend_without_rate", source, text))
    for line in lines:
        mark, name = line.group.mark, line.group.name
        if mark in _OF_MARKS:
            found.append(_finding(mark, name, _OF_MARKS[mark]))
        elif mark == "no_tag":
            found.append(
                _finding(mark, name, f"paid visits whose address names no {_level(name)}{_paste(line.group.platform)}")
            )
        elif (
            asked.by in LEVELS
            and line.cost.spend > 0
            and not line.orders
            and verdict_word(line) not in ("", "no_touches")
        ):
            text = "it cost something and visits name it, but no order that is credited to it"
            found.append(_finding("spend_without_orders", name or line.group.key, text))
    found += [_double_tag(tag) for tag in basis.double_tags]
    return found + [
        _finding("macro", text, f"a macro that nobody filled in{_paste(_platform_of_macro(text))}")
        for text in basis.texts
        if is_macro(text)
    ]


def _double_tag(tag: DoubleTag) -> dict[str, str]:
    orders = "one order" if tag.orders == 1 else f"{tag.orders:,} orders"
    text = f"{orders} came under a click id of {tag.platform} beside these words, which name another: the click id decides{_paste(tag.platform)}"
    return _finding("double_tag", tag.words, text)


def _platform_of_macro(text: str) -> str:
    """Whose macros look like that; empty where nobody's of `RECOMMENDED` do."""
    forms = {"{{": "meta", "__": "tiktok", "{": "google"}
    return next((platform for form, platform in forms.items() if text.startswith(form)), "")


def _level(name: str) -> str:
    return name.rpartition(" ")[2]


def _paste(platform: str) -> str:
    tail = RECOMMENDED.get(platform)
    return f"; end its address with {tail}" if tail else ""


def _finding(kind: str, of: str, text: str) -> dict[str, str]:
    return {"kind": kind, "of": of, "text": text}
