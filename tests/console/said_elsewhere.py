"""Sentences that other rooms say and pages of the console show: read from the source, with numbered places for values.

Owns which calls, fields and tables of the source hold them. `test_console_words` asks that every language has them all.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import twofold

ROOM = Path(twofold.__file__).parent
# File to names of calls whose texts are shown, of keyword arguments, and of variables or tables that hold such texts.
PLACES: dict[str, tuple[set[str], set[str], set[str]]] = {
    **{
        f"setup/doctor/{name}.py": ({"ok", "look", "do"}, {"text", "name", "mend"}, {"name", "text", "left", "mend", "said", "owner", "TEST_CODE"})
        for name in ("arrivals", "machine", "outside", "platform", "storefront", "visit")
    },
    "setup/graph.py": (set(), {"said", "mend"}, {"said", "NEW_TOKEN"}),
    "setup/trial.py": (set(), {"said", "mend"}, {"said"}),
    "attribution/report.py": ({"_finding"}, set(), {"text", "_OF_MARKS"}),
    "reconcile/life.py": (set(), {"words", "what", "evidence"}, {"_STATES", "_KINDS", "_WHERE", "_PLACES", "words", "told", "reason"}),
    "reconcile/spoken.py": (set(), set(), {"RULES", "said"}),
    "report/orders.py": (set(), set(), {"parts"}),
    "event/refusal.py": (set(), set(), {"MEANING"}),
    "acceptance/criteria.py": ({"_check"}, set(), {"said", "words", "kind", "STANDARDS"}),
    "acceptance/run.py": ({"ConfigError"}, set(), set()),
    "acceptance/seen/upload.py": ({"FileRefused"}, set(), set()),
    "acceptance/duties.py": (set(), set(), {"FAILED", "UNCHECKED", "TESTER", "TECHNICAL", "TRACKING", "DATA", "MEDIA", "STORE"}),
    "acceptance/seen/gaps.py": (set(), {"said"}, {"said", "reasons"}),
    "acceptance/packet/standing.py": (set(), set(), {"_CHANGED", "said"}),
    "acceptance/packet/body.py": (set(), set(), {"said"}),
    "console/pages/signal/worth.py": (set(), {"signal"}, set()),
}  # fmt: skip
_WORD = re.compile(r"[a-z]{3,}")
_COMMAND = re.compile(r"(\{1\} --|twofold )[a-z {}0-9-]+|[a-z]+_[a-z_]+|.* > .*")
"""A command, a name of the code, the way through a platform's own pages: they are not put into other languages."""


def said_elsewhere() -> set[str]:
    return {text for path, places in PLACES.items() for text in _said(ROOM / path, *places)}


def _said(path: Path, calls: set[str], fields: set[str], names: set[str]) -> Iterator[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            called = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
            if called in calls:
                for argument in node.args:
                    yield from _texts(argument)
            for keyword in node.keywords:
                if keyword.arg in fields:
                    yield from _texts(keyword.value)
        elif isinstance(node, (ast.Assign, ast.AnnAssign, ast.AugAssign)) and node.value is not None:
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            if any(isinstance(target, ast.Name) and target.id in names for target in targets):
                yield from _texts(node.value)


def _texts(node: ast.expr) -> Iterator[str]:
    match node:
        case ast.Constant(value=str(text)):
            found = text
        case ast.JoinedStr(values=parts):
            count = 0
            found = ""
            for part in parts:
                if isinstance(part, ast.Constant):
                    found += str(part.value)
                else:
                    count += 1
                    found += f"{{{count}}}"
        case ast.IfExp(body=body, orelse=orelse):
            yield from _texts(body)
            yield from _texts(orelse)
            return
        case ast.BoolOp(values=values):
            for value in values:
                yield from _texts(value)
            return
        case ast.Dict(values=values):
            for value in values:
                yield from _texts(value)
            return
        case ast.Tuple(elts=elts) | ast.List(elts=elts):
            for one in elts:
                yield from _texts(one)
            return
        case ast.BinOp(left=left, right=right):
            yield from _texts(left)
            yield from _texts(right)
            return
        case _:
            return
    # What is joined to a sentence is looked up by itself, and a page names no option of a command.
    found = found.lstrip(";, ").removeprefix("--")
    if _WORD.search(re.sub(r"\{\d+\}", "", found)) and not _COMMAND.fullmatch(found):
        yield found
