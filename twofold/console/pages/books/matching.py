"""Matching: which money waits for a person's word, what could it be, and what was said so far?

Owns the list with its filter, and the page of one line or batch. What is open and what fits is worked out by a child process
(`console.money.matching`). Role: for the business.
"""

from __future__ import annotations

from typing import Any

from twofold.console.access.roles import Right, may
from twofold.console.money.task import WITHIN_S, ask
from twofold.console.pages.money import task_of
from twofold.console.pages.page import SHOWN, Asked, NotHere, Page, Shown
from twofold.console.sums.keeper import NotYet
from twofold.report.period import journal_of

KINDS = ("in", "out", "line", "batch", "word")
COLUMNS = ("what", "name", "at", "source", "account", "kind", "amount", "open", "currency", "text", "reference", "batch", "why", "rule",
           "candidates", "to", "by", "undo", "role", "link")  # fmt: skip
CANDIDATE_COLUMNS = ("what", "line", "to", "number", "order_id", "dataset", "amount", "currency", "at", "why", "fits", "rule", "trust",
                     "evidence", "by", "role", "link")  # fmt: skip
MOST_NAME = 200


def read_matching(asked: Asked) -> Shown:
    """What is open, money that came in first; what people said."""
    what = asked.one_of("what", KINDS) or "in"
    answer = _everything(asked)
    every = [{**row, "what": _kind(row)} for row in answer["rows"]] + [
        {**row, "candidates": []} for row in answer["words"]
    ]
    counts = {kind: sum(row["what"] == kind for row in every) for kind in KINDS}
    chosen = [row for row in every if row["what"] == what]
    start = asked.number("after")
    shown = chosen[start : start + SHOWN]
    return Shown(
        columns=COLUMNS,
        rows=[{**{name: row.get(name) for name in COLUMNS}, "role": "truth", "link": "banked"} for row in shown],
        about={"what": what, "counts": counts, "after": start, "timezone": asked.settings.chain.timezone},
        figures={
            "found": shown, "counts": counts, "kinds": KINDS, "what": what, "start": start, "of": len(chosen),
            "next": start + SHOWN if start + SHOWN < len(chosen) else None, "own_zone": asked.settings.chain.timezone,
            "tables_at": answer["stands"], "tables_why": "",
        },
    )  # fmt: skip


def _everything(asked: Asked) -> dict[str, Any]:
    """All that is open: worked out once for whoever looks at whatever part of it, as long as no file, word or report of an order came."""
    task = task_of(asked, "matching")
    with journal_of(asked.folder) as journal:
        came = journal.run("next_line_file")[0][0], journal.run("console_ends")[0][0]
    told: tuple[dict[str, Any], bool] | None = asked.remembered.ask_of(
        ("matching",), came, lambda: {**ask(task), "stands": task.as_of}, WITHIN_S
    )
    if told is None:
        raise NotYet(0)
    return told[0]


def read_one(asked: Asked) -> Shown:
    """One line or batch: what it pays and by which rule, what it could pay, and the forms."""
    name = asked.choices.get("name", "")
    if not name or len(name) > MOST_NAME:
        raise NotHere
    one = ask(task_of(asked, "matching", term=name))["one"]
    if one is None:
        raise NotHere
    link = {"role": "truth", "link": "banked"}
    rows: list[dict[str, Any]] = [
        *({"what": "pays", **paid, **link} for paid in one["pays"]),
        *({"what": "candidate", "line": name, **fits, **link} for fits in one["candidates"]),
    ]
    return Shown(
        columns=CANDIDATE_COLUMNS,
        rows=rows,
        about={key: one[key] for key in ("what", "name", "at", "source", "kind", "amount", "open", "currency", "why")},
        figures={
            "one": one, "may_say": may(asked.session.person.role, Right.BOOKS), "own_zone": asked.settings.chain.timezone,
        },
    )  # fmt: skip


def _kind(row: dict[str, Any]) -> str:
    if row["what"] == "bank":
        return "out" if row["amount"].startswith("-") else "in"
    return str(row["what"])


MATCHING = Page(path="/matching", name="Matching", room="money", right=Right.MONEY, template="books/matching.html",
                read=read_matching, heavy=True)  # fmt: skip
ONE = Page(
    path="/matching/one", name="", room="money", right=Right.MONEY, template="books/one.html", read=read_one, heavy=True
)
