"""All findings of the last seven days, with what people said of them, the most pressing first.

Owns the stretch of time and which questions are asked. Reads only. Role: for the algorithm.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Any

from twofold.collect.doors.seen import META as SEEN
from twofold.collect.doors.seen import decode_seen
from twofold.ledger.policy import OrderPolicy
from twofold.report.kept import FINDING, kept
from twofold.report.period import Journal, journal_of
from twofold.report.quality import quality
from twofold.report.senders import senders
from twofold.report.told import told_orders
from twofold.report.value_check import check_values
from twofold.router.consequences import with_consequences
from twofold.router.finding import Finding, with_states
from twofold.router.rules.came import findings_of_door, findings_of_keys, findings_of_senders
from twofold.router.rules.drift import events_by_day, findings_of_drift
from twofold.router.rules.ending import META as SAID
from twofold.router.rules.ending import TokenInUse, decode_said, findings_of_tokens
from twofold.router.rules.left import findings_of_left, findings_of_waiting
from twofold.router.rules.page_money import findings_of_page_money
from twofold.router.rules.placed import findings_of_orders, findings_of_values
from twofold.router.rules.reading import read_signals
from twofold.router.rules.restated import findings_of_restated, read_words
from twofold.router.rules.sides import findings_of_shares
from twofold.router.rules.strangers import findings_of_strangers
from twofold.router.rules.times import findings_of_times
from twofold.router.rules.traces import (
    findings_of_clicks,
    findings_of_test_codes,
    findings_of_tests,
    findings_of_topics,
)
from twofold.schema.watch import META as SCHEMA_SEEN
from twofold.schema.watch import decode_seen as decode_schema_seen
from twofold.senders.expectation import Expectation, expectations
from twofold.senders.observed import kept_looks
from twofold.store.lines.reading import OpenLines

DAYS = 7
PERIOD_S = DAYS * 86_400


def findings_of(
    folder: Path | str,
    policy_of: Callable[[str], OrderPolicy],
    now: int,
    *,
    dataset: str | None,
    tested: bool,
    coded: Collection[str] = (),
    tokens: Sequence[TokenInUse] = (),
) -> list[Finding]:
    """Every finding of the last `DAYS` days. ``tested``: what is sent goes to this machine only. ``coded``: destinations
    whose settings put a test code on everything. ``tokens``: those that destinations send with."""
    since = now - PERIOD_S
    orders = list(told_orders(folder, policy_of, since, now + 1, now, dataset))
    found = [
        *findings_of_orders(orders),
        *findings_of_values(list(check_values(folder, policy_of, now, dataset=dataset, since_s=since)), orders),
    ]
    cells = senders(folder, since * 1000, now * 1000 + 1000, (since - PERIOD_S) * 1000, dataset=dataset)
    rows = quality(folder, now * 1000, period_ms=PERIOD_S * 1000, dataset=dataset, sample=0)
    with journal_of(folder) as journal:
        span = journal.positions(since * 1000, now * 1000 + 1000)
        found += findings_of_left(journal, span, dataset, tested=tested)
        found += findings_of_waiting(_waiting(journal), now)
        found += findings_of_door(journal, since * 1000, dataset)
        signals = read_signals(journal, now, dataset)
        found += findings_of_topics(_seen(journal), orders, now)
        seen = decode_schema_seen(journal.note(SCHEMA_SEEN))
        found += findings_of_drift(seen, lambda: events_by_day(journal, now), now, dataset)
        found += findings_of_tokens(tokens, decode_said(journal.note(SAID)), now, dataset)
    with OpenLines(folder) as lines:
        found += findings_of_restated(read_words(lines, now))
    found += findings_of_shares(signals)
    found += findings_of_page_money(signals)
    found += findings_of_times(signals)
    found += findings_of_test_codes(signals, coded)
    found += findings_of_tests(signals, orders)
    found += findings_of_clicks(signals)
    found += findings_of_senders(cells, now)
    found += findings_of_strangers(cells, kept_looks(folder, since), _expected(folder, dataset))
    found += findings_of_keys(rows, since, now)
    return with_states(with_consequences(found), kept(folder, FINDING), now)


def _expected(folder: Path | str, dataset: str | None) -> dict[str, Expectation]:
    return {name: hope for name, hope in expectations(folder).items() if dataset in (None, name)}


def _waiting(journal: Any) -> list[dict[str, Any]]:
    names = ("destination", "paused", "count", "since")
    rows = [dict(zip(names, row, strict=True)) for row in journal.run("console_waiting")]
    return [{**row, "since": row["since"] // 1000, "paused": row["paused"] or ""} for row in rows]


def _seen(journal: Journal) -> dict[str, dict[str, int]]:
    """Which webhook topics came last when (ms), by path."""
    kept = decode_seen(journal.note(SEEN))
    return {path: dict(one.topics) for path, one in kept.items()}
