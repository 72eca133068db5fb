"""``GET /{version}/dataset_quality``: how well a dataset's events can be matched, in Meta's documented shape.

Owns the shape for web events, the selection by ``fields`` and the formulas. **The score is this sandbox's own estimate**: Meta
documents its inputs (which keys arrive, whether they are valid, the share of events matched to an account, over 48
hours, 0 to 10, server events of the web only), not how they are weighed. What is ours:

- A key weighs 3, 2 or 1 by the Help Center's priority table of November 2025 (e-mail and click id highest); IP
  address, user agent, gender and state, which the table leaves out, weigh 1.
- An event's share is the weight of its valid keys over `FULL`, at most 1. The score is ten times the mean share;
  with accounts in the register it is half that and half ten times the share of events matched.
- Coverage is documented (7-day average of the share of browser events that the server covers with a shared key,
  against 75 %); an average over days weighs each day with browser events alike.
- ``acr`` is the share of counted events that only the server reported; Meta's own figure models attribution.
- ``potential_aly_acr_increase`` is the share of events that would newly match if a key were sent as often as the
  best-covered one (`key_quality.KeySurvey.potential`), or newly be covered at the goal; the event's is the largest.

``offline`` is in `offline_quality`, the weights are in `key_quality`.
Sources: Meta for Developers, "Dataset Quality API", and published live transcripts, read September 2026.
"""

from __future__ import annotations

import re
import statistics
from collections import defaultdict
from collections.abc import Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from twofold.sandbox.judge.diagnostics import CATALOGUE, Side
from twofold.sandbox.judge.findings import diagnostics_rows
from twofold.sandbox.judge.key_quality import KEYS, survey_keys
from twofold.sandbox.judge.offline_quality import agent_name, offline_rows
from twofold.sandbox.judge.traffic import SURVEYED, share
from twofold.sandbox.settings import Sandbox
from twofold.sandbox.wire.access import READ_QUALITY
from twofold.sandbox.wire.answers import RefusalKind, Refused
from twofold.sandbox.wire.dedup import DAY_MS, HOUR_MS, Source, State
from twofold.sandbox.wire.graph import answer_read
from twofold.sandbox.wire.received import Received

SCORE_MS = 48 * HOUR_MS  # documented
COVERAGE_MS = 7 * DAY_MS  # documented
GOAL_PERCENTAGE = 75  # documented
NOTE = (
    "Scores, acr and potential increases are this sandbox's own estimates from documented inputs, not Meta's figures."
)
KEY_POTENTIAL = (
    "Our estimate, not Meta's figure: the share of events that would newly match if this key were sent as often as the "
    "best-covered one."
)
COVERAGE_POTENTIAL = (
    "Our estimate, not Meta's figure: the share of browser events that the server would newly cover if coverage reached "
    f"{GOAL_PERCENTAGE} %."
)
EVENT_POTENTIAL = (
    "Our estimate, not Meta's figure: the largest single increase of this event's keys and coverage; they overlap, so "
    "they are not added up."
)

# dedup key -> its values in one copy
DEDUPE_KEYS: dict[str, Callable[[Received], tuple[str, ...]]] = {
    "event_id": lambda copy: (copy.arrival.event_id,) if copy.arrival.event_id else (),
    "external_id": lambda copy: copy.arrival.external_ids,
    "fbp": lambda copy: (copy.arrival.fbp,) if copy.arrival.fbp else (),
}
# longest median delay in seconds -> the word for it; the limits are ours
FREQUENCIES = ((600, "real_time"), (2 * 3_600, "hourly"), (36 * 3_600, "daily"), (None, "weekly"))
MATCH_PREFIXES = (
    "capi_",
    "s2s_missing_",
    "s2s_invalid_",
    "s2s_private_ip",
    "s2s_pii_",
    "s2s_user_data_",
    "s2s_extern_",
)

Fields = dict[str, Any]  # name -> the fields below it, empty for all


def routes(sandbox: Sandbox) -> list[Route]:
    async def quality(request: Request) -> Response:
        dataset = request.query_params.get("dataset_id", "")
        return await answer_read(sandbox, request, dataset, frozenset({READ_QUALITY, "ads_management"}), build)

    return [Route("/{version}/dataset_quality", quality), Route("/dataset_quality", quality)]


def build(sandbox: Sandbox, request: Request, dataset: str) -> dict[str, Any]:
    """The answer's body; ``{}`` when the dataset received no web event in 7 days, no store event in 28."""
    fields = parse_fields(request.query_params.get("fields") or "web")
    if unknown := fields.keys() - BRANCHES.keys() - {"id"}:
        raise Refused(RefusalKind.FIELD_UNKNOWN, subject=sorted(unknown)[0][:64])
    agent = request.query_params.get("agent_name")
    answer: dict[str, Any] = {}
    for name, rows_of in BRANCHES.items():
        if name in fields and (rows := rows_of(sandbox, dataset, agent.lower() if agent else None)):
            answer[name] = [select(row, fields[name]) for row in rows]
    return answer | {"sandbox_estimate": NOTE} if answer else {}


def web_rows(sandbox: Sandbox, dataset: str, agent: str | None = None) -> list[dict[str, Any]]:
    """One row per event name of the last 7 days, all fields. ``agent`` narrows the server's side."""
    now = sandbox.clock()
    names: dict[str, list[Received]] = defaultdict(list)
    for copy in sandbox.inbox.newest():
        arrival = copy.arrival
        if now - copy.received_at > COVERAGE_MS:
            break
        if arrival.dataset == dataset and arrival.action_source == "website":
            names[arrival.event_name].append(copy)
    findings = diagnostics_rows(sandbox) if names else []
    return [_row(sandbox, dataset, name, names[name], agent, findings, now) for name in sorted(names)]


BRANCHES = {"web": web_rows, "offline": offline_rows}


def _row(
    sandbox: Sandbox,
    dataset: str,
    name: str,
    copies: list[Received],
    agent: str | None,
    findings: list[dict[str, Any]],
    now: int,
) -> dict[str, Any]:
    browser = [c for c in copies if c.arrival.source is Source.BROWSER]
    server = [c for c in copies if c.arrival.source is Source.SERVER]
    if agent is not None:
        server = [c for c in server if agent_name(c.arrival.partner_agent) == agent]
    row: dict[str, Any] = {"event_name": name}
    recent = [c for c in server if now - c.received_at <= SCORE_MS][:SURVEYED]
    if recent:
        about = [f for f in findings if f["dataset"] == dataset and f["event_name"] == name]
        row["event_match_quality"] = match_quality(sandbox, recent, about)
    if browser:
        row["event_coverage"] = event_coverage(browser, server)
        row["dedupe_key_feedback"] = [_dedupe_feedback(key, browser, server) for key in DEDUPE_KEYS]
    if server:
        row["data_freshness"] = data_freshness(server)
        row["acr"] = additional_conversions(sandbox, copies)
    parts = [*row.get("event_match_quality", {}).get("match_key_feedback", ()), row.get("event_coverage", {})]
    increases = [part["potential_aly_acr_increase"]["percentage"] for part in parts if part]
    if increases:
        row["event_potential_aly_acr_increase"] = {"percentage": max(increases), "description": EVENT_POTENTIAL}
    return row


# ------------------------------------------------------------------ match quality


def match_quality(sandbox: Sandbox, copies: list[Received], findings: list[dict[str, Any]]) -> dict[str, Any]:
    """Score, feedback per key and diagnostics of server copies of one event name."""
    keys = survey_keys(sandbox.world, copies)
    return {
        "composite_score": round(keys.score, 1),
        "match_key_feedback": [
            {
                "identifier": name,
                "coverage": {"percentage": keys.percentage(key)},
                "potential_aly_acr_increase": {"percentage": keys.potential(key), "description": KEY_POTENTIAL},
            }
            for key, (name, _) in KEYS.items()
            if keys.sent[key]
        ],
        "diagnostics": [_quality_diagnostic(finding) for finding in findings if _about_matching(finding)],
    }


def _about_matching(finding: dict[str, Any]) -> bool:
    name = finding["diagnostic"]
    in_user_data = CATALOGUE[name].field.startswith("user_data") and CATALOGUE[name].side is not Side.BROWSER
    return in_user_data and name.startswith(MATCH_PREFIXES) and finding["status"] != "resolved"


def _quality_diagnostic(finding: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": finding["diagnostic"],
        "description": f"{finding['share']} % of events: look at {CATALOGUE[finding['diagnostic']].field}.",
        "solution": finding["what_to_do"],
        "percentage": finding["share"],
        "affected_event_count": finding["affected"],
        "total_event_count": finding["total"],
    }


# ------------------------------------------------------------------ coverage, keys, freshness


def event_coverage(browser: list[Received], server: list[Received]) -> dict[str, Any]:
    """The 7-day average of the daily share of browser copies that a server copy shares a key with."""
    ids = {c.arrival.event_id for c in server if c.arrival.event_id}
    people = {value for c in server for value in _people(c)}
    days: dict[int, list[bool]] = defaultdict(list)
    for copy in browser:
        by_id = copy.arrival.event_id in ids
        by_person = not copy.arrival.event_id and not people.isdisjoint(_people(copy))
        days[copy.received_at // DAY_MS].append(by_id or by_person)
    percentage = round(100 * statistics.fmean(statistics.fmean(day) for day in days.values()), 1)
    return {
        "percentage": percentage,
        "goal_percentage": GOAL_PERCENTAGE,
        "description": "Average over 7 days of browser events that the server also sent with a shared key.",
        "potential_aly_acr_increase": {
            "percentage": round(max(0.0, GOAL_PERCENTAGE - percentage), 1),
            "description": COVERAGE_POTENTIAL,
        },
    }


def _people(copy: Received) -> set[tuple[str, str]]:
    return {(key, value) for key in ("external_id", "fbp") for value in DEDUPE_KEYS[key](copy)}


def _dedupe_feedback(key: str, browser: list[Received], server: list[Received]) -> dict[str, Any]:
    get = DEDUPE_KEYS[key]
    known = {value for copy in server for value in get(copy)}
    covered = sum(1 for copy in browser if not known.isdisjoint(get(copy)))

    def with_key(copies: list[Received], side: str) -> dict[str, Any]:
        count = sum(1 for copy in copies if get(copy))
        return {"percentage": _percent(count, len(copies)), "description": f"{side} events that carry {key}."}

    return {
        "dedupe_key": key,
        "browser_events_with_dedupe_key": with_key(browser, "Browser"),
        "server_events_with_dedupe_key": with_key(server, "Server"),
        "overall_browser_coverage_from_dedupe_key": {
            "percentage": _percent(covered, len(browser)),
            "description": f"Browser events whose {key} a server event carries too.",
        },
    }


def data_freshness(server: list[Received]) -> dict[str, Any]:
    """How soon after they happened events are sent, by the median."""
    delay_s = statistics.median(c.received_at // 1000 - c.arrival.event_time for c in server)
    word = next(word for limit, word in FREQUENCIES if limit is None or delay_s <= limit)
    return {"upload_frequency": word, "description": f"Half of the events came within {max(0, round(delay_s))} s."}


def additional_conversions(sandbox: Sandbox, copies: list[Received]) -> dict[str, Any]:
    """Counted events that no browser copy stands behind, against those that one does."""
    reported = {sandbox.inbox.counted_for(c).number for c in copies if c.arrival.source is Source.BROWSER}
    counted = [c for c in copies if c.state is State.PROCESSED]
    extra = sum(1 for c in counted if c.number not in reported)
    return {
        "percentage": _percent(extra, len(counted) - extra) if len(counted) > extra else 0.0,
        "description": "Counted events that only the server sent, for each 100 that the browser sent. An estimate.",
    }


def _percent(part: int, whole: int) -> float:
    return round(100 * share(part, whole), 1)


# ------------------------------------------------------------------ fields=web{event_name,acr{percentage}}


def parse_fields(text: str) -> Fields:
    """Graph's field selection as nested names. Raises `Refused` for a broken one."""
    tokens = re.findall(r"[A-Za-z_][A-Za-z0-9_]*|[{},]|\S", text)
    fields, rest = _fields(tokens, 0, 0)
    if rest != len(tokens):
        raise _broken_fields()
    return fields


def _fields(tokens: list[str], at: int, depth: int) -> tuple[Fields, int]:
    found: Fields = {}
    if depth > 8:
        raise _broken_fields()
    while at < len(tokens) and re.fullmatch(r"[A-Za-z_]\w*", tokens[at]):
        name = tokens[at]
        below: Fields = {}
        at += 1
        if tokens[at : at + 1] == ["{"]:
            below, at = _fields(tokens, at + 1, depth + 1)
            if tokens[at : at + 1] != ["}"]:
                raise _broken_fields()
            at += 1
        found[name] = below
        if tokens[at : at + 1] != [","]:
            return found, at
        at += 1
    return found, at


def _broken_fields() -> Refused:
    return Refused(RefusalKind.SYNTAX, "fields: expected names, commas and braces", blame=("fields",))


def select(value: Any, fields: Fields) -> Any:
    """The chosen part of an answer; names that are not there are left out."""
    if not fields:
        return value
    if isinstance(value, list):
        return [select(item, fields) for item in value]
    if not isinstance(value, dict):
        return value
    return {name: select(value[name], below) for name, below in fields.items() if name in value}
