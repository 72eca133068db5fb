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
    (sql,) = sqlglot.transpile(with_values(question, parameters), read="duckdb", write=dialect)
    return sql
