"""``dataset_quality?fields=offline``: how good a dataset's store events are, in Meta's documented shape.

Documented ("Dataset Quality API for Offline Events", read September 2026): one row per event name over 28 days, each
score out of 10 with a recommendation, the coverage of e-mail and phone, and that a composite of 8.5 opens omnichannel
ads. **How the scores are made is not published; these are ours**:

- ``match_key`` is the score of web events, over `key_quality`'s weights.
- ``frequency`` is ten times the share of days with an upload since the first one.
- ``freshness`` is the mean over events: ten within a day, nothing after a week, evenly between.
- ``composite`` is the mean of the three.

The documented error 2044055 (no such dataset) cannot happen: here every number is a dataset.
"""

from __future__ import annotations

import re
import statistics
from collections import defaultdict
from typing import Any

from twofold.sandbox.judge.key_quality import survey_keys
from twofold.sandbox.judge.traffic import SURVEYED
from twofold.sandbox.settings import Sandbox
from twofold.sandbox.wire.dedup import DAY_MS, Source
from twofold.sandbox.wire.received import Received

SCORE_MS = 28 * DAY_MS  # documented
OMNICHANNEL = 8.5  # documented
STALE_MS = 7 * DAY_MS  # ours
COVERED = {"em": "email", "ph": "phone"}
GOOD = "Nothing to do."
ADVICE = {
    "match_key": "Send e-mail and phone with every store event.",
    "frequency": "Upload store events every day.",
    "freshness": "Upload store events within a day of the sale.",
}


def offline_rows(sandbox: Sandbox, dataset: str, agent: str | None = None) -> list[dict[str, Any]]:
    """One row per event name of the last 28 days. ``agent`` keeps only that partner's events."""
    now = sandbox.clock()
    names: dict[str, list[Received]] = defaultdict(list)
    for copy in sandbox.inbox.newest():
        arrival = copy.arrival
        if now - copy.received_at > SCORE_MS:
            break
        if (
            arrival.dataset != dataset
            or arrival.action_source != "physical_store"
            or arrival.source is not Source.SERVER
        ):
            continue
        if agent is None or agent_name(arrival.partner_agent) == agent:
            names[arrival.event_name].append(copy)
    return [_row(sandbox, name, names[name], now) for name in sorted(names)]


def agent_name(partner_agent: str | None) -> str | None:
    """Meta lower-cases ``partner_agent`` and strips the version: ``Hub-1.2-abc`` is hub-abc."""
    if not partner_agent:
        return None
    return "-".join(part for part in partner_agent.lower().split("-") if not re.match(r"v?\d", part)) or None


def _row(sandbox: Sandbox, name: str, copies: list[Received], now: int) -> dict[str, Any]:
    keys = survey_keys(sandbox.world, copies[:SURVEYED])
    scores = {"match_key": keys.score, "frequency": frequency(copies, now), "freshness": freshness(copies)}
    composite = statistics.fmean(scores.values())
    row: dict[str, Any] = {
        "event_name": name,
        "composite": _scored(composite, ADVICE[min(scores, key=lambda part: scores[part])]),
    }
    row |= {part: _scored(score, ADVICE[part]) for part, score in scores.items()}
    row["match_key"]["coverage"] = {name: keys.percentage(key) for key, name in COVERED.items()}
    return row


def frequency(copies: list[Received], now: int) -> float:
    days = {copy.received_at // DAY_MS for copy in copies}
    return 10 * len(days) / (now // DAY_MS - min(days) + 1)


def freshness(copies: list[Received]) -> float:
    delays = (copy.received_at - copy.arrival.event_time * 1000 for copy in copies)
    return 10 * statistics.fmean(min(1.0, max(0.0, (STALE_MS - delay) / (STALE_MS - DAY_MS))) for delay in delays)


def _scored(score: float, advice: str) -> dict[str, Any]:
    return {"score": round(score, 1), "recommendation": GOOD if score >= OMNICHANNEL else advice}
