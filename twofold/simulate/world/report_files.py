"""What advertising, the counter of the site, the central bank and the shop's own book of costs tell.

Owns these files' forms. The platform claims more than it brought, the counter misses some: both by the world's shares.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from twofold.simulate.world.fates import Calendar, Fate, rates_of
from twofold.simulate.world.scenario import Campaign, Scenario
from twofold.simulate.world.shop_files import table


def meta_ads(told: Scenario, calendar: Calendar, fates: Sequence[Fate]) -> str:
    """Ads Manager's table by day: one ad a campaign, its spend, and what it claims, views and all."""
    draw = random.Random(f"twofold/world/meta/{told.seed}")
    columns = ("Day", "Campaign name", "Campaign ID", "Ad set name", "Ad set ID", "Ad name", "Ad ID", f"Amount spent ({told.spend_currency})",
               "Impressions", "Link clicks", "Purchases", "Purchases conversion value", "Attribution setting", "Reporting starts",
               "Reporting ends")  # fmt: skip
    by_day: dict[date, list[Fate]] = {}
    for fate in fates:
        by_day.setdefault(calendar.day(fate.placed_at), []).append(fate)
    rows = []
    for day in _days(told, calendar):
        for campaign in told.campaigns:
            claimed = [f for f in by_day.get(day, []) if _claims(campaign, f, draw)]
            value = sum((f.total for f in claimed), Decimal(0))
            shown = value * told.rate if told.currency == "EUR" else value / told.rate
            rows.append([day, campaign.name, campaign.id, campaign.name, f"{campaign.id}1", campaign.name, f"{campaign.id}2",
                         campaign.daily, 40 * int(campaign.daily), 2 * int(campaign.daily), len(claimed) or "",
                         f"{shown:.2f}" if claimed else "", "7-day click or 1-day view", day, day])  # fmt: skip
    return table(columns, rows)


def _claims(campaign: Campaign, fate: Fate, draw: random.Random) -> bool:
    """Its own orders of the web, and by views some of nobody's."""
    if fate.sale != "web":
        return False
    return fate.campaign is campaign or (fate.campaign is None and draw.random() < campaign.overclaim)


def ga4(calendar: Calendar, fates: Iterable[Fate]) -> str:
    """An exploration with the transaction id as a row: what the counter saw."""
    seen = [f for f in fates if f.seen_by_ga4]
    first, last = f"{calendar.first:%Y%m%d}", f"{calendar.last:%Y%m%d}"
    head = f"# ----------------------------------------\n# Purchases by transaction\n# {first}-{last}\n# ----------------------------------------\n\n"
    columns = (
        "Date",
        "Transaction ID",
        "Session source / medium",
        "Session campaign",
        "Ecommerce purchases",
        "Purchase revenue",
    )
    rows = [[f"{calendar.day(f.placed_at):%Y%m%d}", f.number, *_source(f), 1, f.total] for f in seen]
    return head + table(columns, rows)


def _source(fate: Fate) -> tuple[str, str]:
    """As the buying browser showed it: a click on another device is direct here."""
    if fate.campaign is None or fate.device != fate.bought_on:
        return "(direct) / (none)", "(not set)"
    return "facebook / paid_social", fate.campaign.name


def rates(told: Scenario, calendar: Calendar) -> tuple[str, str]:
    """(name, content): the ECB's history for EUR, the National Bank's answers for GEL; both move a little every day."""
    found = list(rates_of(told, calendar).items())
    if told.currency == "EUR":
        lines = [f"{day},{rate}," for day, rate in reversed(found)]
        return "eurofxref-hist-90d.csv", f"Date,{told.spend_currency},\n" + "\n".join(lines) + "\n"
    answers = [
        {"date": f"{day}T00:00:00.000Z", "currencies": [
            {"code": told.spend_currency, "quantity": 1, "rateFormated": str(rate), "diffFormated": "0.0000", "rate": float(rate),
             "name": told.spend_currency, "diff": 0, "date": f"{day}T17:00:00.000Z", "validFromDate": f"{day}T00:00:00.000Z"}]}
        for day, rate in found
    ]  # fmt: skip
    return "nbg-rates.json", json.dumps(answers)


def costs(told: Scenario, calendar: Calendar) -> str:
    """What each article costs, and what a parcel of prepaid orders does."""
    since = calendar.first - timedelta(days=400)
    rows: list[list[Any]] = [[a.sku, "", "", since, a.cost, "", "", told.currency] for a in told.articles]
    for courier in told.couriers:
        rows.append(["", "freight", courier.name.casefold(), since, courier.freight, "", "", told.currency])
        rows.append(
            ["", "freight_return", courier.name.casefold(), since, courier.freight_return, "", "", told.currency]
        )
        rows.append(
            ["", "cod_fee", courier.name.casefold(), since, "", courier.fee_percent, courier.fee_least, told.currency]
        )
    return table(("sku", "rule", "of", "valid_from", "unit_cost", "percent", "minimum", "currency"), rows)


def _days(told: Scenario, calendar: Calendar) -> list[date]:
    return [calendar.first + timedelta(days=n) for n in range(told.days)]
