"""A day with everything that its report needs, out of the folder; and how the four weeks before it were.

Owns the order of reading. The days before are taken from kept versions where there are some, else read like the day itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, tzinfo
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from msgspec import Struct
from msgspec.structs import replace

from twofold.ledger.lines import SiteDay, Spend
from twofold.reconcile.chain.account import Desk
from twofold.reconcile.chain.margin import Costs
from twofold.reconcile.chain.rows import Row
from twofold.reconcile.chain.told import Asked
from twofold.reconcile.chain.values import Rules
from twofold.reconcile.day.band import DAYS, Band, band_of
from twofold.reconcile.day.report import WITNESSES, Day, day_report, share_of, undelivered_term
from twofold.reconcile.day.values import Bridge, Term
from twofold.reconcile.day.versions import Version, due_ages, keep_versions, kept_versions
from twofold.reconcile.exchange import Exchange, day_number, day_text
from twofold.reconcile.lives.asking import AskAll, chain_of, undelivered_of
from twofold.reconcile.matches.values import Days
from twofold.reconcile.reading.day import Platform, ga4_report, meta_report, read_day
from twofold.reconcile.reading.folder import Folder, PolicyOf


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


def witnesses_of(folder: Path, policy_of: PolicyOf, asked: Question, ask: AskAll) -> Answer:
    """The report of one day. ``ask``: of the derived tables, for where the day's orders and their money are by now."""
    with Folder(folder) as store:
        rates = Exchange.of(store.rates())
        desk = Desk(rules=asked.rules, rates=rates, costs=Costs((), rates), days=Days(asked.zone))
        chain = Asked(since=asked.day, until=asked.day, as_of=asked.as_of)
        told, currency = chain_of(ask, chain, desk, asked.dataset)
        desk = replace(desk, rules=replace(desk.rules, currency=currency))
        reader = DayReader(store, folder, policy_of, replace(asked, rules=desk.rules), desk)
        report = reader.day(asked.day, told.rows, undelivered_term(undelivered_of(ask, chain, asked.dataset), currency))
        shares = [_kept_share(folder, asked, text) or reader.shares(text) for text in _before(asked.day)]
    bands = {
        w: band_of(w, [s.get(w) for s in shares], share_of(report.bridge_of(w))) for w in WITNESSES
    }  # fmt: skip
    return Answer(report=report, bands=bands, versions=tuple(_versions(folder, report, asked, desk.days)))


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


class DayReader:
    """Days of one folder, its lines of advertising and of GA4 read once."""

    def __init__(self, store: Folder, path: Path, policy_of: PolicyOf, asked: Question, desk: Desk) -> None:
        self._store, self._path, self._policy_of, self._asked, self._desk = store, path, policy_of, asked, desk
        self._spend: list[tuple[Spend, int]] = store.told("spend", Spend)
        self._site: list[tuple[SiteDay, int]] = store.told("site_day", SiteDay)

    def day(self, day: str, chain: tuple[Row, ...] = (), undelivered: Term | None = None) -> Day:
        asked, days = self._asked, self._desk.days
        start, end = days.start(day_number(day)), days.start(day_number(day) + 1)
        facts = read_day(
            self._store, self._path, self._policy_of, start, end, asked.platform, self._desk, asked.dataset
        )  # fmt: skip
        meta, notes = meta_report(
            self._spend, day, self._desk, asked.zones, asked.zone_name, asked.platform.by_click_day
        )
        ga4 = ga4_report(self._site, day, self._desk, asked.zone_name)
        return day_report(
            day, facts.orders, facts.strays, meta, ga4, _day_in(day, asked.zone), asked.zone_name,
            self._desk.rules.currency, asked.as_of, end, chain, notes if meta.is_here else (), undelivered,
        )  # fmt: skip

    def shares(self, day: str) -> dict[str, Decimal | None]:
        """Residual shares of a day; nothing is read of one without any report."""
        if not any(r.day == day for r, _ in self._spend) and not any(r.day == day for r, _ in self._site):
            return {}
        found: list[Bridge] = list(self.day(day).bridges)
        return {bridge.witness: share_of(bridge) for bridge in found}


def _day_in(day: str, home: tzinfo) -> Callable[[str], Callable[[int], bool]]:
    def of_zone(name: str) -> Callable[[int], bool]:
        try:
            zone: tzinfo = ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            zone = home
        return lambda at: datetime.fromtimestamp(at, zone).date().isoformat() == day

    return of_zone
