"""What an ``[[import]]`` of another kind than orders may say: the columns and words of our own table of that kind.

Owns the check, and the value that holds a table's fields. What they mean is the table's own file.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from msgspec import Struct

from twofold.errors import ConfigError
from twofold.importing.readers.layout import fold_header, fold_word
from twofold.importing.statements.contract import UNITS, StatementFormat

T = TypeVar("T")


class OwnTable(Struct, frozen=True, kw_only=True):
    """A table in our own words. ``needs``: fields that must be there; ``a|b``: one of them. ``words``: where a field
    holds one of our words, which there are."""

    form: StatementFormat
    fields: Mapping[str, tuple[str, ...]]
    needs: tuple[str, ...]
    words: Mapping[str, tuple[str, ...]] = {}


def by_field(table: OwnTable, named: Mapping[str, T]) -> dict[str, T]:
    """What a mapping says, by our fields: a field may also be called as our own table's header is, such as ``date``."""
    headers = {fold_header(header): field for field, names in table.fields.items() for header in names}
    return {
        field if field in table.fields else headers.get(fold_header(field), field): one for field, one in named.items()
    }


def check_mapping(
    name: str, table: OwnTable, columns: Mapping[str, str], values: Mapping[str, Mapping[str, str]], unit: str = ""
) -> None:
    """Raises `ConfigError` naming what the mapping may say."""
    where = f"import {name}"
    given, columns, values = columns, by_field(table, columns), by_field(table, values)
    if len(columns) != len(given):
        raise ConfigError(f"{where}: columns: expected each field once, got two names of one field")
    for field in columns:
        if field not in table.fields:
            raise ConfigError(f"{where}: columns.{field}: expected one of {', '.join(table.fields)}")
    for need in table.needs:
        if not any(field in columns for field in need.split("|")):
            raise ConfigError(f"{where}: columns: expected also {' or '.join(need.split('|'))}")
    for field, words in values.items():
        if field not in table.fields:
            raise ConfigError(f"{where}: values.{field}: expected one of {', '.join(table.fields)}")
        known = {fold_word(word) for word in table.words.get(field, ())}
        for ours in words.values() if known else ():
            if fold_word(ours) not in known:
                listed = ", ".join(table.words[field])
                raise ConfigError(f"{where}: values.{field}: expected one of {listed}, got {ours!r}")
    if unit not in UNITS:
        raise ConfigError(f"{where}: unit: expected one of {', '.join(u for u in UNITS if u)}, got {unit!r}")
