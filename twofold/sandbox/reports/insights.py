"""Ads Insights: a checked question to the rows that answer it.

Owns the sums and the shapes; the question is in `insights_query`, the names of actions in `action_types`. Source:
Marketing API, "Insights" field reference, read September 2026. A field that this receiver does not know is left out of
the row, and `left_out` says so.

One conversion is reported under several ``action_type`` names. They are aliases: nothing here adds them up, and a
reader must pick one.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Any

import msgspec
from msgspec import Struct

from twofold.sandbox.reports.breakdowns import Part, part_finder, unknown_part
from twofold.sandbox.reports.insights_query import (
    FILTERED_NUMBERS,
    FILTERED_TEXTS,
    LEVELS,
    NUMBER_OPERATORS,
    TEXT_OPERATORS,
    Day,
    Filter,
    Period,
    Query,
)
from twofold.sandbox.wire.action_types import IN_CONVERSIONS, LINK_CLICK, PURCHASE, aliases_of
from twofold.sandbox.wire.received import exact_text
from twofold.sandbox.world.ads import AdAccount, Ads, AdSet, Campaign, Node, TouchKind, zone_of
from twofold.sandbox.world.attribution import DEFAULT
from twofold.sandbox.world.world import World


class Sums(Struct):
    """What one object had in one period. Counts and values by the aliases of the action, then by window.

    ``parts`` has the same counts and values once more, broken down; empty unless that was asked for.
    """

    spend: Decimal = Decimal(0)
    impressions: int = 0
    clicks: int = 0
    reached: set[str] = msgspec.field(default_factory=set)
    counts: dict[tuple[str, ...], dict[str, int]] = msgspec.field(default_factory=dict)
    values: dict[tuple[str, ...], dict[str, Decimal]] = msgspec.field(default_factory=dict)
    parts: dict[Part, Sums] = msgspec.field(default_factory=dict)

    def add(self, aliases: tuple[str, ...], window: str, value: Decimal | None, part: Part = ()) -> None:
        if part:
            self.parts.setdefault(part, Sums()).add(aliases, window, value)
        counts = self.counts.setdefault(aliases, {})
        counts[window] = counts.get(window, 0) + 1
        if value is not None:
            values = self.values.setdefault(aliases, {})
            values[window] = values.get(window, Decimal(0)) + value


def insight_rows(world: World, node: Node, query: Query) -> list[dict[str, Any]]:
    """The rows in order of period, then of the objects' loading. An object without anything in a period has none."""
    table = gather(world, node, query)
    order = {id_: place for place, id_ in enumerate(getattr(world.ads, _PART[query.level]))}
    keys = sorted(table, key=lambda key: (key[0], order[key[1]]))
    keys = [key for key in keys if _is_shown(table[key], query.filters)]
    for field, descending in reversed(query.sort):
        keys.sort(key=lambda key: _number(table[key], field), reverse=descending)
    return [_row(world.ads, query, query.periods[place], id_, table[(place, id_)]) for place, id_ in keys]


def gather(world: World, node: Node, query: Query) -> dict[tuple[int, str], Sums]:
    """Sums by place of the period and id of the object at the query's level."""
    ads = world.ads
    owner = {
        ad_id: owner
        for ad_id, owner in owners(ads, node, query.level).items()
        if _is_wanted(_chain(ads, "ad", ad_id), query.filters)
    }
    account = account_of(ads, node)
    zone = zone_of(account.timezone_name)
    places: dict[Day, list[int]] = {}
    for place, (since, until) in enumerate(query.periods):
        for n in range((until - since).days + 1):
            places.setdefault(since + datetime.timedelta(n), []).append(place)
    table: dict[tuple[int, str], Sums] = {}

    def sums(ad_id: str, day: Day) -> Iterator[Sums]:
        for place in places.get(day, ()):
            yield table.setdefault((place, owner[ad_id]), Sums())

    def day_of(time: int) -> Day:
        return datetime.datetime.fromtimestamp(time, zone).date()

    on_meta, part_of = unknown_part(query.breakdowns), part_finder(world.inbox, query.breakdowns)
    for (ad_id, day), amount in ads.spend.items():
        if ad_id in owner and amount:
            for row in sums(ad_id, day):
                row.spend += amount
    for touch in ads.touches:
        if touch.ad_id not in owner:
            continue
        for row in sums(touch.ad_id, day_of(touch.time)):
            if touch.kind is TouchKind.IMPRESSION:
                row.impressions += 1
                row.reached.add(touch.person or "")
            elif touch.kind is TouchKind.LINK_CLICK:
                row.clicks += 1
                # What happens on Meta itself stands in the one-day windows (documented, June 2025).
                row.add(LINK_CLICK, DEFAULT, None, on_meta)
                row.add(LINK_CLICK, "1d_click", None, on_meta)
    wanted = (DEFAULT, *query.windows)
    for credit in world.credits():
        conversion = credit.conversion
        aliases = aliases_of(conversion.event_name)
        # Another currency would need a rate, which nobody gave us: the conversion counts, its value does not.
        value = conversion.value if conversion.currency == account.currency else None
        own_day = None if query.by_touch else day_of(conversion.time)
        part = part_of(conversion.number)
        for window in wanted if aliases else ():
            credited = credit.under(window)
            if credited is not None and credited.ad_id in owner:
                for row in sums(credited.ad_id, own_day or day_of(credited.time)):
                    row.add(aliases, window, value, part)
    return table


def owners(ads: Ads, node: Node, level: str) -> dict[str, str]:
    """Each ad under the node, with the id of the object at ``level`` that it belongs to."""
    chains = {
        ad.id: {
            "account": ads.account_of(ad.id).id,
            "campaign": ads.campaign_of(ad.id).id,
            "adset": ad.adset_id,
            "ad": ad.id,
        }
        for ad in ads.ads.values()
    }
    return {ad_id: chain[level] for ad_id, chain in chains.items() if chain[node.level] == node.id}


def account_of(ads: Ads, node: Node) -> AdAccount:
    """The account that a node belongs to; it gives time zone and currency."""
    match node.level:
        case "account":
            return ads.accounts[node.id]
        case "campaign":
            return ads.accounts[ads.campaigns[node.id].account_id]
        case "adset":
            return ads.accounts[ads.campaigns[ads.adsets[node.id].campaign_id].account_id]
    return ads.account_of(node.id)


def find_node(ads: Ads, text: str) -> Node | None:
    """``act_1``, or the plain id of a campaign, ad set or ad; an account's plain id is nobody's, as in Graph."""
    if text.startswith("act_"):
        id_ = text.removeprefix("act_")
        return Node("account", id_) if id_ in ads.accounts else None
    return next((Node(level, text) for level in LEVELS[1:] if text in getattr(ads, _PART[level])), None)


def first_day(world: World, account: AdAccount) -> Day | None:
    """The first day on which anything happened in an account."""
    ads = world.ads
    owner = owners(ads, Node("account", account.id), "account")
    times = [touch.time for touch in ads.touches if touch.ad_id in owner]
    days = [day for ad_id, day in ads.spend if ad_id in owner]
    if times:
        days.append(datetime.datetime.fromtimestamp(min(times), zone_of(account.timezone_name)).date())
    return min(days, default=None)


def _is_wanted(chain: _Chain, filters: Iterable[Filter]) -> bool:
    """Whether an ad passes every condition on a name or id above it; what does not pass is in no sum."""
    return all(
        TEXT_OPERATORS[one.operator](IDENTITY[FILTERED_TEXTS[one.field]](chain), one.values)
        for one in filters
        if one.field in FILTERED_TEXTS
    )


def _is_shown(sums: Sums, filters: Iterable[Filter]) -> bool:
    """Whether a row passes every condition on a figure."""
    return all(
        NUMBER_OPERATORS[one.operator](_number(sums, one.field), Decimal(one.values[0]))
        for one in filters
        if one.field in FILTERED_NUMBERS
    )


def _number(sums: Sums, field: str) -> Decimal:
    return Decimal(METRICS[field](sums, ()) or 0)


_PART = {"account": "accounts", "campaign": "campaigns", "adset": "adsets", "ad": "ads"}


class _Chain(Struct):
    """The objects that one row stands for; below the row's level there are none."""

    account: AdAccount
    campaign: Campaign | None = None
    adset: AdSet | None = None
    ad: Any = None


def _chain(ads: Ads, level: str, id_: str) -> _Chain:
    ad = ads.ads[id_] if level == "ad" else None
    adset = ads.adsets[ad.adset_id if ad else id_] if level in ("adset", "ad") else None
    campaign = ads.campaigns[adset.campaign_id if adset else id_] if level != "account" else None
    return _Chain(ads.accounts[campaign.account_id if campaign else id_], campaign, adset, ad)


def _row(ads: Ads, query: Query, period: Period, id_: str, sums: Sums) -> dict[str, Any]:
    chain = _chain(ads, query.level, id_)
    row: dict[str, Any] = {}
    for field in query.fields:
        if field in IDENTITY:
            value = IDENTITY[field](chain)
        elif field in METRICS:
            value = METRICS[field](sums, query.windows)
        elif field in SETTINGS:
            value = SETTINGS[field](_adsets_under(ads, query.level, id_), sums)
        else:
            continue  # `left_out` says so
        if value not in (None, []):
            row[field] = value
    return {**row, "date_start": period[0].isoformat(), "date_stop": period[1].isoformat()}


def left_out(query: Query) -> tuple[str, ...]:
    """Fields that were asked for and that no row can have here."""
    known = IDENTITY.keys() | METRICS.keys() | SETTINGS.keys() | {"date_start", "date_stop"}
    return tuple(field for field in query.fields if field not in known)


def _adsets_under(ads: Ads, level: str, id_: str) -> list[AdSet]:
    ids = {ads.ads[ad_id].adset_id for ad_id in owners(ads, Node(level, id_), level)}
    return [adset for adset in ads.adsets.values() if adset.id in ids]


IDENTITY: dict[str, Callable[[_Chain], Any]] = {
    "account_id": lambda c: c.account.id,
    "account_name": lambda c: c.account.name,
    "account_currency": lambda c: c.account.currency,
    "campaign_id": lambda c: c.campaign and c.campaign.id,
    "campaign_name": lambda c: c.campaign and c.campaign.name,
    "objective": lambda c: c.campaign and c.campaign.objective,
    "adset_id": lambda c: c.adset and c.adset.id,
    "adset_name": lambda c: c.adset and c.adset.name,
    "ad_id": lambda c: c.ad and c.ad.id,
    "ad_name": lambda c: c.ad and c.ad.name,
}


def setting_text(adset: AdSet) -> str:
    """An attribution setting in the API's words, like ``1d_view_7d_click``."""
    kinds = ((adset.view_days, "view"), (adset.engaged_view_days, "ev"), (adset.click_days, "click"))
    return "_".join(f"{days}d_{kind}" for days, kind in kinds if days) or "none"


def _setting(adsets: list[AdSet], _: Sums) -> str | None:
    texts = {setting_text(adset) for adset in adsets}
    return texts.pop() if len(texts) == 1 else "mixed"


def _results(adsets: list[AdSet], sums: Sums) -> list[dict[str, Any]] | None:
    """The event that the ad sets are after; none when they differ."""
    names = {adset.event_name for adset in adsets}
    aliases = aliases_of(names.pop()) if len(names) == 1 else ()
    count = sums.counts.get(aliases, {}).get(DEFAULT, 0)
    if not count:
        return None
    indicator = next(alias for alias in aliases if alias.startswith("offsite_conversion."))
    return [{"indicator": f"actions:{indicator}", "values": [{"value": str(count), "attribution_windows": [DEFAULT]}]}]


SETTINGS: dict[str, Callable[[list[AdSet], Sums], Any]] = {"attribution_setting": _setting, "results": _results}

Figure = Callable[[Sums, tuple[str, ...], str], Decimal | int | None]  # of some aliases under one window


def _count(sums: Sums, aliases: tuple[str, ...], window: str) -> int | None:
    return sums.counts.get(aliases, {}).get(window)


def _value(sums: Sums, aliases: tuple[str, ...], window: str) -> Decimal | None:
    return sums.values.get(aliases, {}).get(window)


def _cost(sums: Sums, aliases: tuple[str, ...], window: str) -> Decimal | None:
    return _ratio(sums.spend or None, _count(sums, aliases, window))


def _return(sums: Sums, aliases: tuple[str, ...], window: str) -> Decimal | None:
    return _ratio(_value(sums, aliases, window), sums.spend)


def _items(sums: Sums, windows: tuple[str, ...], figure: Figure, names: Mapping[tuple[str, ...], Iterable[str]]) -> Any:
    """One item per action type: ``value`` under the attribution setting, and one key per window asked for."""
    items = []
    for aliases, action_types in names.items():
        figures = {window: figure(sums, aliases, window) for window in (DEFAULT, *windows)}
        if all(number is None for number in figures.values()):
            continue
        shown = {
            window: _text(number) for window, number in figures.items() if window != DEFAULT and number is not None
        }
        # An action that only a longer window saw has nothing under the setting.
        base = _text(figures[DEFAULT] if figures[DEFAULT] is not None else 0)
        items += [{"action_type": action_type, "value": base, **shown} for action_type in action_types]
    return items


def _broken(items: Callable[[Sums, tuple[str, ...]], Any]) -> Callable[[Sums, tuple[str, ...]], Any]:
    """The items of each part, with its values named, when a breakdown was asked for."""

    def broken(sums: Sums, windows: tuple[str, ...]) -> Any:
        if not sums.parts:
            return items(sums, windows)
        return [
            {**dict(part), **item} for part, of_part in sorted(sums.parts.items()) for item in items(of_part, windows)
        ]

    return broken


def _actions(figure: Figure) -> Callable[[Sums, tuple[str, ...]], Any]:
    return lambda sums, windows: _items(sums, windows, figure, {aliases: aliases for aliases in sorted(sums.counts)})


def _conversions(figure: Figure) -> Callable[[Sums, tuple[str, ...]], Any]:
    def items(sums: Sums, windows: tuple[str, ...]) -> Any:
        named = {aliases: IN_CONVERSIONS[aliases] for aliases in sorted(sums.counts) if aliases in IN_CONVERSIONS}
        return _items(sums, windows, figure, {a: (f"{name}_total", f"{name}_website") for a, name in named.items()})

    return items


def _roas(action_type: str) -> Callable[[Sums, tuple[str, ...]], Any]:
    return lambda sums, windows: _items(sums, windows, _return, {PURCHASE: (action_type,)})


METRICS: dict[str, Callable[[Sums, tuple[str, ...]], Any]] = {
    "spend": lambda s, _: exact_text(s.spend),
    "impressions": lambda s, _: str(s.impressions),
    "reach": lambda s, _: str(len(s.reached)),
    "clicks": lambda s, _: str(s.clicks),
    "inline_link_clicks": lambda s, _: str(s.clicks),
    "frequency": lambda s, _: _text(_ratio(s.impressions, len(s.reached))),
    "ctr": lambda s, _: _text(_ratio(100 * s.clicks, s.impressions)),
    "cpc": lambda s, _: _text(_ratio(s.spend, s.clicks)),
    "cpm": lambda s, _: _text(_ratio(1000 * s.spend, s.impressions)),
    "actions": _broken(_actions(_count)),
    "action_values": _broken(_actions(_value)),
    # Nobody spent on a part of the actions, so costs and returns stay whole.
    "cost_per_action_type": _actions(_cost),
    "conversions": _broken(_conversions(_count)),
    "conversion_values": _broken(_conversions(_value)),
    "cost_per_conversion": _conversions(_cost),
    "purchase_roas": _roas("omni_purchase"),
    "website_purchase_roas": _roas("offsite_conversion.fb_pixel_purchase"),
}


def _ratio(part: Decimal | int | None, whole: Decimal | int | None) -> Decimal | None:
    """To six decimals; None when there is nothing to divide."""
    return round(Decimal(part) / whole, 6) if part is not None and whole else None


def _text(number: Decimal | int | None) -> str | None:
    return None if number is None else exact_text(Decimal(number))
