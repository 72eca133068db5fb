"""Reads of one dataset: ``GET /{dataset}`` (its node), ``/stats`` (counts per hour) and ``/da_checks``.

Owns their shapes, named after the official Python SDK 26.0.3 (`AdsPixel`, `AdsPixelStatsResult`, `DACheck`); what
the real edges do beyond names was not found, so values that cannot be read here (rules, detection) are empty or
constant. The keys of ``da_checks`` are ours.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Iterable, Iterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from twofold.sandbox.judge.diagnostics import CATALOGUE_EVENTS
from twofold.sandbox.judge.key_quality import share_matched
from twofold.sandbox.judge.quality import parse_fields
from twofold.sandbox.judge.traffic import Dataset, survey
from twofold.sandbox.settings import Sandbox
from twofold.sandbox.wire.access import READ_QUALITY
from twofold.sandbox.wire.answers import RefusalKind, Refused
from twofold.sandbox.wire.dedup import HOUR_MS, Source, State
from twofold.sandbox.wire.graph import answer_read
from twofold.sandbox.wire.received import Received
from twofold.sandbox.wire.rules import HASHED_KEYS

# The SDK names no scope for these edges; the ones that may read a dataset.
READ_DATASET = frozenset({READ_QUALITY, "ads_read", "ads_management", "business_management"})
DEFAULT_HOURS = 24


def routes(sandbox: Sandbox) -> list[Route]:
    def edge(path: str, build: Callable[[Sandbox, Request, str], Any]) -> list[Route]:
        async def answer(request: Request) -> Response:
            return await answer_read(sandbox, request, request.path_params["dataset"], READ_DATASET, build)

        return [Route(prefix + "/{dataset:int}" + path, _as_text(answer)) for prefix in ("/{version}", "")]

    # The Python SDK reads a node with a slash at the end.
    nodes = [*edge("", build_node), *edge("/", build_node)]
    return [*edge("/stats", build_stats), *edge("/da_checks", build_checks), *nodes]


def _as_text(answer: Callable[[Request], Awaitable[Response]]) -> Callable[[Request], Awaitable[Response]]:
    async def with_text(request: Request) -> Response:
        request.path_params["dataset"] = str(request.path_params["dataset"])
        return await answer(request)

    return with_text


# ------------------------------------------------------------------ the node


def build_node(sandbox: Sandbox, request: Request, dataset: str) -> dict[str, Any]:
    """The dataset itself: ``id`` always, other fields as asked for."""
    fields = parse_fields(request.query_params.get("fields") or "id,name")
    copies = [c for c in sandbox.inbox.received() if c.arrival.dataset == dataset]
    times = [c.arrival.event_time for c in copies]
    matched = share_matched(sandbox.world, copies)
    known = {
        "id": dataset,
        "name": f"Sandbox dataset {dataset}",
        "last_fired_time": _time_text(copies[-1].received_at) if copies else None,
        "event_time_min": min(times, default=None),
        "event_time_max": max(times, default=None),
        "valid_entries": len(copies),
        "duplicate_entries": sum(1 for c in copies if c.state is State.DEDUPLICATED),
        "matched_entries": None if matched is None else round(matched * len(copies)),
        "match_rate_approx": None if matched is None else round(100 * matched),
        "is_unavailable": False,
        "data_use_setting": "ADVERTISING_AND_ANALYTICS",
    }
    if unknown := fields.keys() - known.keys():
        raise Refused(RefusalKind.FIELD_UNKNOWN, subject=sorted(unknown)[0][:64])
    return {"id": dataset} | {name: known[name] for name in fields if known[name] is not None}


# ------------------------------------------------------------------ stats


def build_stats(sandbox: Sandbox, request: Request, dataset: str) -> dict[str, Any]:
    """``{data: [{start_time, aggregation, data: [{value, count}]}]}``, one entry per hour with events."""
    query = request.query_params
    aggregation = query.get("aggregation", "event")
    values = AGGREGATIONS.get(aggregation)
    if values is None:
        raise Refused(RefusalKind.PARAMETER_INVALID, f"aggregation: expected one of {', '.join(AGGREGATIONS)}")
    end = _moment(query.get("end_time"), sandbox.clock(), "end_time")
    start = _moment(query.get("start_time"), end - DEFAULT_HOURS * HOUR_MS, "start_time")
    hours: dict[int, Counter[str]] = defaultdict(Counter)
    for copy in _chosen(sandbox, request, dataset):
        at = copy.arrival.event_time * 1000
        if start <= at <= end:
            hours[at // HOUR_MS].update(values(copy))
    return {
        "data": [
            {
                "start_time": _time_text(hour * HOUR_MS),
                "aggregation": aggregation,
                "data": [{"value": value, "count": count} for value, count in sorted(counts.items())],
            }
            for hour, counts in sorted(hours.items())
        ]
    }


SOURCES = {"WEB_ONLY": Source.BROWSER, "SERVER_ONLY": Source.SERVER}


def _chosen(sandbox: Sandbox, request: Request, dataset: str) -> Iterator[Received]:
    query = request.query_params
    name, source = query.get("event"), query.get("event_source")
    if source is not None and source not in SOURCES:
        raise Refused(RefusalKind.PARAMETER_INVALID, "event_source: expected WEB_ONLY or SERVER_ONLY")
    for copy in sandbox.inbox.received():
        arrival = copy.arrival
        if arrival.dataset != dataset or name not in (None, arrival.event_name):
            continue
        if source is None or arrival.source is SOURCES[source]:
            yield copy


def _custom_fields(copy: Received) -> Iterable[str]:
    return (msgspec.json.decode(copy.arrival.event).get("custom_data") or {}).keys()


def _agent(copy: Received) -> str:
    user_data = msgspec.json.decode(copy.arrival.event).get("user_data") or {}
    value = user_data.get("client_user_agent") if isinstance(user_data, dict) else None
    return value if isinstance(value, str) else ""


# order matters: the first that fits
BROWSERS = (("Edg", "Edge"), ("OPR", "Opera"), ("FBAN|FBAV|Instagram", "In-app"), ("Firefox|FxiOS", "Firefox"),
            ("Chrome|CriOS", "Chrome"), ("Safari", "Safari"))  # fmt: skip
SYSTEMS = (
    ("iPhone|iPad|iOS", "iOS"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("Mac OS", "macOS"),
    ("Linux", "Linux"),
)
DEVICES = (("iPad|Tablet", "tablet"), ("Mobile|iPhone|Android", "mobile"), (".", "desktop"))


def _named(table: tuple[tuple[str, str], ...]) -> Callable[[Received], list[str]]:
    def values(copy: Received) -> list[str]:
        agent = _agent(copy)
        return [next((name for pattern, name in table if re.search(pattern, agent)), "unknown")]

    return values


def _url_part(part: str) -> Callable[[Received], list[str]]:
    def values(copy: Received) -> list[str]:
        try:
            url = urlsplit(copy.arrival.event_source_url or "")
        except ValueError:
            return []
        if not url.hostname:
            return []
        return [url.hostname if part == "host" else f"{url.scheme}://{url.hostname}{url.path}"]

    return values


# aggregation -> the values one copy counts under
AGGREGATIONS: dict[str, Callable[[Received], Iterable[str]]] = {
    "browser_type": _named(BROWSERS),
    "custom_data_field": _custom_fields,
    "device_os": _named(SYSTEMS),
    "device_type": _named(DEVICES),
    "event": lambda c: [c.arrival.event_name],
    "event_detection_method": lambda _: ["manual"],
    "event_processing_results": lambda c: [c.state],
    "event_source": lambda c: [c.arrival.source],
    "event_total_counts": lambda _: ["total"],
    "event_value_count": lambda c: [c.arrival.event_name] if c.arrival.value is not None else [],
    "had_pii": lambda c: [str(not HASHED_KEYS.isdisjoint(c.arrival.user_keys)).lower()],
    "host": _url_part("host"),
    "match_keys": lambda c: c.arrival.user_keys,
    "pixel_fire": lambda c: ["fire"] if c.arrival.source is Source.BROWSER else [],
    "url": _url_part("url"),
    "url_by_rule": lambda _: [],
}


def _moment(text: str | None, default: int, where: str) -> int:
    """Unix seconds or an ISO date as ms."""
    if text is None:
        return default
    if re.fullmatch(r"\d{1,12}", text):
        return int(text) * 1000
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise Refused(RefusalKind.PARAMETER_INVALID, f"{where}: expected Unix seconds or an ISO date") from None
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)


def _time_text(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S+0000")


# ------------------------------------------------------------------ da_checks


def build_checks(sandbox: Sandbox, request: Request, dataset: str) -> dict[str, Any]:
    """Whether the dataset is fit for catalogue ads, check by check."""
    groups = survey(sandbox.inbox, sandbox.clock()).get(dataset, {})
    wanted = request.query_params.get("checks")
    names = None if wanted is None else set(re.findall(r"\w+", wanted))
    rows = [_check_row(key, title, passed(groups)) for key, title, passed in CHECKS]
    return {"data": [row for row in rows if names is None or row["key"] in names]}


def _check_row(key: str, title: str, passed: bool) -> dict[str, Any]:
    return {
        "key": key,
        "title": title,
        "description": "Of the events of the last 7 days in this sandbox.",
        "user_message": "" if passed else f"Not fulfilled: {title}",
        "action_uri": "",
        "result": "passed" if passed else "failed",
    }


def _fires(name: str) -> Callable[[Dataset], bool]:
    return lambda groups: name in groups


def _has_content(name: str) -> Callable[[Dataset], bool]:
    return lambda groups: name in groups and all(s.content for s in groups[name].all)


CHECKS: tuple[tuple[str, str, Callable[[Dataset], bool]], ...] = (
    ("has_events", "Events were received", bool),
    *((f"{name.lower()}_fires", f"{name} was received", _fires(name)) for name in sorted(CATALOGUE_EVENTS)),
    *(
        (f"{name.lower()}_content", f"Every {name} names products", _has_content(name))
        for name in sorted(CATALOGUE_EVENTS)
    ),
)
