"""What campaigns brought, and what customers came to be worth, for their pages.

Owns nothing but the way from a task to the report: what is worked out is `attribution`'s, as the commands have it.
"""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

from twofold.attribution.report import cohort_rows, credited_orders, read_cohorts, report_attribution
from twofold.attribution.surveys import read_survey, survey_rows
from twofold.attribution.table import Asked
from twofold.console.money.task import Task

MOST_ANSWERS = 30
"""Answers that a page lists; the command tells all."""


def campaigns(task: Task) -> dict[str, Any]:
    """The rows of the table, what is wrong with how campaigns are named, and beside them what buyers answered."""
    rules = task.base.rules
    asked = Asked(
        since=task.since, until=task.until, by=task.by, model=task.view, click_days=task.window, currency=rules.currency,
        least_costed=rules.least_costed,
    )  # fmt: skip
    seen: list[int] = []
    ask = task.asking(seen)
    report = report_attribution(
        task.base.data, asked, rules, ZoneInfo(task.base.zone), task.as_of, ask, dataset=task.dataset
    )
    whole, channels, said = survey_rows(read_survey(asked, dict(task.answers), task.as_of, ask, task.dataset))
    return {
        "rows": report.rows, "findings": report.findings, "currency": report.currency, "missing": report.missing,
        "survey": {**whole, "channels": channels, "said": said[:MOST_ANSWERS]}, "tables_at": min(seen, default=0),
    }  # fmt: skip


def credited(task: Task) -> dict[str, Any]:
    """The orders behind a figure: of the row ``group`` at the link ``term``."""
    rules = task.base.rules
    asked = Asked(
        since=task.since, until=task.until, by=task.by, model=task.view, click_days=task.window, currency=rules.currency,
        least_costed=rules.least_costed,
    )  # fmt: skip
    seen: list[int] = []
    found = credited_orders(
        asked,
        task.group,
        task.term,
        task.as_of,
        task.asking(seen),
        history_days=rules.history_days,
        dataset=task.dataset,
        most=task.most,
    )
    return {**{name: getattr(found, name) for name in found.__struct_fields__}, "tables_at": min(seen, default=0)}


def customers(task: Task) -> dict[str, Any]:
    """The cohorts by month of the first delivered order."""
    seen: list[int] = []
    found, currency = read_cohorts(
        task.base.data, task.base.rules, ZoneInfo(task.base.zone), task.as_of, task.asking(seen), dataset=task.dataset
    )
    return {
        "rows": cohort_rows(found, currency, revenue=False), "currency": currency, "tables_at": min(seen, default=0),
    }  # fmt: skip
