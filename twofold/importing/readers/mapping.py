"""A configured ``[[import]]`` as a format: the operator's columns and words for our fields.

Owns what a mapping may say. What the fields mean is `own_table`'s and `sales_table`'s.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec.structs import replace

from twofold.errors import ConfigError
from twofold.importing.readers.layout import Format, fold_word
from twofold.importing.readers.own_table import IGNORE, METHODS, OWN, PAID, SALES, STATUSES
from twofold.importing.readers.sales_table import CHANNELS
from twofold.importing.readers.sales_table import SALES as SALES_FORMAT

# field -> our words for it
OUR_WORDS: Mapping[str, frozenset[str]] = {
    "status": frozenset({*STATUSES, IGNORE}),
    "payment_status": frozenset(PAID),
    "method": frozenset(METHODS),
    "sale": frozenset(SALES),
    "channel": frozenset(CHANNELS),
}


def format_from(
    name: str, columns: Mapping[str, str], values: Mapping[str, Mapping[str, str]], *, sales: bool = False
) -> Format:
    """The format that a mapping describes. Raises `ConfigError` naming what it may say."""
    base = SALES_FORMAT if sales else OWN
    where = f"import {name}"
    for field in columns:
        if field not in base.columns:
            raise ConfigError(f"{where}: columns.{field}: expected one of {', '.join(base.columns)}")
    missing = [field for field in base.needs if field not in columns and field != "channel"]
    if missing:
        raise ConfigError(f"{where}: columns: expected also {', '.join(missing)}")
    for field, words in values.items():
        known = OUR_WORDS.get(field)
        if known is None:
            continue  # a field of free words, such as `event_name`
        for ours in words.values():
            if fold_word(ours) not in known:
                raise ConfigError(f"{where}: values.{field}: expected one of {', '.join(sorted(known))}, got {ours!r}")
    return replace(
        base,
        name=name,
        title=f"the mapping {name}",
        columns={field: (header,) for field, header in columns.items()},
        needs=tuple(columns),
        usual_decimal="",
    )
