"""Ads Insights: a question (fields, level, days, windows) to the rows that answer it.

Owns the parameters, the sums and the shapes; pure but for what `World` computes. Source: Marketing API, "Insights"
and its parameter and field reference, read September 2026. Of those, what this receiver does not know is either
refused (breakdowns: leaving them out would answer another question) or left out of the row (fields).

One conversion is reported under several ``action_type`` names. They are aliases: nothing here adds them up, and a
reader must pick one.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Any

import msgspec
from msgspec import Struct

from twofold.event.vocabulary import STANDARD_EVENTS
from twofold.sandbox.ads import AdAccount, Ads, AdSet, Campaign, Kind, Node, zone_of
from twofold.sandbox.attribution import DEFAULT, WINDOWS
from twofold.sandbox.received import exact_text
from twofold.sandbox.world import World

LEVELS = ("account", "campaign", "adset", "ad")  # from the whole to the part
# Documented windows that this receiver has nothing for: accepted, and no key appears.
SILENT_WINDOWS = frozenset({
    DEFAULT, "7d_view", "28d_view", "dda", "custom", "skan_click", "skan_view", "skan_click_second_postback",
    "skan_view_second_postback", "skan_click_third_postback", "skan_view_third_postback", "1d_sequenced",
    "7d_sequenced", "28d_sequenced", "incrementality", "incrementality_all", "incrementality_first",
    "7d_view_all_conversions", "7d_view_first_conversion", "28d_view_all_conversions", "28d_view_first_conversion",
})  # fmt: skip
REPORT_TIMES = ("impression", "conversion", "mixed", "lifetime")
MAX_DAYS = 37 * 31  # Meta keeps 37 months
MAX_LIMIT = 5_000
DEFAULT_FIELDS = ("impressions", "spend")

Day = datetime.date
Period = tuple[Day, Day]  # both days included


class GraphError(Exception):
    """A question that is answered with Graph's error envelope."""

    def __init__(self, message: str, *, code: int = 100, subcode: int | None = None, status: int = 400) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.subcode = subcode
        self.status = status


class Filter(Struct, frozen=True):
    """One condition on a row's object or figure, like ``campaign.name CONTAIN ["Sale"]``."""

    field: str
    operator: str
    values: tuple[str, ...]


class Query(Struct, frozen=True, kw_only=True):
    """One checked question."""

    fields: tuple[str, ...]
    level: str
    periods: tuple[Period, ...]
    windows: tuple[str, ...] = ()
    by_touch: bool = False  # count on the day of the click or view, not of the conversion
    filters: tuple[Filter, ...] = ()
    sort: tuple[tuple[str, bool], ...] = ()  # field, descending


class Sums(Struct):
    """What one object had in one period. Counts and values by the aliases of the action, then by window."""

    spend: Decimal = Decimal(0)
    impressions: int = 0
    clicks: int = 0
    reached: set[str] = msgspec.field(default_factory=set)
    counts: dict[tuple[str, ...], dict[str, int]] = msgspec.field(default_factory=dict)
    values: dict[tuple[str, ...], dict[str, Decimal]] = msgspec.field(default_factory=dict)

    def add(self, aliases: tuple[str, ...], window: str, value: Decimal | None) -> None:
        counts = self.counts.setdefault(aliases, {})
        counts[window] = counts.get(window, 0) + 1
        if value is not None:
            values = self.values.setdefault(aliases, {})
            values[window] = values.get(window, Decimal(0)) + value


# --- names of actions

CUSTOM = ("offsite_conversion.fb_pixel_custom",)
LINK_CLICK = ("link_click",)
PURCHASE = ("purchase", "omni_purchase", "offsite_conversion.fb_pixel_purchase", "onsite_web_purchase")
# Seen at many public readers of Insights; the rest of the standard events follows the same pattern without omni_*.
ALIASES: dict[str, tuple[str, ...]] = {
    "Purchase": PURCHASE,
    "Lead": ("lead", "omni_lead", "offsite_conversion.fb_pixel_lead"),
    "AddToCart": ("add_to_cart", "omni_add_to_cart", "offsite_conversion.fb_pixel_add_to_cart"),
    "InitiateCheckout": (
        "initiate_checkout",
        "omni_initiated_checkout",  # so spelt
        "offsite_conversion.fb_pixel_initiate_checkout",
    ),
    "CompleteRegistration": (
        "complete_registration",
        "omni_complete_registration",
        "offsite_conversion.fb_pixel_complete_registration",
    ),
    "ViewContent": ("view_content", "omni_view_content", "offsite_conversion.fb_pixel_view_content"),
    "Subscribe": ("subscribe", "omni_subscribe", "offsite_conversion.fb_pixel_subscribe"),
}
# The `conversions` field has another list than `actions`; only these names were found in it.
CONVERSION_EVENTS = frozenset({
    "Contact", "CustomizeProduct", "Donate", "FindLocation", "Schedule", "StartTrial", "SubmitApplication", "Subscribe",
})  # fmt: skip


def aliases_of(event_name: str) -> tuple[str, ...]:
    """Every ``action_type`` under which an event appears; none for PageView, which is no conversion."""
    if event_name == "PageView":
        return ()
    if event_name not in STANDARD_EVENTS:
        return CUSTOM
    snake = _snake(event_name)
    return ALIASES.get(event_name, (snake, f"offsite_conversion.fb_pixel_{snake}"))


def _snake(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


_IN_CONVERSIONS = {aliases_of(name): _snake(name) for name in CONVERSION_EVENTS}


# --- the question


def parse_query(params: Mapping[str, Any], node: Node, *, today: Day, first_day: Day) -> Query:
    """A question as Graph parameters (texts, or values already decoded). Raises `GraphError`.

    ``today`` is the date in the account's time zone, ``first_day`` the account's first day with anything.
    """
    for name in ("breakdowns", "summary_action_breakdowns"):
        if _list(params, name):
            raise GraphError(f"(#100) The sandbox does not know {name}", subcode=9900201)
    if set(_list(params, "action_breakdowns")) - {"action_type"}:
        raise GraphError("(#100) The sandbox knows only action_type in action_breakdowns", subcode=9900201)
    report_time = str(params.get("action_report_time") or "mixed")
    if report_time not in REPORT_TIMES:
        raise GraphError(_must_be("action_report_time", REPORT_TIMES))
    return Query(
        fields=tuple(dict.fromkeys(map(str, _list(params, "fields")))) or DEFAULT_FIELDS,
        level=_level(params, node),
        periods=tuple(_periods(params, today, first_day)),
        windows=_windows(params),
        by_touch=report_time == "impression",
        filters=tuple(_filter(item, f"filtering[{n}]") for n, item in enumerate(_list(params, "filtering"))),
        sort=tuple(_sorting(text) for text in _list(params, "sort")),
    )


def _level(params: Mapping[str, Any], node: Node) -> str:
    level = str(params.get("level") or node.level)
    if level not in LEVELS:
        raise GraphError(_must_be("level", LEVELS))
    return LEVELS[max(LEVELS.index(level), LEVELS.index(node.level))]


def _windows(params: Mapping[str, Any]) -> tuple[str, ...]:
    wanted = [str(window) for window in _list(params, "action_attribution_windows")]
    wanted = ["1d_ev" if window == "1d_engaged_view" else window for window in wanted]  # both spellings were seen
    for place, window in enumerate(wanted):
        if window not in WINDOWS and window not in SILENT_WINDOWS:
            raise GraphError(_must_be(f"action_attribution_windows[{place}]", (*WINDOWS, *sorted(SILENT_WINDOWS))))
    return tuple(window for window in WINDOWS if window in wanted)


def _periods(params: Mapping[str, Any], today: Day, first_day: Day) -> Iterator[Period]:
    """time_ranges over time_range over date_preset (documented order); last_30d when nothing is said."""
    if ranges := _list(params, "time_ranges"):
        yield from (_range(item, f"time_ranges[{n}]") for n, item in enumerate(ranges))
        return
    if params.get("time_range"):
        whole = _range(_decoded(params["time_range"], "time_range"), "time_range")
    else:
        preset = str(params.get("date_preset") or "last_30d")
        if preset not in PRESETS:
            raise GraphError(_must_be("date_preset", tuple(PRESETS)))
        whole = PRESETS[preset](today, first_day)
    yield from split_period(whole, params.get("time_increment"))


def split_period(whole: Period, increment: Any) -> Iterator[Period]:
    """The period in pieces of so many days, of calendar months, or in one."""
    since, until = whole
    text = str(increment if increment not in (None, "") else "all_days")
    if text not in ("all_days", "monthly") and not (re.fullmatch(r"\d{1,2}", text) and 1 <= int(text) <= 90):
        raise GraphError("(#100) time_increment must be 1 to 90, monthly or all_days")
    while since <= until:
        if text == "all_days":
            end = until
        elif text == "monthly":
            end = _month_end(since)
        else:
            end = since + datetime.timedelta(int(text) - 1)
        yield since, min(end, until)
        since = end + datetime.timedelta(1)


def _month_end(day: Day) -> Day:
    return (day.replace(day=28) + datetime.timedelta(4)).replace(day=1) - datetime.timedelta(1)


def _filter(item: Any, where: str) -> Filter:
    try:
        field, operator, value = (item[key] for key in ("field", "operator", "value"))
    except (KeyError, TypeError):
        raise GraphError(f"(#100) {where} must have field, operator and value") from None
    operators = TEXT_OPERATORS if field in FILTERED_TEXTS else NUMBER_OPERATORS if field in FILTERED_NUMBERS else ()
    if not operators:
        raise GraphError(f"(#100) The sandbox does not know {where}.field", subcode=9900201)
    if operator not in operators:
        raise GraphError(_must_be(f"{where}.operator", operators))
    values = tuple(str(one) for one in (value if isinstance(value, list) else [value]))
    if not values:
        raise GraphError(f"(#100) {where}.value must not be empty")
    if field in FILTERED_NUMBERS and not all(re.fullmatch(r"\d{1,15}(\.\d{1,6})?", text) for text in values):
        raise GraphError(f"(#100) {where}.value must be a number")
    return Filter(field, operator, values)


def _sorting(text: Any) -> tuple[str, bool]:
    field, _, direction = str(text).rpartition("_")
    if direction not in ("ascending", "descending") or field not in FILTERED_NUMBERS:
        raise GraphError(
            f"(#100) The sandbox sorts by one of {', '.join(FILTERED_NUMBERS)} with _ascending or _descending",
            subcode=9900201,
        )
    return field, direction == "descending"


def _range(item: Any, where: str) -> Period:
    try:
        since, until = (Day.fromisoformat(item[key]) for key in ("since", "until"))
    except (KeyError, TypeError, ValueError):
        raise GraphError(f"(#100) {where} must have since and until as YYYY-MM-DD") from None
    if since > until:
        raise GraphError(f"(#100) {where}: since must not be after until")
    if (until - since).days > MAX_DAYS:
        raise GraphError(f"(#100) {where} must not be longer than 37 months", subcode=9900202)
    return since, until


def _last_days(count: int) -> Callable[[Day, Day], Period]:
    """Without today, as documented."""
    return lambda today, _: (today - datetime.timedelta(count), today - datetime.timedelta(1))


def _quarter_start(day: Day) -> Day:
    return day.replace(month=(day.month - 1) // 3 * 3 + 1, day=1)


def _before(day: Day) -> Day:
    return day - datetime.timedelta(1)


def _week_start(day: Day, first: int) -> Day:
    """``first`` is 0 for Monday, 6 for Sunday."""
    return day - datetime.timedelta((day.weekday() - first) % 7)


def _last_week(first: int) -> Callable[[Day, Day], Period]:
    def period(today: Day, _: Day) -> Period:
        start = _week_start(today, first)
        return start - datetime.timedelta(7), _before(start)

    return period


PRESETS: dict[str, Callable[[Day, Day], Period]] = {
    "today": lambda today, _: (today, today),
    "yesterday": _last_days(1),
    **{f"last_{count}d": _last_days(count) for count in (3, 7, 14, 28, 30, 90)},
    "this_week_mon_today": lambda today, _: (_week_start(today, 0), today),
    "this_week_sun_today": lambda today, _: (_week_start(today, 6), today),
    "last_week_mon_sun": _last_week(0),
    "last_week_sun_sat": _last_week(6),
    "this_month": lambda today, _: (today.replace(day=1), today),
    "last_month": lambda today, _: (_before(today.replace(day=1)).replace(day=1), _before(today.replace(day=1))),
    "this_quarter": lambda today, _: (_quarter_start(today), today),
    "last_quarter": lambda today, _: (_quarter_start(_before(_quarter_start(today))), _before(_quarter_start(today))),
    "this_year": lambda today, _: (today.replace(month=1, day=1), today),
    "last_year": lambda today, _: (Day(today.year - 1, 1, 1), Day(today.year - 1, 12, 31)),
    "maximum": lambda today, first: (max(min(first, today), today - datetime.timedelta(MAX_DAYS)), today),
    "data_maximum": lambda today, first: (max(min(first, today), today - datetime.timedelta(MAX_DAYS)), today),
}


def _list(params: Mapping[str, Any], name: str) -> list[Any]:
    """A list as JSON, as a JSON text, or as texts with commas between."""
    value = params.get(name)
    if value in (None, "", []):
        return []
    if isinstance(value, str):
        if value.lstrip()[:1] != "[":
            return [part.strip() for part in value.split(",") if part.strip()]
        value = _decoded(value, name)
    if not isinstance(value, list):
        raise GraphError(f"(#100) {name} must be an array")
    return value


def _decoded(value: Any, name: str) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return msgspec.json.decode(value)
    except msgspec.DecodeError:
        raise GraphError(f"(#100) {name} must be JSON") from None


def _must_be(name: str, values: Iterable[str]) -> str:
    return f"(#100) {name} must be one of the following values: {', '.join(values)}"


# --- the answer


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

    for (ad_id, day), amount in ads.spend.items():
        if ad_id in owner and amount:
            for row in sums(ad_id, day):
                row.spend += amount
    for touch in ads.touches:
        if touch.ad_id not in owner:
            continue
        for row in sums(touch.ad_id, day_of(touch.time)):
            if touch.kind is Kind.IMPRESSION:
                row.impressions += 1
                row.reached.add(touch.person or "")
            elif touch.kind is Kind.LINK_CLICK:
                row.clicks += 1
                # What happens on Meta itself stands in the one-day windows (documented, June 2025).
                row.add(LINK_CLICK, DEFAULT, None)
                row.add(LINK_CLICK, "1d_click", None)
    wanted = (DEFAULT, *query.windows)
    for credit in world.credits():
        conversion = credit.conversion
        aliases = aliases_of(conversion.event_name)
        # Another currency would need a rate, which nobody gave us: the conversion counts, its value does not.
        value = conversion.value if conversion.currency == account.currency else None
        day = None if query.by_touch else day_of(conversion.time)
        for window in wanted if aliases else ():
            touch = credit.under(window)
            if touch is not None and touch.ad_id in owner:
                for row in sums(touch.ad_id, day or day_of(touch.time)):
                    row.add(aliases, window, value)
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


FILTERED_TEXTS = {f"{level}.{what}": f"{level}_{what}" for level in LEVELS[1:] for what in ("id", "name")}
FILTERED_NUMBERS = ("spend", "impressions", "clicks", "reach", "cpc", "cpm", "ctr", "frequency")
TEXT_OPERATORS: dict[str, Callable[[str, tuple[str, ...]], bool]] = {
    "EQUAL": lambda text, values: text == values[0],
    "NOT_EQUAL": lambda text, values: text != values[0],
    "IN": lambda text, values: text in values,
    "NOT_IN": lambda text, values: text not in values,
    "CONTAIN": lambda text, values: values[0].lower() in text.lower(),
    "NOT_CONTAIN": lambda text, values: values[0].lower() not in text.lower(),
}
NUMBER_OPERATORS: dict[str, Callable[[Decimal, Decimal], bool]] = {
    "GREATER_THAN": lambda number, value: number > value,
    "LESS_THAN": lambda number, value: number < value,
    "EQUAL": lambda number, value: number == value,
}
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


def _actions(figure: Figure) -> Callable[[Sums, tuple[str, ...]], Any]:
    return lambda sums, windows: _items(sums, windows, figure, {aliases: aliases for aliases in sorted(sums.counts)})


def _conversions(figure: Figure) -> Callable[[Sums, tuple[str, ...]], Any]:
    def items(sums: Sums, windows: tuple[str, ...]) -> Any:
        named = {aliases: _IN_CONVERSIONS[aliases] for aliases in sorted(sums.counts) if aliases in _IN_CONVERSIONS}
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
    "actions": _actions(_count),
    "action_values": _actions(_value),
    "cost_per_action_type": _actions(_cost),
    "conversions": _conversions(_count),
    "conversion_values": _conversions(_value),
    "cost_per_conversion": _conversions(_cost),
    "purchase_roas": _roas("omni_purchase"),
    "website_purchase_roas": _roas("offsite_conversion.fb_pixel_purchase"),
}


def _ratio(part: Decimal | int | None, whole: Decimal | int | None) -> Decimal | None:
    """To six decimals; None when there is nothing to divide."""
    return round(Decimal(part) / whole, 6) if part is not None and whole else None


def _text(number: Decimal | int | None) -> str | None:
    return None if number is None else exact_text(Decimal(number))
