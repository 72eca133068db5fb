"""A question in another engine's words, through SQLGlot.

Owns the translation. The text is read as DuckDB's and written as the other's, its parameters as values in it: texts that
hold quotes or backslashes are quoted by the engine's own rules. Also the steps of a question for an engine that works out a
named part anew wherever it is named. Not how an engine is asked.
"""

from __future__ import annotations

from typing import Any

from twofold.errors import FactsError
from twofold.facts.questions import Question, with_values


def translated(question: Question, parameters: dict[str, Any], dialect: str) -> str:
    """The question's SQL for ``postgres`` or ``spark``."""
    return str(_tree(question, parameters, dialect).sql(dialect=dialect))


def in_steps(question: Question, parameters: dict[str, Any], dialect: str) -> tuple[list[tuple[str, str]], str]:
    """The question cut at the parts that it names more than once: each as (name, SQL) in order, then the SQL that is left.

    The SQL of a step and the last one name the steps before as if they were tables. A part that is named once stays where
    it is. So the text of all steps together is about as long as the question's, however deep its parts lie in each other.
    """
    tree = _tree(question, parameters, dialect)
    apart = {cte.alias for cte in tree.ctes if _named(tree, cte.alias) > 1}
    steps: list[tuple[str, str]] = []
    inline: list[Any] = []
    for cte in tree.ctes:
        if cte.alias in apart:
            steps.append((cte.alias, _with(inline, cte.this).sql(dialect=dialect)))
        else:
            inline.append(cte)
    last = tree.copy()
    for key in ("with_", "with"):  # its name in versions of SQLGlot
        last.args.pop(key, None)
    return steps, _with(inline, last).sql(dialect=dialect)


def _tree(question: Question, parameters: dict[str, Any], dialect: str) -> Any:
    try:
        import sqlglot
    except ImportError:
        raise FactsError(f"the package sqlglot is missing; install twofold[{dialect}]") from None
    tree = sqlglot.parse_one(with_values(question, parameters), read="duckdb")
    for kind in tree.find_all(sqlglot.exp.DataType):
        if kind.this is sqlglot.exp.DataType.Type.INT128:  # whole numbers that no other engine has so large
            kind.replace(sqlglot.exp.DataType.build("decimal(38, 0)"))
    return tree


def _named(tree: Any, name: str) -> int:
    """How often a part is named in a tree."""
    from sqlglot import exp

    return sum(table.name == name and not table.db for table in tree.find_all(exp.Table))


def _with(inline: list[Any], body: Any) -> Any:
    """A body with those parts before it that it needs, by itself or through another of them."""
    needed: list[Any] = []
    for cte in reversed(inline):
        if any(_named(one, cte.alias) for one in (body, *needed)):
            needed.insert(0, cte)
    whole = body.copy()
    for cte in needed:
        whole = whole.with_(cte.alias, as_=cte.this.copy(), copy=False)
    return whole
