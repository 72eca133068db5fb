"""A question in another engine's words, through SQLGlot.

Owns the translation. The text is read as DuckDB's and written as the other's, its parameters as values in it: texts that
hold quotes or backslashes are quoted by the engine's own rules.
"""

from __future__ import annotations

from typing import Any

from twofold.errors import FactsError
from twofold.facts.questions import Question, with_values


def translated(question: Question, parameters: dict[str, Any], dialect: str) -> str:
    """The question's SQL for ``postgres`` or ``spark``."""
    try:
        import sqlglot
    except ImportError:
        raise FactsError(f"the package sqlglot is missing; install twofold[{dialect}]") from None
    tree = sqlglot.parse_one(with_values(question, parameters), read="duckdb")
    for kind in tree.find_all(sqlglot.exp.DataType):
        if kind.this is sqlglot.exp.DataType.Type.INT128:  # whole numbers that no other engine has so large
            kind.replace(sqlglot.exp.DataType.build("decimal(38, 0)"))
    return str(tree.sql(dialect=dialect))
