"""Chain, the orders of one of its terms, Cash, and Day: where the money is, as the commands tell it.

Owns what each page asks and shows. What is heavy is worked out by a child process (`console.money`). Days are those of the
reports' zone. Role: for the business, but for what platforms were told.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from twofold.console.access.roles import Right, may
from twofold.console.money.making import UNDER_WAY, bring_tables
from twofold.console.money.task import Task, ask
from twofold.console.pages.page import SHOWN, Asked, NotHere, Page, Shown
from twofold.console.queries.period import Period, start_of
from twofold.console.sums.keeper import NotYet
from twofold.errors import FactsError, StoreError
from twofold.facts.engine import Where
from twofold.facts.manifest import read_manifest
from twofold.policies import analytics_of, day_task
from twofold.report.period import journal_of

CHAIN_COLUMNS = ("row", "group", "role", "link", "reason", "start", "end", "delivered", "collected", "name", "of", "count",
                 "amount", "before", "sent", "value", "unit", "oldest_days", "expected")  # fmt: skip
CASH_COLUMNS = ("row", "who", "where", "id", "count", "amount", "currency", "oldest_days", "expected", "late",
                "late_amount", "at", "declared", "lines", "difference", "paid", "role", "link")  # fmt: skip
DAY_COLUMNS = ("row", "witness", "name", "reason", "way", "count", "amount", "role", "orders", "share", "band_low",
               "band_high", "timezone", "window")  # fmt: skip
TERM_COLUMNS = ("dataset", "order_id", "number", "placed_at", "method", "station", "courier", "total", "amount", "currency", "role",
                "link")  # fmt: skip

VIEWS = ("cohort", "booked")
BY = ("day", "week", "month", "channel", "method", "source", "sale", "currency")
LINKS = ("placed", "confirmed", "shipped", "delivered", "collected", "banked")
SIGNAL_WITNESSES = ("meta", "ga4", "log")
HIDDEN_WITHOUT_MONEY = ("bank", "books")


def task_of(asked: Asked, what: str, **more: Any) -> Task:
    """What a child is told, with the settings as a command reads them."""
    return Task(**{"what": what, "base": day_task(asked.settings, asked.now), "as_of": asked.now, **more})


def of_tables(asked: Asked, what: str, patience_s: float | None = None, **more: Any) -> dict[str, Any]:
    """The answer to a task that asks the derived tables: as they are now, and where that takes long or cannot be, as they are. The same
    tables and files give all who ask on one day the same answer, so it is worked out once; where they changed, the answer from before
    stands until the next is there.

    ``tables_at`` says of when they are, ``tables_why`` why they are not of now, ``stands`` of which moment the answer is. ``patience_s``:
    of a page of which this is a part; a whole one has the reader's. Raises `NotYet` where the first tables are being made, and for who has
    less patience than it takes.
    """
    is_part, patience_s = patience_s is not None, asked.patience_s if patience_s is None else patience_s
    analytics = analytics_of(asked.settings)
    known, why = None, ""
    try:
        why = bring_tables(asked.settings, read_manifest(analytics.files) is not None, patience_s)
        known = read_manifest(analytics.files)
    except (FactsError, OSError) as err:
        why = str(err)
    task = task_of(asked, what, tables=Where.of(analytics), **more)
    try:
        if known is None and not is_part:
            return {**_answer(task), "tables_why": why}
        if known is None:
            raise NotYet(0) if why in ("", UNDER_WAY) else StoreError(why)
        moment = task.as_of if task.as_of != asked.now else _today(asked)
        others = sorted((name, value) for name, value in more.items() if name != "as_of")
        question = (what, _last_file(asked), moment, *others)
        told = asked.remembered.ask_of(question, (known.store, known.number), lambda: _answer(task), patience_s)
    except StoreError as err:
        if why == UNDER_WAY:
            raise NotYet(0) from None
        raise StoreError(why or str(err)) from None
    if told is None:
        raise NotYet(0)
    answer, is_newest = told
    return {**answer, "tables_why": why if is_newest else why or UNDER_WAY}


def _last_file(asked: Asked) -> int:
    """What was imported last: some of it, as what a platform claims, stands beside the tables."""
    with journal_of(asked.folder) as journal:
        return int(journal.run("next_line_file")[0][0])


def _answer(task: Task) -> dict[str, Any]:
    return {**ask(task), "stands": task.as_of}


def _today(asked: Asked) -> date:
    return datetime.fromtimestamp(asked.now, ZoneInfo(asked.settings.chain.timezone)).date()


def _cohort(asked: Asked) -> tuple[dict[str, Any], dict[str, Any]]:
    """What the addresses of Chain say: for the task, and for the page."""
    zone = asked.settings.chain.timezone
    period = asked.period("28", zone)
    today = _today(asked)
    as_of = asked.day("as_of", today, today)
    moment = asked.now if as_of == today else start_of(as_of + timedelta(days=1), ZoneInfo(zone)) - 1
    view, by = asked.one_of("view", VIEWS) or "cohort", asked.one_of("by", BY)
    task = {**cohort_of(period, moment, asked.dataset()), "view": view, "by": by}
    shown = {
        "period": period, "usual_period": "28", "own_zone": zone, "as_of": moment, "as_of_day": as_of, "today": today,
        "view": view, "by": by, "views": VIEWS, "bys": BY,
    }  # fmt: skip
    return task, shown


def cohort_of(period: Period, moment: int, dataset: str | None) -> dict[str, Any]:
    """What the chain is asked of a period's orders, in no groups."""
    return {
        "since": period.first.isoformat(), "until": period.last.isoformat(), "as_of": moment, "view": VIEWS[0], "by": "", "dataset": dataset,
    }  # fmt: skip


def read_chain(asked: Asked) -> Shown:
    """The staircase with what is lost and open after each link, the matrix, groups and margin."""
    task, shown = _cohort(asked)
    answer = of_tables(asked, "chain", **task)
    rows = answer["rows"]
    whole = [row for row in rows if not row.get("group")]
    links = {row["link"]: row for row in whole if row["row"] == "link"}
    stairs = [
        {"link": link, "row": links[link],
         "lost": [r for r in whole if r["row"] == "leak" and r["link"] == link],
         "open": [r for r in whole if r["row"] == "open" and r["link"] == link]}
        for link in ("signalled", *LINKS) if link in links
    ]  # fmt: skip
    groups: dict[str, dict[str, Any]] = {}
    for row in rows:
        if row.get("group") and row["row"] == "link":
            groups.setdefault(row["group"], {})[row["link"]] = row
    return Shown(
        columns=CHAIN_COLUMNS,
        rows=rows,
        about={
            "since": task["since"], "until": task["until"], "timezone": shown["own_zone"], "view": task["view"],
            "currency": answer["currency"], "stands": answer["stands"], "missing": answer["missing"], "tables_at": answer["tables_at"],
        },
        figures={
            **shown, "as_of": answer["stands"], "stairs": stairs, "groups": groups, "currency": answer["currency"], "balanced": answer["balanced"],
            "missing": answer["missing"], "links": LINKS, "tables_at": answer["tables_at"], "tables_why": answer["tables_why"],
            "cells": {(r["delivered"], r["collected"]): r for r in whole if r["row"] == "matrix"},
            "bridges": [r for r in whole if r["row"] == "bridge"],
            "residuals": [r for r in whole if r["row"] == "residual"],
            "metrics": [r for r in whole if r["row"] == "metric" and r["value"] is not None],
        },
    )  # fmt: skip


def read_term(asked: Asked) -> Shown:
    """The orders behind a term of the chain's cohort; their amounts add up to it."""
    task, shown = _cohort(asked)
    term, group = asked.choices.get("term", ""), asked.choices.get("group", "")
    where, _, reason = term.partition(":")
    if where not in ("link", "matrix", *LINKS) or not reason or len(term) > 60 or len(group) > 200:
        raise NotHere
    start = asked.number("after")
    answer = of_tables(
        asked, "term", **{**task, "view": "cohort", "term": term, "group": group, "after": start, "most": SHOWN}
    )
    of = answer["of"]
    link = reason if where == "link" else "delivered" if where == "matrix" else where
    rows = [{**o, "currency": answer["currency"], "role": "truth", "link": link} for o in answer["orders"]]
    return Shown(
        columns=TERM_COLUMNS,
        rows=rows,
        about={"term": term, "orders": of, "amount": answer["amount"], "after": start, "tables_at": answer["tables_at"]},
        figures={
            **shown, "orders": rows, "of": of, "amount": answer["amount"], "currency": answer["currency"],
            "term": term, "where": where, "reason": reason, "group": group, "start": start,
            "next": start + SHOWN if start + SHOWN < of else None,
            "tables_at": answer["tables_at"], "tables_why": answer["tables_why"],
        },
    )  # fmt: skip


def read_cash(asked: Asked) -> Shown:
    """Who has how much of the shop's money; what does not close; what nobody knows."""
    answer = of_tables(asked, "cash", dataset=asked.dataset())
    currency = answer["currency"]
    rows: list[Mapping[str, Any]] = [
        *({"row": "owed", "currency": currency, "role": "truth", "link": "collected", **one} for one in answer["owed"]),
        *({"row": "batch", "role": "truth", "link": "banked", **one, "who": one["source"], "where": one["kind"]}
          for one in answer["batches"]),
        *({"row": "unmatched", "role": "truth", "link": "banked", **one, "id": one["line"]} for one in answer["unmatched"]),
    ]  # fmt: skip
    most = max((abs(float(one["amount"])) for one in answer["owed"]), default=0.0)
    return Shown(
        columns=CASH_COLUMNS,
        rows=rows,
        about={"currency": currency, "timezone": asked.settings.chain.timezone, "tables_at": answer["tables_at"]},
        figures={**answer, "most": most, "own_zone": asked.settings.chain.timezone},
    )


def read_day(asked: Asked) -> Shown:
    """Four witnesses, and the way from the day's orders to each."""
    today = _today(asked)
    day = asked.day("day", today - timedelta(days=1), today)
    answer = of_tables(asked, "day", since=day.isoformat(), dataset=asked.dataset())
    with_money = may(asked.session.person.role, Right.MONEY)
    cohort = [one for one in answer["cohort"] if with_money or one["who"] not in HIDDEN_WITHOUT_MONEY]
    rows: list[Mapping[str, Any]] = [
        {"row": "witness", "witness": w["source"], "role": "signal" if w["source"] in SIGNAL_WITNESSES else "truth",
         **{name: w[name] for name in ("count", "amount", "timezone", "window")}}
        for w in answer["witnesses"]
    ]  # fmt: skip
    for bridge in answer["bridges"]:
        rows += [
            {"row": "sum" if line["sum"] else "reason", "witness": bridge["witness"], "name": line["sum"], **line}
            for line in bridge["lines"]
        ]
        rows.append({
            "row": "residual", "witness": bridge["witness"], "count": bridge["residual_count"],
            "amount": bridge["residual"], **{name: bridge[name] for name in ("share", "band_low", "band_high")},
        })  # fmt: skip
    rows += [
        {"row": "cohort", "name": c["who"], **{k: c[k] for k in ("count", "amount", "role", "link")}} for c in cohort
    ]
    return Shown(
        columns=DAY_COLUMNS,
        rows=rows,
        about={"day": day.isoformat(), "currency": answer["currency"], "timezone": asked.settings.chain.timezone},
        figures={
            **answer, "cohort": cohort, "undelivered": answer["undelivered"] if with_money else None, "day": day, "today": today, "own_zone": asked.settings.chain.timezone,
            "before": day - timedelta(days=1), "after": day + timedelta(days=1) if day < today else None,
            "most": max((abs(float(w["amount"])) for w in answer["witnesses"] if w["amount"] is not None), default=0.0),
        },
    )  # fmt: skip


def _page(path: str, name: str, template: str, read: Any, right: Right = Right.MONEY) -> Page:
    return Page(path=path, name=name, room="money", right=right, template=template, read=read, heavy=True)


CHAIN = _page("/chain", "Chain", "chain.html", read_chain)
TERM = _page("/chain/orders", "", "term.html", read_term)
CASH = _page("/cash", "Cash", "cash.html", read_cash)
DAY = _page("/day", "Day", "day.html", read_day, Right.DAY)
