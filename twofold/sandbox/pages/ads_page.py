"""What the Ads page shows: one account's objects with spend and conversions, and how well events were matched.

Owns the choice of columns in Ads Manager's words; every number comes from `insights` and `matching`. Of the aliases
of a purchase one is shown; window columns overlap and are never added up.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from twofold.sandbox.reports.insights import Sums, first_day, gather
from twofold.sandbox.reports.insights_query import LEVELS, PRESETS, Period, Query
from twofold.sandbox.wire.action_types import PURCHASE
from twofold.sandbox.wire.received import exact_text
from twofold.sandbox.world.ads import AdAccount, Node, zone_of
from twofold.sandbox.world.attribution import DEFAULT, WINDOWS
from twofold.sandbox.world.matching import match_rows
from twofold.sandbox.world.world import World

# (value in the address, name)
RANGES = (
    ("maximum", "Maximum"),
    ("today", "Today"),
    ("yesterday", "Yesterday"),
    ("last_7d", "Last 7 days"),
    ("last_30d", "Last 30 days"),
    ("this_month", "This month"),
    ("last_month", "Last month"),
)
TABS = (("campaign", "Campaigns"), ("adset", "Ad sets"), ("ad", "Ads"))
WINDOW_NAMES = {
    "1d_click": "1-day click",
    "7d_click": "7-day click",
    "28d_click": "28-day click",
    "1d_ev": "1-day engaged view",
    "1d_view": "1-day view",
}


def ads_context(world: World, asked: Mapping[str, str], now_ms: int) -> dict[str, Any]:
    """Template values. ``asked`` holds account, level and range; what is unknown falls back to the first choice."""
    accounts = list(world.ads.accounts.values())
    chosen = world.ads.accounts.get(asked.get("account", ""), accounts[0] if accounts else None)
    level, preset = asked.get("level", ""), asked.get("range", "")
    level = level if level in LEVELS[1:] else "campaign"
    preset = preset if preset in dict(RANGES) else "maximum"
    context: dict[str, Any] = {
        "accounts": accounts,
        "account": chosen,
        "level": level,
        "range": preset,
        "ranges": RANGES,
        "levels": TABS,
        "windows": WINDOW_NAMES,
        "match_rows": match_rows(world.matcher, {}),
        "people": len(world.people),
    }
    return context if chosen is None else context | _figures(world, chosen, level, preset, now_ms)


def _figures(world: World, account: AdAccount, level: str, preset: str, now_ms: int) -> dict[str, Any]:
    today = datetime.datetime.fromtimestamp(now_ms / 1000, zone_of(account.timezone_name)).date()
    period = PRESETS[preset](today, first_day(world, account) or today)
    node = Node("account", account.id)
    table = gather(world, node, Query(fields=(), level=level, periods=(period,), windows=tuple(WINDOWS)))
    whole = gather(world, node, Query(fields=(), level="account", periods=(period,))).get((0, account.id), Sums())
    objects = getattr(world.ads, level + "s")
    shown = [(item, table[(0, item.id)]) for item in objects.values() if (0, item.id) in table]
    return {
        "since": period[0].isoformat(),
        "until": period[1].isoformat(),
        "rows": [{"id": item.id, "name": item.name or item.id, **_row(sums)} for item, sums in shown],
        "total": _row(whole),
        "other_currency": _without_value(world, account, period),
    }


def _row(sums: Sums) -> dict[str, Any]:
    count = sums.counts.get(PURCHASE, {}).get(DEFAULT, 0)
    value = sums.values.get(PURCHASE, {}).get(DEFAULT, Decimal(0))
    return {
        "spend": money_text(sums.spend),
        "impressions": sums.impressions,
        "clicks": sums.clicks,
        "purchases": count,
        "value": money_text(value),
        "cost": money_text(sums.spend / count) if count else "–",
        "roas": f"{value / sums.spend:.2f}" if sums.spend else "–",
        "windows": [sums.counts.get(PURCHASE, {}).get(window, 0) for window in WINDOWS],
    }


def _without_value(world: World, account: AdAccount, period: Period) -> int:
    """Credited purchases of these days whose value is in another currency, so that it is in no figure."""
    zone = zone_of(account.timezone_name)
    found = (
        credit.conversion
        for credit in world.credits()
        if (touch := credit.under(DEFAULT)) is not None and world.ads.account_of(touch.ad_id).id == account.id
    )
    return sum(
        conversion.event_name == "Purchase"
        and conversion.value is not None
        and conversion.currency != account.currency
        and period[0] <= datetime.datetime.fromtimestamp(conversion.time, zone).date() <= period[1]
        for conversion in found
    )


def money_text(amount: Decimal) -> str:
    """Two decimals with separators; what is finer is rounded for the eye only."""
    return f"{Decimal(exact_text(amount)):,.2f}"


assert set(WINDOW_NAMES) == set(WINDOWS)
