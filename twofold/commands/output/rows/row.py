"""One line of `--json`: what every shape shares, and how a line is written.

Owns the words of types, exact money and times. Money and ratios are decimal text, never floats; times are whole Unix seconds.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Annotated, Any, ClassVar

import msgspec
from msgspec import Meta, Struct

from twofold import __version__

Time = Annotated[int, Meta(description="Unix s")]
Text = str
Amount = Annotated[str, Meta(description="decimal text")]
Ratio = Annotated[str, Meta(description="decimal text")]
_MS_FIELDS = {
    "received_at", "created_at", "due_at", "settled_at", "started_at", "ended_at", "tried_at", "requested_at",
    "cleared_at", "done_at", "listed_at", "synced_at", "meant_at",
}  # fmt: skip
_SURELY_MS = 100_000_000_000  # as seconds this is the year 5138: what is larger is in milliseconds


class Row(Struct, kw_only=True, tag_field="row"):
    """One line. Further fields may come with a later version."""


class About(Row, kw_only=True, tag="about"):
    """The first line of a report: what was asked, of which time, under which view."""

    command: Text
    version: Text = __version__
    dataset: Text | None = None  # None: all of them
    since: Time | None = None
    until: Time | None = None
    timezone: Text = "UTC"
    currency: Text | None = None  # None: each row has its own
    view: Text | None = None
    as_of: Time | None = None
    missing: dict[str, Any] = {}  # share of what the report rests on that is not there


class OpenRow(Row, kw_only=True):
    """A line whose further fields are those of the thing that is held."""

    open: ClassVar[bool] = True
    rest: dict[str, Any] = {}


def row_of(kind: type[Row], values: Mapping[str, Any] | Struct) -> Row:
    """A line of this kind; times that the store keeps in milliseconds become seconds. Unknown fields are a bug."""
    given = msgspec.structs.asdict(values) if isinstance(values, Struct) else dict(values)
    plain = {name: _seconds(name, value) for name, value in given.items()}
    if issubclass(kind, OpenRow):
        return kind(rest=plain)
    return kind(**plain)


def encode_rows(rows: Iterable[Row]) -> Iterable[bytes]:
    """One JSON object a row."""
    for row in rows:
        tree: dict[str, Any] = _exact(msgspec.to_builtins(row, builtin_types=(Decimal,)))
        if isinstance(row, OpenRow):
            rest = tree.pop("rest")
            tree = {"row": rest.pop("row", tree["row"])} | rest
        yield msgspec.json.encode(tree)


def _seconds(name: str, value: Any) -> Any:
    """Also in what is nested: the attempts of a delivery."""
    if name in _MS_FIELDS and isinstance(value, int) and value > _SURELY_MS:
        return value // 1000
    if isinstance(value, dict):
        return {key: _seconds(key, inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_seconds(name, inner) for inner in value]
    return value


def _exact(value: Any) -> Any:
    """Floats and decimals as decimal text, at any depth: who reads them can be exact."""
    if isinstance(value, float):
        return f"{Decimal(repr(value)):f}"
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, dict):
        return {key: _exact(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_exact(inner) for inner in value]
    return value
