"""Matching: which money waits for a person's word, what could it be, and what was said so far?

Owns the list with its filter, and the page of one line or batch. What is open stands in the derived tables; what of it is shown is
matched by a child process (`console.money.matching`), with what it could be. Role: for the business.
"""

from __future__ import annotations

from typing import Any

from twofold.console.access.roles import Right, may
from twofold.console.pages.money import of_tables
from twofold.console.pages.page import SHOWN, Asked, NotHere, Page, Shown

KINDS = ("in", "out", "line", "batch", "word")
COLUMNS = ("what", "name", "at", "source", "account", "kind", "amount", "open", "currency", "text", "reference", "batch", "why", "rule",
           "candidates", "to", "by", "undo", "role", "link")  # fmt: skip
CANDIDATE_COLUMNS = ("what", "line", "to", "number", "order_id", "dataset", "amount", "currency", "at", "why", "fits", "rule", "trust",
                     "evidence", "by", "role", "link")  # fmt: skip
MOST_NAME = 200


def read_matching(asked: Asked) -> Shown:
    """What is open, money that came in first; what people said."""
    what = asked.one_of("what", KINDS) or "in"
    everything = of_tables(asked, "waiting")
    counts = {kind: len(everything["words"] if kind == "word" else everything["names"][kind]) for kind in KINDS}
    start = asked.number("after")
    shown = _rows(asked, what, everything, start)
    return Shown(
        columns=COLUMNS,
        rows=[{**{name: row.get(name) for name in COLUMNS}, "role": "truth", "link": "banked"} for row in shown],
        about={"what": what, "counts": counts, "after": start, "timezone": asked.settings.chain.timezone},
        figures={
            "found": shown, "counts": counts, "kinds": KINDS, "what": what, "start": start, "of": counts[what],
            "next": start + SHOWN if start + SHOWN < counts[what] else None, "own_zone": asked.settings.chain.timezone,
            "tables_at": everything["tables_at"] or everything["stands"], "tables_why": everything["tables_why"],
        },
    )  # fmt: skip


def _rows(asked: Asked, what: str, everything: dict[str, Any], start: int) -> list[dict[str, Any]]:
    """Those that are shown, each with what it could be. What was paid since the list was made is left out."""
    if what == "word":
        words: list[dict[str, Any]] = everything["words"][start : start + SHOWN]
        refused = _answer(asked, tuple(word["name"] for word in words))["refused"] if words else {}
        return [
            {**word, "candidates": [], "why": "" if word["undo"] else refused.get(word["name"], "")} for word in words
        ]
    names = tuple(everything["names"][what][start : start + SHOWN])
    return [{**row, "what": what} for row in _answer(asked, names)["rows"]] if names else []


def _answer(asked: Asked, names: tuple[str, ...]) -> dict[str, Any]:
    return of_tables(asked, "matching", lines=names)


def read_one(asked: Asked) -> Shown:
    """One line or batch: what it pays and by which rule, what it could pay, and the forms."""
    name = asked.choices.get("name", "")
    if not name or len(name) > MOST_NAME:
        raise NotHere
    one = of_tables(asked, "matching", term=name)["one"]
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


MATCHING = Page(path="/matching", name="Matching", room="money", right=Right.MONEY, template="books/matching.html",
                read=read_matching, heavy=True)  # fmt: skip
ONE = Page(
    path="/matching/one", name="", room="money", right=Right.MONEY, template="books/one.html", read=read_one, heavy=True
)
