"""One day as its four witnesses tell it, for its page. Reads only: versions that are due are kept by the gateway."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from twofold.console.money.task import Task
from twofold.reconcile.day.report import share_of
from twofold.reconcile.day.values import Bridge, Sum
from twofold.reconcile.reading.day import Platform
from twofold.reconcile.reading.witnesses import Answer, Question, witnesses_of


def day(task: Task) -> dict[str, Any]:
    """Witnesses, bridges with their residual and band, claims, and the same orders' money."""
    base = task.base
    question = Question(
        day=task.since, as_of=task.as_of, rules=base.rules, zone=ZoneInfo(base.zone), zone_name=base.zone, zones=base.zones,
        platform=Platform(destinations=frozenset(base.destinations), banners=frozenset(base.banners),
                          by_click_day=base.by_click_day),
        dataset=task.dataset, keep=False,
    )  # fmt: skip
    seen: list[int] = []
    answer = witnesses_of(Path(base.data), question, task.asking(seen))
    report = answer.report
    return {
        "tables_at": min(seen, default=0),
        "currency": report.currency,
        "witnesses": [
            {"source": r.source, "count": r.count, "amount": r.amount, "original_amount": r.original_amount,
             "original_currency": r.original_currency, "timezone": r.zone, "window": r.window, "fetched_at": r.fetched_at}
            for r in report.reports
        ],
        "bridges": [_bridge(b, answer) for b in report.bridges],
        "claims": report.claims,
        "cohort": report.cohort,
        "undelivered": report.undelivered,
        "young": report.young,
        "notes": report.notes,
    }  # fmt: skip


def _bridge(bridge: Bridge, answer: Answer) -> dict[str, Any]:
    band = answer.bands[bridge.witness]
    lines = [
        {"sum": line.name, "count": line.count, "amount": line.amount, "orders": []} if isinstance(line, Sum)
        else {"sum": "", "reason": line.reason, "way": line.way, "count": line.count, "amount": line.amount,
              "orders": line.orders}
        for line in bridge.lines
    ]  # fmt: skip
    return {
        "witness": bridge.witness, "lines": lines, "count": bridge.count, "amount": bridge.amount,
        "residual_count": bridge.residual_count, "residual": bridge.residual, "share": share_of(bridge),
        "band_low": band.low, "band_high": band.high, "band_own": band.own, "alarm": band.alarm,
        "possible": bridge.possible,
    }  # fmt: skip
