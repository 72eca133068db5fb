"""What people said through the console and commands and was kept in the chained log: decisions, findings, figures, evidence.

Owns reading such entries again. The log is append-only: a later entry about the same thing stands above an earlier one.
Who said it is in each entry under ``by``. Writing is `acts.noting` of the console, and `acceptance.run`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from twofold.report.period import journal_of

FINDING = "finding"  # what becomes of a finding: mended, accepted, opened again
DECISION = "decision"  # what was decided on which figures
OUTCOME = "decision_outcome"  # what became of it
PLATFORM_FIGURE = "platform_figure"  # what the platform itself shows, typed in
EVENT_OWNER = "event_owner"  # which sender an event is meant to come from
SENDER_EXPECTED = "sender_expected"  # which sender is expected to send an event, or not
SENDERS_SEEN = "senders_seen"  # what pages and a browser showed of who sends
TEST_PURCHASE = "test_purchase"  # a test purchase was started
EVIDENCE = "evidence"  # what came of it, kept
ACCEPTANCE_RUN = "acceptance_run"  # an acceptance run was begun, with its plan
ACCEPTANCE_STEP = "acceptance_step"  # what somebody did or saw in one
ACCEPTANCE_WALK = "acceptance_walk"  # what a browser that walked one saw
ACCEPTANCE_OVERRULE = "acceptance_overrule"  # a criterion of one was overruled
ACCEPTANCE_PACKET = "acceptance_packet"  # its packet was signed: the digest, go or stop


class Kept(Struct, frozen=True, kw_only=True):
    """One entry. ``at`` in Unix s."""

    number: int
    at: int
    facts: dict[str, Any]


def kept(folder: Path | str, kind: str) -> list[Kept]:
    """The entries of a kind, the oldest first."""
    with journal_of(folder) as journal:
        rows = journal.run("audit_of_kind", (kind,))
    return [Kept(number=n, at=at // 1000, facts=msgspec.json.decode(facts)) for n, at, facts in rows]
