"""Decisions: what was decided on which figures, and what became of it.

Owns the page. Decisions and outcomes are entries of the log; the figures are those that the named page told at that moment,
with a digest over its rows. Role: for the algorithm.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from twofold.acceptance.decision import role_of
from twofold.console.access.roles import Right
from twofold.console.pages.page import SHOWN, Asked, Page, Shown
from twofold.console.queries.standing import not_yet
from twofold.report.kept import DECISION, OUTCOME, Kept, kept

COLUMNS = ("number", "at", "by", "decided", "owner", "campaign", "page", "figures", "rests_on", "findings", "digest", "review", "due", "outcome", "outcome_at", "outcome_by",
           "outcome_figures", "outcome_digest", "role", "link")  # fmt: skip
STATES = ("open", "due", "done")


def read_decisions(asked: Asked) -> Shown:
    """The decisions, the newest first; what is due stands on top."""
    outcomes = {int(k.facts["decision"]): k for k in kept(asked.folder, OUTCOME)}
    today = datetime.fromtimestamp(asked.now, ZoneInfo(asked.words.zone)).date()
    found = [_row(one, outcomes.get(one.number), today) for one in kept(asked.folder, DECISION)[::-1]]
    state = asked.one_of("state", STATES)
    chosen = [row for row in found if not state or _state(row) == state]
    start = asked.number("after")
    rows = sorted(chosen, key=lambda row: not row["due"])[start : start + SHOWN]
    return Shown(
        columns=COLUMNS,
        rows=rows,
        about={"decisions": len(chosen), "after": start},
        figures={
            "not_yet": not_yet(asked.settings.server.data, asked.now),
            "state": state, "counts": {s: sum(_state(row) == s for row in found) for s in STATES}, "all": len(found),
            "next": start + SHOWN if start + SHOWN < len(chosen) else None, "suggested": asked.choices.get("page", ""),
        },
    )  # fmt: skip


def _state(row: dict[str, Any]) -> str:
    if row["outcome"] is not None:
        return "done"
    return "due" if row["due"] else "open"


def _row(one: Kept, outcome: Kept | None, today: date) -> dict[str, Any]:
    facts, after = one.facts, outcome.facts if outcome else {}
    review = facts.get("review") or None
    return {
        "number": one.number, "at": one.at, "by": facts.get("by"), "decided": facts.get("decided"), "page": facts.get("page"),
        "owner": facts.get("owner", ""), "campaign": facts.get("campaign", ""), "rests_on": facts.get("on", ""),
        "findings": [f["title"] for f in facts.get("findings", [])],
        "figures": facts.get("figures", {}), "digest": facts.get("digest"), "review": review,
        "due": outcome is None and review is not None and date.fromisoformat(review) <= today,
        "outcome": after.get("outcome"), "outcome_at": outcome.at if outcome else None, "outcome_by": after.get("by"),
        "outcome_figures": after.get("figures", {}), "outcome_digest": after.get("digest"), "role": role_of(facts.get("on", "")), "link": facts.get("on", ""),
    }  # fmt: skip


DECISIONS = Page(
    path="/decisions",
    name="Decisions",
    room="signal",
    right=Right.SIGNAL,
    template="signal/decisions.html",
    read=read_decisions,
)
