"""Loads the files of store/sql: named statements with a repeatable row, each carrying its name for the slow log.

Owns the little format only: ``-- name: x`` starts a statement, ``/*rows*/ (...)`` marks the repeated part.
"""

from __future__ import annotations

import re
from functools import lru_cache
from importlib import resources

MAX_ROWS = 128
"""Rows in one expanded statement at most; larger batches take several (engine limit: 32,766 values)."""

_ROWS = re.compile(r"/\*rows\*/ (\([^)]*\))")


@lru_cache(maxsize=1)
def _templates() -> dict[str, str]:
    files = [f for f in resources.files("twofold.store").joinpath("sql").iterdir() if f.name.endswith(".sql")]
    parts = [part for f in files for part in re.split(r"(?m)^-- name: ", f.read_text(encoding="utf-8"))[1:]]
    found: dict[str, str] = {}
    for part in parts:
        name, _, rest = part.partition("\n")
        sql = "\n".join(line for line in rest.splitlines() if not line.startswith("--")).strip()
        assert name.strip() not in found, f"two statements are named {name.strip()}"
        found[name.strip()] = f"/* {name.strip()} */ {sql}"
    return found


@lru_cache(maxsize=4096)
def statement(name: str, rows: int = 1) -> str:
    """The SQL named ``name``, its repeated part written ``rows`` times."""
    sql = _templates()[name]
    match = _ROWS.search(sql)
    return sql.replace(match[0], ", ".join([match[1]] * rows)) if match else sql
