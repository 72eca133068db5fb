"""The named statements of store/sql/*.sql in PostgreSQL's words.

Owns that translation. The text, its names and its markers are those of `sqlite/statements`; nothing is written twice but what
stands there as ``@postgres``. ``values /*rows*/ (?, ?)`` becomes one array for each column, so that a batch of any size is one
prepared statement. Their types are what the engine itself takes the values of one row for; of ``from (values ...) as v`` it
cannot know them, so they stand in the marker: ``/*rows: bigint text*/``.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from msgspec import Struct

from twofold.errors import StoreError
from twofold.store.peers.places import Edge, spans_of
from twofold.store.sqlite.statements import ROWS, without_words, written

ENGINE = "postgres"

_PARAMETER = re.compile(r"\?(\d*)")
_EACH = re.compile(r"/\*each(?:: (bytea))?\*/ \((\?\d*)\) as (\w+)")
_IDS = re.compile(r"\bin /\*ids\*/ \((\?\d*)\)")
_OF_ACTION = re.compile(
    r"\b(?:cross )?join (\w+) as (\w+) on \2\.(\w+) between (\w+\.\w+) \* 256 and \4 \* 256 \+ 255\b"
)
"""Deliveries of an action. This engine takes such a stretch of numbers for a two hundredth of all there are, whatever it is, and reads
the whole table once rather than a few rows of it for each action; so it is told that they are few."""
_ORDERED = re.compile(r"\bcross join (\w+ as \w+) on\b")
_PLAIN = re.compile(r"\bplain_body\(([\w.]+)\)(?: as (\w+))?")
PACKED = "packed "
"""Begins the name of a column whose bodies are unpacked when they come."""
_LISTED = re.compile(r"\bin \(select value from carray\((\?\d*)\)\)")
_INSERT = re.compile(r"insert into (\w+) \(([^)]*)\)")
_SPAN = re.compile(r"([\w.]+) >= \$1((?: \* 256)?) and \1 < \$2\2")
"""From one position to before another."""
_TARGET = re.compile(r"on conflict \(([^)]*)\) do update")


class RowStatement(Struct, frozen=True):
    """A statement for many rows: ``one`` row by its values, by which the engine says the types, or ``many`` by arrays."""

    one: str
    columns: int
    types: tuple[str, ...]  # where the marker says them
    head: str
    values: tuple[str, ...]
    tail: str
    key: tuple[int, ...] = ()  # which values tell rows apart that one statement must not change twice

    def many(self, types: tuple[str, ...]) -> str:
        """The statement for arrays of these types."""
        names = [f"u{n}" for n in range(1, self.columns + 1)]
        taken = iter(names)
        shown = ", ".join(
            f"{next(taken) if value == '?' else value} as column{n}" for n, value in enumerate(self.values, 1)
        )
        arrays = ", ".join(f"${n}::{kind}[]" for n, kind in enumerate(types, 1))
        return f"{self.head}select {shown} from unnest({arrays}) as u({', '.join(names)}){self.tail}"


@lru_cache(maxsize=1)
def names() -> tuple[str, ...]:
    """Every name that this engine knows."""
    return tuple(sorted({name for name, engine in written() if engine in ("", ENGINE)}))


@lru_cache(maxsize=1)
def _texts() -> dict[str, str]:
    return {name: without_words(text) for (name, engine), text in sorted(written().items()) if engine in ("", ENGINE)}


@lru_cache(maxsize=4096)
def wording(name: str) -> str:
    """The SQL named ``name``; of a statement for many rows the one for one."""
    rows = row_statement(name)
    return rows.one if rows is not None else f"/* {name} */ {_translated(_texts()[name])}"


@lru_cache(maxsize=4096)
def row_statement(name: str) -> RowStatement | None:
    """The statement in its two forms where it is one for many rows."""
    text = _texts()[name]
    match = ROWS.search(text)
    if match is None:
        return None
    values = tuple(value.strip() for value in match[2][1:-1].split(","))
    types = tuple((match[1] or "").split())
    cast = iter(types)
    shown = ", ".join(f"?::{next(cast)}" if value == "?" and types else value for value in values)
    head, tail = text[: match.start()], text[match.end() :]
    assert head.endswith("values "), f"{name}: expected values before the rows"
    comment = f"/* {name} */ "
    return RowStatement(
        one=comment + _translated(f"{head}({shown}){tail}"), columns=values.count("?"), types=types,
        head=comment + head.removesuffix("values "), values=values, tail=tail, key=_key(text),
    )  # fmt: skip


def _key(text: str) -> tuple[int, ...]:
    insert, target = _INSERT.search(text), _TARGET.search(text)
    if insert is None or target is None:
        return ()
    columns = [c.strip() for c in insert[2].split(",")]
    return tuple(columns.index(c.strip()) for c in target[1].split(","))


@lru_cache(maxsize=512)
def inline(sql: str) -> str:
    """A reader's own question, which stands where it is asked, in this engine's words."""
    return _translated(sql)


def over_spans(text: str, bindings: Sequence[Any]) -> tuple[str, list[Any]]:
    """A statement from one position to before another, asked of several spans at once: see `peers.places.Edge`."""
    spans = spans_of((bindings[0], bindings[1]))
    more = len(bindings)

    def each(found: re.Match[str]) -> str:
        name, times = found[1], found[2]
        parts = [f"{name} >= $1{times} and {name} < $2{times}"]
        for n in range(1, len(spans)):
            first = more + 2 * n - 1
            parts.append(f"{name} >= ${first}::bigint{times} and {name} < ${first + 1}::bigint{times}")
        return f"({' or '.join(parts)})"

    wide, count = _SPAN.subn(each, text)
    if not count:
        raise StoreError("internal: a statement was asked of several spans, and names none")
    return wide, [int(b) if isinstance(b, Edge) else b for b in bindings] + [end for span in spans[1:] for end in span]


def _translated(text: str) -> str:
    sql = _EACH.sub(lambda m: f"unnest({m[2]}::{m[1] or 'bigint'}[]) as {m[3]}(value)", text)
    sql = _IDS.sub(r"= any(\1)", sql)
    sql = _LISTED.sub(r"= any(\1)", sql)
    sql = _OF_ACTION.sub(
        r"cross join lateral (select * from \1 where \3 between \4 * 256 and \4 * 256 + 255 order by \3 limit 255) as \2",
        sql,
    )
    sql = _ORDERED.sub(r"join \1 on", sql)  # the embedded engine takes the tables in this order then
    sql = _PLAIN.sub(lambda m: f'{m[1]} as "{PACKED}{m[2] or "body"}"', sql)
    sql = sql.replace("/*no_bytes*/", "''::bytea")
    count = iter(range(1, 1000))
    return _PARAMETER.sub(lambda m: f"${m[1] or next(count)}", sql)
