"""The tables of docs/sandbox.md, made from the code: ``python -m twofold.sandbox.judge.reference docs/sandbox.md``.

Owns their form. A test compares the page with what this makes, so the page cannot disagree with the code.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path

from twofold.sandbox.judge.diagnostics import CATALOGUE
from twofold.sandbox.wire.answers import TABLE
from twofold.sandbox.wire.dedup import MEANING


def refusals_table() -> str:
    """Every refusal: HTTP status, code, subcode, title or message, and whose numbers they are."""
    rows = ["| HTTP | code | subcode | title or message | numbers |", "|---|---|---|---|---|"]
    for answer in sorted(TABLE.values(), key=lambda a: (a.code, a.subcode or 0)):
        subcode = "–" if answer.subcode is None else str(answer.subcode)
        text = answer.title or answer.message.replace("{subject}", "…").replace("{method}", "…")
        rows.append(f"| {answer.status} | {answer.code} | {subcode} | {text} | {answer.origin} |")
    return "\n".join(rows)


def diagnostics_table() -> str:
    """Every identifier: whose events, effect, and what to do."""
    rows = ["| identifier | events of | effect | what to do |", "|---|---|---|---|"]
    rows += [f"| `{d.name}` | {d.side} | {d.effect} | {d.what_to_do} |" for d in CATALOGUE.values()]
    return "\n".join(rows)


def reasons_table() -> str:
    """Every reason a copy was kept or dropped for."""
    return "\n".join(
        ["| reason | meaning |", "|---|---|", *(f"| `{name}` | {text} |" for name, text in MEANING.items())]
    )


TABLES: dict[str, Callable[[], str]] = {
    "refusals": refusals_table,
    "diagnostics": diagnostics_table,
    "reasons": reasons_table,
}


def with_tables(page: str) -> str:
    """The page with every table between its markers made anew. Raises `KeyError` for a marker without a table."""

    def fresh(match: re.Match[str]) -> str:
        return f"<!-- table: {match[1]} -->\n{TABLES[match[1]]()}\n<!-- end -->"

    return re.sub(r"<!-- table: (\w+) -->\n.*?<!-- end -->", fresh, page, flags=re.DOTALL)


if __name__ == "__main__":
    path = Path(sys.argv[1])
    path.write_text(with_tables(path.read_text(encoding="utf-8")), encoding="utf-8")
