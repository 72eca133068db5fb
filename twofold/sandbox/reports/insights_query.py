"""The question put to Insights: parameters as Graph sends them, to one checked value.

Owns levels, days, windows, filters and their refusals; what is answered is in `insights`. Source: Marketing API,
"Insights" parameter reference, read September 2026. What would change the answer and is not known here (breakdowns)
is refused, never ignored.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Any

import msgspec
from msgspec import Struct

from twofold.sandbox.reports.breakdowns import BREAKDOWNS
from twofold.sandbox.world.ads import Node
from twofold.sandbox.world.attribution import DEFAULT, WINDOWS

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
    breakdowns: tuple[str, ...] = ()  # of `BREAKDOWNS`; action_type, which every item has, is not among them
    by_touch: bool = False  # count on the day of the click or view, not of the conversion
    filters: tuple[Filter, ...] = ()
    sort: tuple[tuple[str, bool], ...] = ()  # field, descending


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


def parse_query(params: Mapping[str, Any], node: Node, *, today: Day, first_day: Day) -> Query:
    """A question as Graph parameters (texts, or values already decoded). Raises `GraphError`.

    ``today`` is the date in the account's time zone, ``first_day`` the account's first day with anything.
    """
    for name in ("breakdowns", "summary_action_breakdowns"):
        if _list(params, name):
            raise GraphError(f"(#100) The sandbox does not know {name}", subcode=9900201)
    report_time = str(params.get("action_report_time") or "mixed")
    if report_time not in REPORT_TIMES:
        raise GraphError(_must_be("action_report_time", REPORT_TIMES))
    return Query(
        fields=tuple(dict.fromkeys(map(str, _list(params, "fields")))) or DEFAULT_FIELDS,
        level=_level(params, node),
        periods=tuple(_periods(params, today, first_day)),
        windows=_windows(params),
        breakdowns=tuple(_breakdowns(params)),
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


def _breakdowns(params: Mapping[str, Any]) -> Iterator[str]:
    for place, name in enumerate(dict.fromkeys(map(str, _list(params, "action_breakdowns")))):
        if name in BREAKDOWNS:
            yield name
        elif name != "action_type":
            known = ", ".join(("action_type", *BREAKDOWNS))
            raise GraphError(
                f"(#100) The sandbox does not know action_breakdowns[{place}]; it knows {known}", subcode=9900201
            )


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
