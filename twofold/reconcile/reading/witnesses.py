"""A day with everything that its report needs, asked of the derived tables; and how the four weeks before it were.

Owns the order of asking. The days before are taken from kept versions where there are some, else asked for like the day itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import tzinfo
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from msgspec import Struct

from twofold.facts.engine import Asked as TableQuestion
from twofold.ledger.lines import SiteDay, Spend
from twofold.reconcile.chain.account import Desk
from twofold.reconcile.chain.margin import Costs
from twofold.reconcile.chain.rows import Row
from twofold.reconcile.chain.told import Asked
from twofold.reconcile.chain.values import Rules
from twofold.reconcile.day.band import DAYS, Band, band_of
from twofold.reconcile.day.report import WITNESSES, Day, day_report, share_of, undelivered_term
from twofold.reconcile.day.values import Bridge, Report, Term
from twofold.reconcile.day.versions import Version, due_ages, keep_versions, kept_versions
from twofold.reconcile.exchange import Exchange, day_number, day_text
from twofold.reconcile.lives.asking import (
    AskAll,
    cohort_asked,
    cohort_told,
    in_their_currency,
    named,
    undelivered_asked,
)
from twofold.reconcile.matches.values import Days
from twofold.reconcile.reading.counted import ga4_report, meta_report, sites_of, spend_of
from twofold.reconcile.reading.day import QUESTIONS, Platform, asked_of, facts_of
from twofold.reconcile.reading.folder import Folder

AT_ONCE = 4
"""Of so many days orders are in memory."""
_COUNTED = ("day_spend", "day_claims", "day_ads", "day_sites")


class Question(Struct, frozen=True, kw_only=True):
    """What is asked. ``zones``: of ad accounts whose reports tell none. ``keep``: versions that are due are written."""

    day: str
    as_of: int
    rules: Rules
    zone: tzinfo
    zone_name: str
    platform: Platform
    zones: Mapping[str, str] = {}
    dataset: str | None = None
    keep: bool = True


class Answer(Struct, frozen=True, kw_only=True):
    """The day, the band of each witness, and what was said of it before."""

    report: Day
    bands: Mapping[str, Band]
    versions: tuple[Version, ...]


def witnesses_of(folder: Path, asked: Question, ask: AskAll) -> Answer:
    """The report of one day. ``ask``: of the derived tables."""
    desk = desk_of(folder, asked)
    chain = Asked(since=asked.day, until=asked.day, as_of=asked.as_of)
    cohort = cohort_asked(chain, desk, asked.dataset)
    reader = DayReader(ask, asked, desk)
    before = _before(asked.day)
    kept = {text: share for text in before if (share := _kept_share(folder, asked, text)) is not None}
    answers = ask([*cohort, undelivered_asked(chain, asked.dataset), *reader.counted(before[0], asked.day)])
    told, _ = cohort_told(answers[: len(cohort)], chain, desk)
    reader.hear(answers[len(cohort) + 1 :])
    gone = [(row.number, row.amount) for row in answers[len(cohort)].rows]
    unkept = [text for text in before if text not in kept and reader.is_told(text)]
    days = dict(reader.days([asked.day, *unkept]))
    report = reader.report(days.pop(asked.day), told.rows, undelivered_term(gone, reader.currency))
    kept |= {text: reader.shares(facts) for text, facts in days.items()}
    shares = [kept.get(text, {}) for text in before]
    bands = {
        w: band_of(w, [s.get(w) for s in shares], share_of(report.bridge_of(w))) for w in WITNESSES
    }  # fmt: skip
    return Answer(report=report, bands=bands, versions=tuple(_versions(folder, report, asked, desk.days)))


def desk_of(folder: Path, asked: Question) -> Desk:
    """Rates and days; costs are not asked for."""
    with Folder(folder) as store:
        rates = Exchange.of(store.rates())
    return Desk(rules=asked.rules, rates=rates, costs=Costs((), rates), days=Days(asked.zone))


def _before(day: str) -> list[str]:
    number = day_number(day)
    return [day_text(n) for n in range(number - DAYS, number)]


def _kept_share(folder: Path, asked: Question, day: str) -> dict[str, Decimal | None] | None:
    """What the youngest kept version of a day says of its residuals."""
    kept = kept_versions(folder, day, asked.dataset)
    if not kept:
        return None
    return {
        said.witness: None if said.residual is None or not said.basis
        else (said.residual / said.basis).quantize(Decimal("0.0001"))
        for said in kept[-1].said
    }  # fmt: skip


def _versions(folder: Path, report: Day, asked: Question, days: Days) -> list[Version]:
    end = days.start(day_number(asked.day) + 1)
    if asked.keep:
        keep_versions(
            folder, report, asked.dataset, due_ages(folder, asked.day, asked.dataset, end, asked.as_of), asked.as_of
        )
    return kept_versions(folder, asked.day, asked.dataset)


class Told(Struct, frozen=True, kw_only=True):
    """A day's rows: what Meta and GA4 counted, with what has to be said of it, and the answers about its orders."""

    day: str
    meta: Report
    notes: Sequence[str]
    ga4: Report
    answers: Mapping[str, Sequence[Any]]


class DayReader:
    """Days asked of the tables; what Meta and GA4 counted of all of them at once, and before (`hear`)."""

    def __init__(self, ask: AskAll, asked: Question, desk: Desk) -> None:
        self._ask, self._asked, self._desk = ask, asked, desk
        self._spend: list[tuple[Spend, int]] = []
        self._site: list[tuple[SiteDay, int]] = []
        self._ads: list[tuple[str, str]] = []

    @property
    def currency(self) -> str:
        return self._desk.rules.currency

    def counted(self, since: str, until: str) -> list[TableQuestion]:
        """What is asked first."""
        return named(_COUNTED, {"since": since, "until": until})

    def hear(self, answers: Sequence[Any]) -> None:
        """The answers to that."""
        spend, claims, ads, sites = (answer.rows for answer in answers)
        self._desk = in_their_currency(self._desk, answers)
        self._spend, self._site = spend_of(spend, claims), sites_of(sites)
        self._ads = [(row.account, row.ad_id) for row in ads]

    def is_told(self, day: str) -> bool:
        """Whether Meta or GA4 said anything of a day."""
        return any(row.day == day for row, _ in self._spend) or any(row.day == day for row, _ in self._site)

    def days(self, texts: Sequence[str]) -> Iterator[tuple[str, Told]]:
        """Each day with what is told of it, some of them in one question."""
        for start in range(0, len(texts), AT_ONCE):
            found = [(text, *self._counted_of(text)) for text in texts[start : start + AT_ONCE]]
            questions = [one for text, meta, _, ga4 in found for one in self._asked_of(text, meta, ga4)]
            answers = self._ask(questions)
            for place, (text, meta, notes, ga4) in enumerate(found):
                mine = answers[place * len(QUESTIONS) : (place + 1) * len(QUESTIONS)]
                rows = {name: answer.rows for name, answer in zip(QUESTIONS, mine, strict=True)}
                yield text, Told(day=text, meta=meta, notes=notes, ga4=ga4, answers=rows)

    def report(self, told: Told, chain: tuple[Row, ...] = (), undelivered: Term | None = None) -> Day:
        asked, days = self._asked, self._desk.days
        facts = facts_of(told.answers, asked.platform, self._desk)
        return day_report(
            told.day, facts.orders, facts.strays, told.meta, told.ga4, _day_in(told.day, asked.zone), asked.zone_name,
            self.currency, asked.as_of, days.start(day_number(told.day) + 1), chain, told.notes if told.meta.is_here else (),
            undelivered,
        )  # fmt: skip

    def shares(self, told: Told) -> dict[str, Decimal | None]:
        """Residual shares of a day."""
        found: list[Bridge] = list(self.report(told).bridges)
        return {bridge.witness: share_of(bridge) for bridge in found}

    def _counted_of(self, day: str) -> tuple[Report, list[str], Report]:
        asked = self._asked
        meta, notes = meta_report(
            self._spend, day, self._desk, asked.zones, asked.zone_name, asked.platform.by_click_day, self._ads
        )  # fmt: skip
        return meta, notes, ga4_report(self._site, day, self._desk, asked.zone_name)

    def _asked_of(self, day: str, meta: Report, ga4: Report) -> list[TableQuestion]:
        asked, number = self._asked, day_number(day)
        others = [Days(_zone(name, asked.zone)) for name in {meta.zone, ga4.zone} - {"", asked.zone_name}]
        shop, *spans = [(days.start(number), days.start(number + 1)) for days in (self._desk.days, *others)]
        return named(QUESTIONS, asked_of(day, shop, spans, asked.platform, asked.dataset))


def _zone(name: str, home: tzinfo) -> tzinfo:
    """A zone by its name, the reports' own where nobody knows it."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return home


def _day_in(day: str, home: tzinfo) -> Callable[[str], Callable[[int], bool]]:
    def of_zone(name: str) -> Callable[[int], bool]:
        days, number = Days(_zone(name, home)), day_number(day)
        return lambda at: days.of(at) == number

    return of_zone
