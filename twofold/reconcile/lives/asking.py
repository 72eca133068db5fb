"""The chain asked of the tables: which questions, with which parameters, and the report out of their answers.

Owns that choice. Where and within which limits questions are asked is `facts.engine`'s; all of one report are asked of one
state of the tables.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from msgspec.structs import replace

from twofold.facts.engine import Answer, Asked
from twofold.facts.questions import questions_of
from twofold.reconcile.chain import told as chain_told
from twofold.reconcile.chain.account import Desk
from twofold.reconcile.chain.booked import ends_of
from twofold.reconcile.chain.rows import Report
from twofold.reconcile.chain.standing import DAY_S
from twofold.reconcile.chain.told import parts_of
from twofold.reconcile.exchange import day_number
from twofold.reconcile.lives.answers import booked_report, cohort_report
from twofold.reconcile.lives.periods import QUESTIONS, given_of, parted, sets_of

ROOM = "twofold.reconcile"
AskAll = Callable[[Sequence[Asked]], list[Answer]]
_COHORT = (
    "chain_lives",
    "chain_terms",
    "chain_unrated",
    "chain_buyers",
    "chain_signals",
    "chain_advertising",
    "chain_open_batches",
)


def chain_of(ask: AskAll, asked: chain_told.Asked, desk: Desk, dataset: str | None) -> tuple[Report, str]:
    """The report, and the currency that it is in: that of the lives. ``desk``: its rates are for signals and advertising."""
    if asked.view == "booked":
        return _booked(ask, asked, desk, dataset)
    return cohort_told(ask(cohort_asked(asked, desk, dataset)), asked, desk)


def undelivered_asked(asked: chain_told.Asked, dataset: str | None) -> Asked:
    """The question for number and amount of the period's orders that were to be paid on delivery and never will be."""
    given = {"since": asked.since, "until": asked.until, "as_of": asked.as_of, "dataset": dataset or ""}
    return named(("chain_undelivered",), given)[0]


def cohort_asked(asked: chain_told.Asked, desk: Desk, dataset: str | None) -> list[Asked]:
    """The questions of the cohort view, for who asks them with others."""
    given = {
        "since": asked.since, "until": asked.until, "as_of": asked.as_of, "by": asked.by, "dataset": dataset or "",
        "history_s": desk.rules.history_days * DAY_S, **_signals_span(asked, desk),
    }  # fmt: skip
    return named(_signals_of(_COHORT, asked.by), given)


def cohort_told(answers: Sequence[Answer], asked: chain_told.Asked, desk: Desk) -> tuple[Report, str]:
    """The report out of the answers to these."""
    desk = in_their_currency(desk, answers)
    rows = {name: one.rows for name, one in zip(_COHORT, answers, strict=True)}
    return cohort_report(rows, asked.by, asked.as_of, desk), desk.rules.currency


def _booked(ask: AskAll, asked: chain_told.Asked, desk: Desk, dataset: str | None) -> tuple[Report, str]:
    timed = asked.by in ("day", "week", "month")
    periods = [("", asked.since, asked.until), *(parts_of(asked.since, asked.until, asked.by) if timed else ())]
    by = "" if timed else asked.by
    whole, *ends = (ends_of(replace(asked, since=since, until=until), desk) for _, since, until in periods)
    sets = sets_of(whole, ends)
    given = {"by": by, "dataset": dataset or "", **_signals_span(asked, desk)}
    questions = [one for spans in sets for one in named(QUESTIONS, {**given, **given_of(spans)})]
    questions += named(_signals_of(("chain_signals", "chain_open_batches"), by), given)
    *answers, signals, batches = ask(questions)
    desk = in_their_currency(desk, [*answers, signals])
    told: list[dict[str, Sequence[Any]]] = []
    for at, spans in enumerate(sets):
        mine = answers[at * len(QUESTIONS) : (at + 1) * len(QUESTIONS)]
        told += parted(
            dict(zip(QUESTIONS, (one.rows for one in mine), strict=True)), spans, with_whole=at == 0 and len(spans) > 1
        )
    parts = []
    for (name, since, until), rows in zip(periods, told, strict=True):
        seen = [row for row in signals.rows if day_number(since) <= desk.days.of(row.slot) <= day_number(until)]
        parts.append((name, {**rows, "chain_signals": seen, "chain_open_batches": batches.rows}))
    return booked_report(parts, asked.by, desk), desk.rules.currency


def in_their_currency(desk: Desk, answers: Sequence[Answer]) -> Desk:
    """The desk with the currency that the tables are in."""
    currency = answers[0].currency or desk.rules.currency
    return replace(desk, rules=replace(desk.rules, currency=currency))


def _signals_span(asked: chain_told.Asked, desk: Desk) -> dict[str, int]:
    """The first and the last second of which Purchases are asked for."""
    start, end = desk.days.start(day_number(asked.since)), desk.days.start(day_number(asked.until) + 1)
    return {"from_s": start, "to_s": min(end - 1, asked.as_of)}


def _signals_of(names: Iterable[str], by: str) -> list[str]:
    """Signals know their time themselves; of any other group their orders are asked."""
    plain = by in ("", "day", "week", "month")
    return ["chain_signals_whole" if plain and name == "chain_signals" else name for name in names]


def named(names: Iterable[str], given: dict[str, Any]) -> list[Asked]:
    """Questions of this room by name, each with those of the parameters that it asks."""
    known = questions_of(ROOM)
    return [
        Asked(question=known[name], parameters={p: given[p] for p in known[name].asks}) for name in names
    ]  # fmt: skip
