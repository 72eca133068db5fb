"""A dropped file: what it is, what it would change, and what it did. The first hundred rows that were not understood.

Owns the page of one file. It is its person's alone, and there for some minutes. Role: for the business.
"""

from __future__ import annotations

from copy import copy
from typing import Any

from twofold.console.access.roles import Right
from twofold.console.pages.page import Asked, NotHere, Page, Shown
from twofold.importing.guess import EVERY_KIND, ORDERS, SALES

COLUMNS = ("what", "kind", "line", "column", "reason", "expected", "got", "id", "currency", "opening", "entries", "closing", "difference",
           "role", "link")  # fmt: skip
ABOUT = ("kind", "format", "title", "digest", "total", "new", "known", "updated", "since", "until")
_ENDS = {"role": "truth", "link": "banked"}


def read_drop(asked: Asked) -> Shown:
    """How far it is, or what it came to."""
    held = asked.drops.of(asked.session.person.id, asked.path["token"])
    if held is None:
        raise NotHere
    # As it stands now: it goes on while the page is made, which would say one thing and promise another.
    drop = copy(held)
    answer = drop.answer if drop.state in ("seen", "keeping", "kept") else {}
    rows: list[dict[str, Any]] = [
        *({"what": "row", **problem, **_ENDS} for problem in answer.get("problems", [])),
        *({"what": "unbalanced", "kind": one["what"], **{k: v for k, v in one.items() if k != "what"}, **_ENDS}
          for one in answer.get("unbalanced", [])),
    ]  # fmt: skip
    kind = drop.chosen.get("kind") or answer.get("kind") or (drop.guesses[0]["kind"] if drop.guesses else "")
    return Shown(
        columns=COLUMNS,
        rows=rows,
        again_s=2 if drop.is_busy else 0,
        about={"state": drop.state, "file": drop.name, "bytes": drop.size, "why": drop.why, **{n: answer.get(n) for n in ABOUT}},
        figures={
            "drop": drop, "answer": answer, "kinds": EVERY_KIND, "kind": kind, "own_zone": asked.settings.chain.timezone,
            "of_orders": kind in (ORDERS, SALES), "mappings": [m.name for m in asked.settings.imports],
            "refused": sum(answer.get("refused", {}).values()), "warned": sum(answer.get("warnings", {}).values()),
        },
    )  # fmt: skip


DROP = Page(
    path="/imports/file/{token}", name="", room="money", right=Right.BOOKS, template="books/drop.html", read=read_drop
)
