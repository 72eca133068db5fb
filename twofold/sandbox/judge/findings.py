"""The list of diagnostics as it stands: what was found, how often, since when, and whether it was called resolved.

Owns the sums over kept copies and refused requests, the state of each finding, and ``/sandbox/diagnostics``. What
holds for an event is in `diagnostics`, over many events in `traffic`. Observed with Meta's cards (public issue
threads, 2026): a share of affected events, a button that marks one resolved, and that it opens again when it is
seen after 3 days. Nothing is stored but the resolving; all else is computed from what was received.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable
from enum import StrEnum
from typing import Any

from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from twofold.sandbox.judge.diagnostics import CATALOGUE, Side
from twofold.sandbox.judge.traffic import affected_copies, survey
from twofold.sandbox.judge.views import json_response
from twofold.sandbox.settings import Sandbox
from twofold.sandbox.wire.dedup import DAY_MS
from twofold.sandbox.wire.received import Inbox, Received, RefusedEntry

REOPEN_MS = 3 * DAY_MS


class Status(StrEnum):
    """Where one finding stands."""

    OPEN = "open"
    RESOLVED = "resolved"
    REOPENED = "reopened"  # seen more than 3 days after it was called resolved
    ACCEPTED = "accepted"  # meant so on this machine


class Finding(Struct, kw_only=True):
    """One identifier for one dataset and event name."""

    dataset: str
    event_name: str
    diagnostic: str
    affected: int = 0
    first_seen: int = 0  # ms
    last_seen: int = 0  # ms
    example: dict[str, Any] = {}

    @property
    def id(self) -> str:
        text = "\0".join((self.dataset, self.event_name, self.diagnostic))
        return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()

    def add(self, at: int, example: dict[str, Any]) -> None:
        self.affected += 1
        self.first_seen = min(self.first_seen or at, at)
        if at >= self.last_seen:
            self.last_seen, self.example = at, example


def routes(sandbox: Sandbox) -> list[Route]:
    async def listing(request: Request) -> Response:
        wanted = {key: request.query_params.get(key) for key in ("dataset", "event_name", "diagnostic", "status")}
        rows = [row for row in diagnostics_rows(sandbox) if all(v in (None, row[k]) for k, v in wanted.items())]
        return json_response({"diagnostics": rows})

    async def resolve(request: Request) -> Response:
        wanted = request.path_params["id"]
        if not resolve_finding(sandbox, wanted):
            return json_response({"error": f"expected the id of a listed diagnostic, got {wanted[:40]!r}"}, 404)
        return json_response({"id": wanted, "status": Status.RESOLVED})

    return [
        Route("/sandbox/diagnostics", listing, methods=["GET"]),
        Route("/sandbox/diagnostics/{id}/resolve", resolve, methods=["POST"]),
    ]


def diagnostics_rows(sandbox: Sandbox) -> list[dict[str, Any]]:
    """Every finding, the most urgent first: open before resolved, dropped before degraded, then by share."""
    now = sandbox.clock()
    totals = _totals(sandbox.inbox)
    rows = [_row(sandbox, finding, totals) for finding in find(sandbox.inbox, now)]
    return sorted(rows, key=lambda r: (r["status"] in CLOSED, EFFECTS[r["effect"]], -r["share"], r["id"]))


def resolve_finding(sandbox: Sandbox, wanted: str) -> bool:
    """Calls the finding with this id resolved from now on; False when there is none."""
    now = sandbox.clock()
    found = next((finding for finding in find(sandbox.inbox, now) if finding.id == wanted), None)
    if found is None:
        return False
    sandbox.notes.resolve(found.dataset, found.event_name, found.diagnostic, now)
    sandbox.inbox.version += 1  # open pages look again
    return True


CLOSED = (Status.RESOLVED, Status.ACCEPTED)
EFFECTS = {"dropped": 0, "degraded": 1, "advice": 2}


def find(inbox: Inbox, now_ms: int) -> list[Finding]:
    """All findings, from single events, refusals and the newest traffic."""
    findings: dict[tuple[str, str, str], Finding] = {}

    def note(dataset: str, event_name: str, diagnostic: str, at: int, example: dict[str, Any]) -> None:
        key = (dataset, event_name, diagnostic)
        if key not in findings:
            findings[key] = Finding(dataset=dataset, event_name=event_name, diagnostic=diagnostic)
        findings[key].add(at, example)

    for diagnostic, copy in _all_copies(inbox, now_ms):
        arrival = copy.arrival
        example = {"number": copy.number, "event_id": arrival.event_id, "field": CATALOGUE[diagnostic].field}
        note(arrival.dataset, arrival.event_name, diagnostic, copy.received_at, example)
    for entry in inbox.refused:
        for diagnostic in entry.diagnostics:
            note(entry.dataset, entry.event_name, diagnostic, entry.at, _refused_example(entry, diagnostic))
    return list(findings.values())


def _all_copies(inbox: Inbox, now_ms: int) -> Iterable[tuple[str, Received]]:
    for copy in inbox.received():
        for diagnostic in copy.arrival.diagnostics:
            yield diagnostic, copy
    yield from affected_copies(survey(inbox, now_ms), now_ms)


def _refused_example(entry: RefusedEntry, diagnostic: str) -> dict[str, Any]:
    return {
        "trace": entry.trace,
        "index": entry.index,
        "field": ".".join(entry.blame) or CATALOGUE[diagnostic].field,
        "detail": entry.detail,
    }


def _totals(inbox: Inbox) -> Counter[tuple[str, str, Side]]:
    """Events by dataset, name and side: kept ones, and refused requests as one each."""
    totals: Counter[tuple[str, str, Side]] = Counter()
    for (dataset, name), tally in inbox.tallies().items():
        totals[dataset, name, Side.SERVER] += tally.server
        totals[dataset, name, Side.BROWSER] += tally.browser
        totals[dataset, name, Side.BOTH] += tally.server + tally.browser + tally.app
    for entry in inbox.refused:
        side = Side.BROWSER if entry.endpoint == "tr" else Side.SERVER
        totals[entry.dataset, entry.event_name, side] += 1
        totals[entry.dataset, entry.event_name, Side.BOTH] += 1
    return totals


def _row(sandbox: Sandbox, finding: Finding, totals: Counter[tuple[str, str, Side]]) -> dict[str, Any]:
    about = CATALOGUE[finding.diagnostic]
    # A test may find a copy of the other side too (an app's); never more than everything is affected.
    total = max(totals[finding.dataset, finding.event_name, about.side], finding.affected)
    resolved_at = sandbox.notes.resolved_at(finding.dataset, finding.event_name, finding.diagnostic)
    return {
        "id": finding.id,
        "dataset": finding.dataset,
        "event_name": finding.event_name,
        "diagnostic": finding.diagnostic,
        "effect": about.effect,
        "status": Status.ACCEPTED
        if finding.diagnostic in sandbox.settings.accepted
        else status_of(resolved_at, finding.last_seen),
        "affected": finding.affected,
        "total": total,
        "share": round(100 * finding.affected / total, 1),
        "first_seen": finding.first_seen,
        "last_seen": finding.last_seen,
        "resolved_at": resolved_at,
        "example": finding.example,
        "what_to_do": about.what_to_do,
    }


def status_of(resolved_at: int | None, last_seen: int) -> Status:
    """Open until somebody resolves it; open again when seen more than 3 days after that. Times in ms."""
    if resolved_at is None:
        return Status.OPEN
    return Status.REOPENED if last_seen - resolved_at > REOPEN_MS else Status.RESOLVED
