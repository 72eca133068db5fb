"""Decisions: what was decided on which figures, what was known to be wrong at that moment, and what became of the same figures.

Owns one record for the command and the console's page: an entry of the chained log, never changed. A figure carries its role, its
link of the chain, its window and its moment, so that it can be asked again. Which link a decision rests on is said, or is the
furthest one that had any money: a decision on banked money is another than one on a platform's claim.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Struct

from twofold.acceptance.run import MOST_NAME, require_day, require_text
from twofold.attribution.report import report_attribution
from twofold.attribution.table import Asked
from twofold.config import Settings
from twofold.control.owner import on_store
from twofold.control.questions import Note
from twofold.control.tables import ask_tables_all
from twofold.errors import ConfigError
from twofold.policies import chain_rules, router_task
from twofold.report.kept import DECISION, OUTCOME, Kept, kept
from twofold.router.task import ask
from twofold.router.words import WORDS

WINDOW_DAYS = 28
MOST_DECIDED = 1_000
SIGNAL, TRUTH = "signal", "truth"
FIGURES: dict[str, tuple[str, str]] = {
    "claimed_count": (SIGNAL, "signalled"), "claimed_value": (SIGNAL, "signalled"), "platform_roas": (SIGNAL, "signalled"),
    "orders": (TRUTH, "placed"), "placed": (TRUTH, "placed"), "placed_roas": (TRUTH, "placed"),
    "delivered": (TRUTH, "delivered"), "delivered_roas": (TRUTH, "delivered"), "true": (TRUTH, "collected"),
    "true_roas": (TRUTH, "collected"), "banked": (TRUTH, "banked"), "banked_roas": (TRUTH, "banked"), "cm4": (TRUTH, "margin"),
}  # fmt: skip
"""What is kept of a campaign: figure to role and link. Its spend is kept beside, of no link."""
_SUMS = frozenset({"spend", "claimed_value", "placed", "delivered", "true", "banked", "cm4"})
"""Of these the figures are amounts of money; the others are numbers and ratios."""
LINKS = ("signalled", "placed", "delivered", "collected", "banked", "margin")
_SUM_OF = {
    "signalled": "claimed_value",
    "placed": "placed",
    "delivered": "delivered",
    "collected": "true",
    "banked": "banked",
}


class Figure(Struct, frozen=True, kw_only=True):
    """One figure that a decision rested on. ``value`` decimal text; ``unit``: its currency, empty for a number and a ratio; days of the
    window as YYYY-MM-DD; ``as_of`` Unix s."""

    name: str
    value: str
    role: str
    link: str
    since: str = ""
    until: str = ""
    as_of: int = 0
    unit: str = ""


class OpenFinding(Struct, frozen=True, kw_only=True):
    """What was known to be wrong. ``not_yet``: what somebody should not do while it stands."""

    key: str
    title: str
    not_yet: str = ""


class Decided(Struct, frozen=True, kw_only=True):
    """One decision as it was kept, and what became of it. ``on``: the link that it rests on; empty for none."""

    number: int
    at: int
    what: str
    campaign: str
    dataset: str
    owner: str
    by: str
    review: str
    on: str
    figures: tuple[Figure, ...]
    findings: tuple[OpenFinding, ...]
    page: str = ""
    outcome: str = ""
    due: bool = False

    @property
    def role(self) -> str:
        return role_of(self.on)


def role_of(link: str) -> str:
    """Whether what rests on that link is for the algorithm or for the business; empty for no link."""
    return "" if not link else SIGNAL if link == "signalled" else TRUTH


def decide(
    settings: Settings, what: str, by: str, now: int, *, campaign: str = "", owner: str = "", review: str = "", on: str = "",
    dataset: str = "", days: int = WINDOW_DAYS,
) -> Decided:  # fmt: skip
    """Keeps a decision. Raises `ConfigError` for what cannot be kept; then nothing is."""
    for name, text, most in (("TEXT", what, MOST_DECIDED), ("--owner", owner, MOST_NAME), ("--by", by, MOST_NAME),
                             ("--campaign", campaign, 300)):  # fmt: skip
        require_text(name, text, most)
    if not what.strip():
        raise ConfigError("TEXT: expected what was decided, got nothing")
    require_day("--review", review, now)
    until = datetime.fromtimestamp(now, ZoneInfo(settings.chain.timezone)).date() - timedelta(days=1)
    since = until - timedelta(days=days - 1)
    figures = (
        campaign_figures(settings, campaign, since.isoformat(), until.isoformat(), now, dataset) if campaign else []
    )
    if on and campaign and on not in {f.link for f in figures}:
        raise ConfigError(f"--on: expected a link of which {campaign} has a figure, got {on}, of which it has none")
    facts = facts_of(
        what.strip(), review, by, owner=owner, campaign=campaign, dataset=dataset, figures=figures, on=on or rests_on(figures),
        findings=open_findings(settings, now, dataset),
    )  # fmt: skip
    on_store(settings, Note(kind=DECISION, facts=facts))
    return decisions(Path(settings.server.data), now, zone=settings.chain.timezone)[-1]


def facts_of(
    what: str, review: str, by: str, *, owner: str = "", campaign: str = "", dataset: str = "", figures: Sequence[Figure] = (),
    on: str = "", findings: Sequence[OpenFinding] = (), page: str = "", shown: dict[str, Any] | None = None, digest: str = "",
) -> dict[str, Any]:  # fmt: skip
    """What an entry holds, whoever writes it. ``shown``: figures of the console's page as it told them, with a digest of its rows."""
    return {
        "decided": what, "review": review, "by": by, "owner": owner, "campaign": campaign, "dataset": dataset, "on": on,
        "rests": msgspec.to_builtins(list(figures)), "findings": msgspec.to_builtins(list(findings)), "page": page,
        "figures": shown if shown is not None else {f.name: f.value for f in figures}, "digest": digest,
    }  # fmt: skip


def decisions(folder: Path, now: int, since: int = 0, zone: str = "UTC") -> list[Decided]:
    """Every decision since a moment, the oldest first. ``zone``: whose days a review's day is one of."""
    outcomes = {int(k.facts["decision"]): str(k.facts.get("outcome", "")) for k in kept(folder, OUTCOME)}
    today = datetime.fromtimestamp(now, ZoneInfo(zone)).date()
    return [_decided(k, outcomes.get(k.number, ""), today) for k in kept(folder, DECISION) if k.at >= since]


def tally(found: Sequence[Decided]) -> dict[str, int]:
    """How many rest on the signal, on placed orders, on delivered or banked money, on nothing that was named."""
    counts = {"signal": 0, "placed": 0, "delivered": 0, "banked": 0, "none": 0}
    group = {"": "none", "signalled": "signal", "placed": "placed", "delivered": "delivered", "collected": "delivered",
             "banked": "banked", "margin": "banked"}  # fmt: skip
    for one in found:
        counts[group[one.on]] += 1
    return counts


def what_became(settings: Settings, one: Decided, now: int) -> list[Figure]:
    """The same figures of the same window, as they stand now: later money of the same orders is in them."""
    if not one.campaign or not one.figures:
        return []
    first = one.figures[0]
    return campaign_figures(settings, one.campaign, first.since, first.until, now, one.dataset)


def since_then(settings: Settings, one: Decided, now: int) -> list[Figure]:
    """The same figures of as many days from the decision on, so far as they are over."""
    if not one.campaign or not one.figures:
        return []
    zone = ZoneInfo(settings.chain.timezone)
    begin = datetime.fromtimestamp(one.at, zone).date()
    length = (date.fromisoformat(one.figures[0].until) - date.fromisoformat(one.figures[0].since)).days
    end = min(begin + timedelta(days=length), datetime.fromtimestamp(now, zone).date() - timedelta(days=1))
    return (
        []
        if end < begin
        else campaign_figures(settings, one.campaign, begin.isoformat(), end.isoformat(), now, one.dataset)
    )


def campaign_figures(
    settings: Settings, campaign: str, since: str, until: str, now: int, dataset: str = ""
) -> list[Figure]:
    """By the last click within seven days, which every reader knows; `twofold attribution` has the other models."""
    rules, zone = chain_rules(settings), ZoneInfo(settings.chain.timezone)
    asked = Asked(
        since=since, until=until, by="campaign", model="last", click_days=7, chat_days=7, half_life_days=7, repeats="all",
        credit_day="order", currency=rules.currency, least_costed=rules.least_costed,
    )  # fmt: skip
    report = report_attribution(
        settings.server.data, asked, rules, zone, now, lambda questions: ask_tables_all(settings, questions), dataset=dataset or None,
    )  # fmt: skip
    row = row_of(campaign, report.rows, f"{since} to {until}")
    told = {"spend": (TRUTH, ""), **FIGURES}
    return [
        Figure(name=name, value=str(row[name]), role=role, link=link, since=since, until=until, as_of=now,
               unit=report.currency if name in _SUMS else "")
        for name, (role, link) in told.items() if row.get(name) is not None
    ]  # fmt: skip


def row_of(campaign: str, rows: Sequence[dict[str, Any]], days: str) -> dict[str, Any]:
    """The one row of that id, or of that name. Two platforms may call a campaign alike: then neither is meant until its id is named."""
    own = [r for r in rows if not r["mark"].startswith("no_")]
    found = [r for r in own if r["id"] == campaign] or [r for r in own if r["group"] == campaign]
    if len(found) == 1:
        return found[0]
    if found:
        ids = ", ".join(f"{r['id']} at {r['platform'] or 'no platform'}" for r in found)[:500]
        raise ConfigError(f"--campaign: expected the id of one ({ids}), got {campaign}, as several are called")
    known = ", ".join(f'"{name}"' for name in dict.fromkeys(r["group"] for r in own if not r["mark"]))[:500]
    raise ConfigError(f"--campaign: expected one of {days} ({known or 'there is none'}), got {campaign}")


def rests_on(figures: Sequence[Figure]) -> str:
    """The furthest link with any money in it."""
    values = {f.name: Decimal(f.value) for f in figures}
    return next((link for link in reversed(list(_SUM_OF)) if values.get(_SUM_OF[link])), "")


def open_findings(settings: Settings, now: int, dataset: str = "") -> list[OpenFinding]:
    """What is wrong right now, with what not to do yet."""
    found = ask(router_task(settings, now), dataset or None)
    return [
        OpenFinding(key=f.key, title=WORDS[f.kind].title, not_yet=WORDS[f.kind].not_yet)
        for f in found
        if f.state in ("open", "again")
    ]


def _decided(entry: Kept, outcome: str, today: date) -> Decided:
    facts = entry.facts
    review = str(facts.get("review") or "")
    return Decided(
        number=entry.number, at=entry.at, what=str(facts.get("decided", "")), campaign=str(facts.get("campaign", "")),
        dataset=str(facts.get("dataset", "")), owner=str(facts.get("owner", "")), by=str(facts.get("by", "")), review=review,
        on=str(facts.get("on", "")), figures=tuple(msgspec.convert(facts.get("rests", []), list[Figure])),
        findings=tuple(msgspec.convert(facts.get("findings", []), list[OpenFinding])), page=str(facts.get("page", "")),
        outcome=outcome, due=not outcome and bool(review) and date.fromisoformat(review) <= today,
    )  # fmt: skip
