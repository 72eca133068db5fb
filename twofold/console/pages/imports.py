"""Imports: did my file arrive, and what was in it?

Owns the list of files about money, advertising and parcels. What of a file was refused stood in the command's answer; here
is how much. Role: for the business.
"""

from __future__ import annotations

from typing import Any

from twofold.console.access.roles import Right
from twofold.console.pages.page import SHOWN, Asked, Page, Shown
from twofold.store.lines.reading import OpenLines

COLUMNS = ("imported_at", "kind", "format", "since", "until", "total", "new", "known", "updated", "refused", "unbalanced",
           "sha256")  # fmt: skip


def read_imports(asked: Asked) -> Shown:
    """The files, the newest first."""
    with OpenLines(asked.folder) as reader:
        found = list(reader.files())[::-1]
    kind = asked.one_of("kind", sorted({str(file["kind"]) for file in found}))
    chosen = [file for file in found if not kind or file["kind"] == kind]
    start = asked.number("after")
    rows: list[dict[str, Any]] = [{name: f.get(name) for name in COLUMNS} for f in chosen[start : start + SHOWN]]
    return Shown(
        columns=COLUMNS,
        rows=rows,
        in_ms=("imported_at",),
        about={"files": len(chosen), "after": start},
        figures={
            "files": rows, "kinds": sorted({str(file["kind"]) for file in found}), "kind": kind, "start": start,
            "of": len(chosen), "next": start + SHOWN if start + SHOWN < len(chosen) else None,
        },
    )  # fmt: skip


IMPORTS = Page(
    path="/imports", name="Imports", room="money", right=Right.MONEY, template="imports.html", read=read_imports
)
