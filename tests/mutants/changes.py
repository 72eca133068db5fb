"""What a tired hand could change in a module, one place at a time: comparisons, conditions, figures, statements that are left out.

Owns the list of changes and making one. Pure: source in, a tree that can be compiled out. Text that nobody acts on (docstrings,
annotations, messages, lines of the log) is left alone.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from functools import partial
from typing import NamedTuple

_TURNED: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In,
}  # fmt: skip
_SIGNS: dict[type[ast.operator], type[ast.operator]] = {ast.Add: ast.Sub, ast.Sub: ast.Add}
_OTHER_END = {"max": "min", "min": "max", "any": "all", "all": "any"}
_QUIET = ("log.", "logging.")


class Change(NamedTuple):
    """``line`` of the module, and ``what`` is other there."""

    line: int
    what: str


def changes_of(source: str) -> list[Change]:
    """Every change that can be made to a module, in the order of its lines; by its place in this list each is made."""
    return [change for change, _ in _changes(ast.parse(source))]


def changed(source: str, number: int) -> ast.Module:
    """The module with one of its changes."""
    tree = ast.parse(source)
    for place, (_, make) in enumerate(_changes(tree)):
        if place == number:
            make()
            return ast.fix_missing_locations(tree)
    raise IndexError(f"expected one of the module's changes, got number {number}")


def _changes(tree: ast.Module) -> list[tuple[Change, Callable[[], None]]]:
    found = [one for node in _acting(tree) for one in _of(node)]
    return sorted(found, key=lambda one: one[0].line)


def _acting(node: ast.AST) -> Iterator[ast.AST]:
    """Nodes inside functions that somebody acts on."""
    inside = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    for child in node.body if inside else ast.iter_child_nodes(node):  # type: ignore[attr-defined]
        if inside:
            yield from _walk(child)
        else:
            yield from _acting(child)


def _walk(node: ast.AST) -> Iterator[ast.AST]:
    if isinstance(node, ast.Raise | ast.JoinedStr | ast.Assert) or _is_quiet(node):
        return
    yield node
    for name, value in ast.iter_fields(node):
        if name in ("annotation", "returns", "decorator_list"):
            continue
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST):
                yield from _walk(child)


def _is_quiet(node: ast.AST) -> bool:
    """A docstring, or a line of the log."""
    if not isinstance(node, ast.Expr):
        return False
    return isinstance(node.value, ast.Constant) or ast.unparse(node.value).startswith(_QUIET)


def _of(node: ast.AST) -> Iterator[tuple[Change, Callable[[], None]]]:
    line = getattr(node, "lineno", 0)
    match node:
        case ast.Compare(ops=ops):
            for n, op in enumerate(ops):
                other = _TURNED[type(op)]
                yield Change(line, f"{_name(op)} is {other.__name__}"), _setter(ops, n, other())
        case ast.BoolOp(op=op):
            turned: ast.boolop = ast.Or() if isinstance(op, ast.And) else ast.And()
            yield Change(line, f"{_name(op)} is {_name(turned)}"), lambda: setattr(node, "op", turned)
        case ast.BinOp(op=op) if type(op) in _SIGNS:
            yield Change(line, f"{_name(op)} is turned"), lambda: setattr(node, "op", _SIGNS[type(op)]())
        case ast.If(test=test) | ast.While(test=test) | ast.IfExp(test=test) if not isinstance(test, ast.Compare):
            turned_test = ast.UnaryOp(op=ast.Not(), operand=test)
            yield Change(line, f"not {ast.unparse(test)}"), lambda: setattr(node, "test", turned_test)
        case ast.Constant(value=bool() as value):
            yield Change(line, f"{value} is {not value}"), lambda: setattr(node, "value", not value)
        case ast.Constant(value=int() as figure):
            yield Change(line, f"{figure} is {figure + 1}"), lambda: setattr(node, "value", figure + 1)
        case ast.Call(func=ast.Name(id=name) as called) if name in _OTHER_END:
            yield Change(line, f"{name} is {_OTHER_END[name]}"), partial(setattr, called, "id", _OTHER_END[name])
    for name in ("body", "orelse", "finalbody"):
        block = getattr(node, name, None)
        for n, statement in enumerate(block if isinstance(block, list) else ()):
            if isinstance(statement, ast.Expr | ast.AugAssign) and not _is_quiet(statement):
                said = ast.unparse(statement).partition("\n")[0][:60]
                yield Change(statement.lineno, f"without {said}"), _setter(block, n, ast.Pass())


def _setter(where: list, n: int, new: ast.AST) -> Callable[[], None]:  # type: ignore[type-arg]
    return lambda: where.__setitem__(n, new)


def _name(op: ast.AST) -> str:
    return type(op).__name__
