"""Loads store/sql/*.sql: named statements in one dialect, translated here for the embedded engine.

Owns the little format. ``-- name: x`` starts a statement; lines of plain words follow it. Markers stand where engines
differ: ``/*rows*/ (...)`` is repeated for each row (``/*rows: bigint text*/`` says the types, too), ``x in /*ids*/ (?)`` is any of a bound list, ``from /*each*/ (?) as a``
is that list as rows with the column ``value`` (``/*each: bytea*/`` of
keys), ``/*no_bytes*/`` is an empty value of bytes, and ``greatest`` and ``least``
compare values. ``-- name: x @engine`` is a statement's other wording for one engine only. Each statement carries its name
for the slow log.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from importlib import resources
from typing import Any

ENGINE = "sqlite"
MAX_ROWS = 128
"""Rows in one expanded statement at most; larger batches take several (engine limit: 32,766 values)."""

ROWS = re.compile(r"/\*rows(?:: ([a-z ]+))?\*/ (\([^)]*\))")
"""What is repeated; before it the types of its values, for an engine that does not see them from the place."""
_NAME = re.compile(r"(\w+)(?: @(\w+))?")
_DIALECT = (
    (re.compile(r"/\*ids\*/ \((\?\d*)\)"), r"(select value from carray(\1))"),
    (re.compile(r"/\*each(?:: bytea)?\*/ \((\?\d*)\)"), r"carray(\1)"),
    (re.compile(r"/\*no_bytes\*/"), "zeroblob(0)"),
    (re.compile(r"\bgreatest\("), "max("),
    (re.compile(r"\bleast\("), "min("),
)


@lru_cache(maxsize=1)
def written() -> dict[tuple[str, str], str]:
    """(name, engine or nothing) to the statement as it stands in its file, with its plain words."""
    files = [f for f in resources.files("twofold.store").joinpath("sql").iterdir() if f.name.endswith(".sql")]
    parts = [part for f in files for part in re.split(r"(?m)^-- name: ", f.read_text(encoding="utf-8"))[1:]]
    found: dict[tuple[str, str], str] = {}
    for part in parts:
        head, _, rest = part.partition("\n")
        match = _NAME.fullmatch(head.strip())
        assert match is not None, f"expected a name, and an engine after @ or none, got {head!r}"
        key = (match[1], match[2] or "")
        assert key not in found, f"two statements are named {head.strip()}"
        found[key] = rest
    return found


@lru_cache(maxsize=1)
def _templates() -> dict[str, str]:
    """The statements of this engine, translated."""
    mine = {name: text for (name, engine), text in sorted(written().items()) if engine in ("", ENGINE)}
    return {name: f"/* {name} */ {_translated(text)}" for name, text in mine.items()}


def _translated(text: str) -> str:
    sql = without_words(text)
    for marker, form in _DIALECT:
        sql = marker.sub(form, sql)
    return sql


def without_words(text: str) -> str:
    """A statement as it stands in its file, without the plain words before it and the semicolon behind it."""
    return "\n".join(line for line in text.splitlines() if not line.startswith("--")).strip().removesuffix(";")


Run = Callable[[str, Sequence[Any]], list[tuple[Any, ...]]]
"""``Engine.run``, or `reading` of a connection that only reads."""


def reading(db: Any) -> Run:
    """Named statements on a connection that only reads."""

    def run(name: str, bindings: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        rows: list[tuple[Any, ...]] = db.execute(statement(name), bindings).fetchall()
        return rows

    return run


class Named(str):
    """A statement's text that knows its name, by which another engine's connection finds its own wording."""

    name: str


@lru_cache(maxsize=4096)
def statement(name: str, rows: int = 1) -> Named:
    """The SQL named ``name``, its repeated part written ``rows`` times."""
    sql = _templates()[name]
    match = ROWS.search(sql)
    named = Named(sql.replace(match[0], ", ".join([match[2]] * rows)) if match else sql)
    named.name = name
    return named
