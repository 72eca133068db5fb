"""Campaigns and Customers: which campaign earns, and whether customers come back. The commands' own figures.

Owns what each page asks, which orders a figure leads to, and who sees which figure: without the right to money a reader has ratios, the contribution and the
verdict, and no line of the bank.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from twofold.console.access.roles import Right, may
from twofold.console.pages.money import of_tables
from twofold.console.pages.page import SHOWN, Asked, NotHere, Page, Shown, UnknownChoice
from twofold.console.queries.period import Period
from twofold.console.queries.standing import not_yet
from twofold.touch.channels import CHANNELS

MODELS = ("last", "last_paid", "first", "linear", "position", "time_decay")
GROUPS = ("campaign", "adset", "ad", "channel", "source", "landing", "device", "country", "new_or_returning", "product")
WINDOWS = ("1", "7", "28", "30", "90")
USUAL_WINDOW = "7"
OF_MONEY = ("banked", "margin")
"""What only those see who may see money."""
FIGURES = ("orders", "placed", "delivered", "true", "banked", "margin")
"""Figures of a row that lead to their orders: all of them, or those that have something at a link."""
SUMMED = ("orders", "spend", "claimed_value", "placed", "delivered", "true", "banked", "margin", "open")
"""Figures of rows that add up."""
OF_NO_ORDER = ("unattributed:erased", "unattributed:no_order")
"""Rows of which no order is left, or never was."""
MOST_GROUP = 600
MOST_AFTER = 5_000
"""Rows that can be paged through: whoever wants more takes a shorter period."""
BEHIND_COLUMNS = (
    "dataset", "order_id", "number", "day", "placed_at", "method", "station", "courier", "total", "part", "amount", "currency", "role",
    "link",
)  # fmt: skip
COLUMNS = ("group", "id", "platform", "mark", "model", "window_days", "orders", "by_shop", "customers_new", "spend", "claimed_count", "claimed_value",
           "platform_roas", "placed", "delivered", "true", "banked", "margin", "placed_roas", "delivered_roas", "true_roas",
           "true_roas_low", "true_roas_high", "banked_roas", "poas", "cm4", "break_even_roas", "overclaim", "cac", "open", "young", "expected",
           "few", "verdict", "more_orders", "role")  # fmt: skip
COHORT_COLUMNS = (
    "month",
    "customers",
    "of",
    "amounts",
    "value",
    "spend",
    "cac",
    "ltv_to_cac",
    "paid_back_in_month",
    "role",
    "link",
)


def _chosen(asked: Asked) -> tuple[dict[str, Any], dict[str, Any]]:
    """What the addresses say of both pages: for the task, and for the page."""
    zone = asked.settings.chain.timezone
    period = asked.period("28", zone)
    by, model = asked.one_of("by", GROUPS) or GROUPS[0], asked.one_of("model", MODELS) or MODELS[0]
    window = asked.one_of("window", WINDOWS) or USUAL_WINDOW
    task = _task_of(asked, period, by, model, window)
    shown = {
        "period": period, "usual_period": "28", "own_zone": zone, "by": by, "model": model, "window": window, "groups": GROUPS,
        "models": MODELS, "windows": WINDOWS, "channels": CHANNELS,
    }  # fmt: skip
    return task, shown


def _task_of(asked: Asked, period: Period, by: str, model: str, window: str) -> dict[str, Any]:
    return {
        "since": period.first.isoformat(), "until": period.last.isoformat(), "by": by, "view": model, "window": int(window),
        "dataset": asked.dataset(),
    }  # fmt: skip


def _with_answers(asked: Asked, task: dict[str, Any]) -> dict[str, Any]:
    """With what the shop says that answers of a survey mean."""
    return {**task, "answers": tuple(sorted(asked.settings.chain.answers.items()))}


def usual_credits(asked: Asked, period: Period) -> dict[str, Any]:
    """What is asked of a period's campaigns, as the page asks where nobody chose anything but the days."""
    return _with_answers(asked, _task_of(asked, period, GROUPS[0], MODELS[0], USUAL_WINDOW))


def read_campaigns(asked: Asked) -> Shown:
    """Each campaign with its cost, its platform's claim, what it really brought, and whether it earns."""
    task, shown = _chosen(asked)
    answer = of_tables(asked, "campaigns", **_with_answers(asked, task))
    with_money = may(asked.session.person.role, Right.MONEY)
    rows: list[Mapping[str, Any]] = [
        {
            **{name: row[name] for name in COLUMNS if name in row and (with_money or name not in OF_MONEY)},
            "role": "truth",
        }
        for row in answer["rows"]
    ]
    told = [row for row in rows if row["verdict"]]
    returns = [float(row[name]) for row in told for name in ("platform_roas", "true_roas") if row[name] is not None]
    return Shown(
        columns=tuple(name for name in COLUMNS if with_money or name not in OF_MONEY),
        rows=rows,
        about={
            "since": task["since"], "until": task["until"], "timezone": shown["own_zone"], "currency": answer["currency"],
            "model": shown["model"], "window_days": task["window"], "missing": {"rate": str(answer["missing"])},
            "total": _total(rows), "survey": answer["survey"], "tables_at": answer["tables_at"],
        },
        figures={
            "tables_at": answer["tables_at"], "tables_why": answer["tables_why"],
            "rows": rows, "total": _total(rows),
            "not_yet": not_yet(asked.settings.server.data, asked.now),
            **shown, "currency": answer["currency"], "findings": answer["findings"], "survey": answer["survey"], "with_money": with_money, "stands": answer["stands"],
            "of_no_order": OF_NO_ORDER, "dots": _dots(told),
            "told": told, "others": [row for row in rows if not row["verdict"]], "most": max(returns, default=0.0),
            "below": [row for row in told if row["verdict"] != "loses" and str(row.get("cm4") or "").startswith("-")],
            "earning": sum(row["verdict"] == "earns" for row in told), "losing": sum(row["verdict"] == "loses" for row in told),
        },
    )  # fmt: skip


def _total(rows: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """What all rows come to, of each figure that any of them has. There is no return of all together: most rows cost nothing."""
    told = {name: [Decimal(row[name]) for row in rows if row.get(name) is not None] for name in SUMMED}
    return {name: f"{sum(each):f}" for name, each in told.items() if each}


def _dots(told: list[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Of each row that has both: what the platform says it returned, and what it truly did, with the return at which it breaks even."""
    return [
        {
            "row": row, "claimed": float(row["platform_roas"]), "true": float(row["true_roas"]), "verdict": row["verdict"],
            "even": None if row["break_even_roas"] is None else float(row["break_even_roas"]),
        }
        for row in told
        if row["platform_roas"] is not None and row["true_roas"] is not None
    ]  # fmt: skip


def read_behind(asked: Asked) -> Shown:
    """The orders behind a figure of a row, as of the moment of the figure."""
    task, shown = _chosen(asked)
    with_money = may(asked.session.person.role, Right.MONEY)
    figure = asked.one_of("link", [name for name in FIGURES if with_money or name not in OF_MONEY]) or "orders"
    group = asked.choices.get("group", "")
    if not group or len(group) > MOST_GROUP or group in OF_NO_ORDER:
        raise NotHere
    stands = min(asked.number("as_of", asked.now), asked.now)
    start = asked.number("after")
    if start > MOST_AFTER:
        raise UnknownChoice("after", [f"a number up to {MOST_AFTER}"], str(start))
    answer = of_tables(asked, "credited", **task, group=group, term=figure, as_of=stands, most=start + SHOWN)
    link = "delivered" if figure in ("true", "delivered") else "placed" if figure == "orders" else figure
    own = {"currency": answer["currency"], "role": "truth", "link": link}
    rows = [{**row, **own} for row in answer["rows"][start : start + SHOWN]]
    return Shown(
        columns=BEHIND_COLUMNS,
        rows=rows,
        about={
            "since": task["since"], "until": task["until"], "timezone": shown["own_zone"], "group": group, "figure": figure,
            "model": shown["model"], "window_days": task["window"], "stands": stands, "currency": answer["currency"],
            "orders": answer["orders"], "part": answer["part"], "amount": answer["amount"], "tables_at": answer["tables_at"],
        },
        figures={
            "tables_at": answer["tables_at"], "tables_why": answer["tables_why"],
            **shown, "as_of": stands, "group": group, "figure": figure, "orders": rows, "of": answer["orders"], "part": answer["part"],
            "amount": answer["amount"], "currency": answer["currency"], "start": start, "called": asked.choices.get("called", "")[:200],
            "next": start + SHOWN if start + SHOWN < answer["orders"] else None,
        },
    )  # fmt: skip


def read_customers(asked: Asked) -> Shown:
    """A row a month of first orders: what one customer brought since, and when that paid for winning them."""
    answer = of_tables(asked, "customers", dataset=asked.dataset())
    rows = [{**row, "role": "truth", "link": "margin"} for row in answer["rows"]]
    return Shown(
        columns=COHORT_COLUMNS,
        rows=[{**row, **{n: " ".join(row[n]) for n in ("amounts", "value", "ltv_to_cac") if row[n]}} for row in rows],
        about={
            "currency": answer["currency"], "timezone": asked.settings.chain.timezone, "stands": answer["stands"],
            "tables_at": answer["tables_at"],
        },
        figures={
            "as_of": answer["stands"], "tables_at": answer["tables_at"], "tables_why": answer["tables_why"], "cohorts": rows, "currency": answer["currency"], "own_zone": asked.settings.chain.timezone,
            "months": max((len(row["value"]) for row in rows), default=0),
        },
    )  # fmt: skip


def _page(path: str, name: str, template: str, read: Any) -> Page:
    return Page(path=path, name=name, room="money", right=Right.CAMPAIGNS, template=template, read=read, heavy=True)


CAMPAIGNS = _page("/campaigns", "Campaigns", "campaigns.html", read_campaigns)
BEHIND = _page("/campaigns/orders", "", "credited.html", read_behind)
CUSTOMERS = _page("/customers", "Customers", "customers.html", read_customers)
