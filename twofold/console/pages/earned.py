"""What was earned: the few figures of money that Today begins with, out of the answers of Chain and Campaigns.

Owns which figures they are, of which days, and who sees which: the way of the money and the margin for who may see money; what was spent on
campaigns, what came of it and what is left for who may see campaigns. Nothing is worked out twice: the questions are those pages' own, to the word.
Role: for the business.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from msgspec import Struct

from twofold.console.access.roles import Right, may
from twofold.console.pages.campaigns import usual_credits
from twofold.console.pages.money import cohort_of, of_tables
from twofold.console.pages.page import Asked
from twofold.console.queries.period import Period, at_least, day_at
from twofold.console.sums.keeper import NotYet
from twofold.errors import StoreError

LEAST_DAYS = 28
"""However short the period: what was placed this week is not earned yet."""
LINKS = ("placed", "delivered", "banked")
METRICS = ("cm3", "cm4")


class Earned(Struct, frozen=True, kw_only=True):
    """``figures``: each with its name, link, amount, and for how many orders. Of the ``told`` campaigns with spend those that surely lose
    (``losing``), those that are ``below`` nothing so far, and how many earn (``earning``). ``as_of``: Unix s. ``choice``: the days as an
    address has them. ``wants_files``: there are orders, and nothing is known of their goods or money. ``more_comes``: which campaigns
    lose is being worked out."""

    figures: list[dict[str, Any]]
    currency: str
    period: Period
    choice: str
    as_of: int
    tables_why: str = ""
    losing: list[dict[str, Any]] = []
    below: list[dict[str, Any]] = []
    earning: int = 0
    told: int = 0
    wants_files: bool = False
    more_comes: bool = False

    def for_machines(self) -> list[dict[str, Any]]:
        """One object a figure, as the page's JSON has them."""
        said = {
            "currency": self.currency, "role": "truth", "since": self.period.first.isoformat(),
            "until": self.period.last.isoformat(), "timezone": self.period.zone, "as_of": self.as_of,
        }  # fmt: skip
        return [{**figure, **said} for figure in self.figures]


def read_earned(asked: Asked, wait_s: float) -> Earned | None:
    """None for who sees neither money nor campaigns, and where the store gives no answer. Raises `NotYet` while it is worked out."""
    role = asked.session.person.role
    with suppress(StoreError):
        if may(role, Right.MONEY):
            return _of_money(asked, wait_s)
        if may(role, Right.CAMPAIGNS):
            return _of_campaigns(asked, wait_s)
    return None


def _of_money(asked: Asked, wait_s: float) -> Earned:
    """The way from the order to the bank, what is left over, and which campaigns lose, as soon as that is there."""
    period = _period(asked)
    answer = of_tables(asked, "chain", wait_s, **cohort_of(period, asked.now, asked.dataset()))
    whole = [row for row in answer["rows"] if not row.get("group")]
    links = {row["link"]: row for row in whole if row["row"] == "link"}
    metrics = {row["name"]: row["value"] for row in whole if row["row"] == "metric" and row["of"] == "all"}
    figures = [_figure(name, name, links[name]["amount"], links[name]["count"]) for name in LINKS if name in links]
    figures += [_figure(name, "margin", metrics[name]) for name in METRICS if metrics.get(name) is not None]
    stands = [links[name] for name in ("delivered", "banked") if name in links]
    campaigns: Mapping[str, Any] = {}
    with suppress(StoreError):  # the money is said without them
        try:
            campaigns = _verdicts(of_tables(asked, "campaigns", 0.0, **usual_credits(asked, period)))
        except NotYet:
            campaigns = {"more_comes": True}
    return _earned(
        answer, figures, period, asked.now, **campaigns,
        wants_files=bool(links.get("placed", {}).get("count")) and not any(row["count"] for row in stands),
    )  # fmt: skip


def _of_campaigns(asked: Asked, wait_s: float) -> Earned:
    """What was spent, what came of it, and what is left, as Campaigns has it."""
    period = _period(asked)
    answer = of_tables(asked, "campaigns", wait_s, **usual_credits(asked, period))
    told = [row for row in answer["rows"] if row["verdict"]]
    figures = [_figure("placed", "placed", _sum(answer["rows"], "placed")), _figure("true", "delivered", _sum(answer["rows"], "true"))]  # fmt: skip
    if told:
        spent, came = _sum(told, "spend"), _sum(told, "true")
        figures.append(_figure("spend", "", spent))
        if Decimal(spent):
            figures.append(_figure("true_roas", "delivered", f"{Decimal(came) / Decimal(spent):.4f}"))
        if all(row["cm4"] is not None for row in told):  # a part of it would be no contribution of all
            figures.append(_figure("cm4", "margin", _sum(told, "cm4")))
    return _earned(answer, figures if answer["rows"] else [], period, asked.now, **_verdicts(answer))


def _earned(answer: Mapping[str, Any], figures: list[dict[str, Any]], period: Period, now: int, **more: Any) -> Earned:
    is_to_now = period.last == day_at(now, ZoneInfo(period.zone))
    choice = str(period.days) if is_to_now and period.days in (LEAST_DAYS, 90) else f"{period.first}..{period.last}"
    return Earned(
        figures=figures, currency=answer["currency"], period=period, choice=choice, as_of=answer["stands"],
        tables_why=answer["tables_why"], **more,
    )  # fmt: skip


def _period(asked: Asked) -> Period:
    """The days of the page in the zone of the reports, at least `LEAST_DAYS` of them."""
    return at_least(asked.period(str(LEAST_DAYS), asked.settings.chain.timezone), LEAST_DAYS)


def _verdicts(answer: Mapping[str, Any]) -> dict[str, Any]:
    told = [row for row in answer["rows"] if row["verdict"]]
    losing = [row for row in told if row["verdict"] == "loses"]
    below = [row for row in told if row["verdict"] != "loses" and str(row["cm4"] or "").startswith("-")]
    return {
        "told": len(told),
        "losing": losing,
        "below": below,
        "earning": sum(row["verdict"] == "earns" for row in told),
    }


def _figure(name: str, link: str, amount: str, count: int | None = None) -> dict[str, Any]:
    return {"figure": name, "link": link, "amount": amount, "orders": count}


def _sum(rows: list[dict[str, Any]], name: str) -> str:
    return f"{sum((Decimal(row[name]) for row in rows), Decimal(0)):f}"
