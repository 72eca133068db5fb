"""Whether somebody notices a change: the tests that enter the changed function, the quickest first, then some simulated worlds.

Owns one session of pytest in which everything is imported and collected once: each change is made in a forked child, in the functions
that live there. Which tests enter which function is seen in a first child that changes nothing. Which changes there are is
`changes`'.
"""

from __future__ import annotations

import ast
import gc
import importlib
import json
import os
import resource
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from types import CodeType, FrameType, FunctionType
from typing import Any, NamedTuple

import pytest

from tests.mutants.changes import changed, changes_of

ROOT = Path(__file__).parents[2]
NOTICED, SURVIVED, NOT_MADE = 1, 0, 3  # a child's exit code; a signal is a notice, too
SPARE_S, SLOWER = 30, 5  # of the processor: a change that makes the tests go on and on is noticed
ARGUMENTS = ("-q", "-n0", "-m", "not postgres", "-p", "no:cacheprovider", "-p", "no:randomly")


class Seen(NamedTuple):
    """What a test did while nothing was changed. ``entered``: files of the program and first lines of functions there."""

    seconds: float
    passed: bool
    entered: frozenset[tuple[str, int]]


class NotMade(Exception):
    """A change that reaches no living function."""


class Suite:
    """The tests that were collected. ``worlds`` are seeds."""

    def __init__(self, session: pytest.Session, files: dict[str, Sequence[str]], worlds: Sequence[int]) -> None:
        self._session, self._files, self._worlds = session, files, worlds
        self._world = importlib.import_module("tests.world.__main__")
        for module in files:
            importlib.import_module(f"twofold.{module}")
        self._seen = [Seen(s, bool(p), frozenset((f, n) for f, n in e)) for s, p, e in self._in_child_told(self._look)]

    def failing(self) -> list[str]:
        """Tests that fail as everything stands: nothing is learnt from them."""
        return [item.nodeid for item, seen in zip(self._session.items, self._seen, strict=True) if not seen.passed]

    def about(self, module: str, line: int) -> list[pytest.Item]:
        """The tests of a module that enter the function with this line, the quickest first."""
        first, last = _function_at(module, line)
        file = str(file_of(module))
        rooms = [ROOT / name for name in self._files[module]]
        found = [
            (seen.seconds, n)
            for n, (item, seen) in enumerate(zip(self._session.items, self._seen, strict=True))
            if seen.passed
            and any(item.path == room or room in item.path.parents for room in rooms)
            and any(f == file and first <= n <= last for f, n in seen.entered)
        ]
        return [self._session.items[n] for _, n in sorted(found)]

    def notices(self, module: str, number: int) -> bool:
        """True when a test or a world fails with one of a module's changes. Raises `NotMade`."""
        items = self.about(module, changes_of(source_of(module))[number].line)
        places = {id(item): n for n, item in enumerate(self._session.items)}
        seconds = sum(self._seen[places[id(item)]].seconds for item in items)

        def tried() -> int:
            limit = int(SPARE_S + SLOWER * seconds)
            resource.setrlimit(resource.RLIMIT_CPU, (limit, limit))
            try:
                plant(module, number)
            except NotMade:
                return NOT_MADE
            return NOTICED if self._fails(items) or self._breaks() else SURVIVED

        code = os.waitstatus_to_exitcode(os.waitpid(self._forked(tried), 0)[1])
        if code == NOT_MADE:
            raise NotMade
        return code != SURVIVED

    def _fails(self, items: Sequence[pytest.Item]) -> bool:
        return any(not _passes(self._session, items, n) for n in range(len(items)))

    def _breaks(self) -> bool:
        return any(self._world.broken_in(seed) for seed in self._worlds)

    def _look(self) -> list[tuple[float, bool, list[tuple[str, int]]]]:
        files = {str(file_of(module)) for module in self._files}
        items, found = self._session.items, []
        caches = list(_caches(self._files))
        for n in range(len(items)):
            for cache in caches:  # or a test that finds an answer there would seem not to ask
                cache.cache_clear()
            entered: set[tuple[str, int]] = set()

            def note(frame: FrameType, event: str, _arg: object, entered: set[tuple[str, int]] = entered) -> None:
                if event == "call" and frame.f_code.co_filename in files:
                    entered.add((frame.f_code.co_filename, frame.f_code.co_firstlineno))

            threading.setprofile(note)
            sys.setprofile(note)
            began = time.process_time()
            passed = _passes(self._session, items, n)
            sys.setprofile(None)
            found.append((time.process_time() - began, passed, sorted(entered)))
        return found

    def _in_child_told(self, look: Callable[[], Any]) -> Any:
        """What a child that changes nothing has to tell."""
        reads, writes = os.pipe()

        def told() -> int:
            with open(writes, "w", encoding="utf-8") as out:
                json.dump(look(), out)
            return SURVIVED

        child = self._forked(told)
        os.close(writes)
        with open(reads, encoding="utf-8") as answer:
            text = answer.read()
        os.waitpid(child, 0)
        return json.loads(text)

    def _forked(self, work: Callable[[], int]) -> int:
        """The number of a child that does this work, is heard by nobody, and ends with its code."""
        child = os.fork()
        if child:
            return child
        code = NOTICED
        try:
            plugins = self._session.config.pluginmanager
            if plugins.has_plugin("terminalreporter"):
                plugins.unregister(name="terminalreporter")
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, 1)
            os.dup2(nowhere, 2)
            os.chdir(ROOT)
            code = work()
        finally:
            os._exit(code)


def within_suite(
    files: dict[str, Sequence[str]], worlds: Sequence[int], then: Callable[[Suite], None], more: Sequence[str] = ()
) -> None:
    """Collects the tests of all modules and hands them on. ``more``: further arguments of pytest."""

    class Loop:
        """In the place of running what was collected."""

        def pytest_runtestloop(self, session: pytest.Session) -> bool:
            then(Suite(session, files, worlds))
            return True

    wanted = dict.fromkeys(name for names in files.values() for name in names)
    pytest.main([*ARGUMENTS, *more, *wanted], plugins=[Loop()])


def file_of(module: str) -> Path:
    return ROOT / "twofold" / f"{module.replace('.', '/')}.py"


def source_of(module: str) -> str:
    return file_of(module).read_text(encoding="utf-8")


def plant(module: str, number: int) -> None:
    """Gives the living functions of a module one change. Raises `NotMade` where it is in none of them."""
    tree = changed(source_of(module), number)
    new = {_place(code): code for code in _codes(compile(tree, str(file_of(module)), "exec", dont_inherit=True))}
    made = 0
    for one in gc.get_objects():
        if not isinstance(one, FunctionType) or one.__module__ != f"twofold.{module}":
            continue
        code = new.get(_place(one.__code__), one.__code__)
        if code != one.__code__ and code.co_freevars == one.__code__.co_freevars:
            one.__code__ = code
            made += 1
    if not made:
        raise NotMade


def _caches(modules: Iterable[str]) -> Iterator[Any]:
    """What keeps the answers of functions of these modules."""
    names = {f"twofold.{module}" for module in modules}
    for one in gc.get_objects():
        if hasattr(type(one), "cache_clear") and getattr(one, "__module__", None) in names:
            yield one


def _place(code: CodeType) -> tuple[str, int]:
    return code.co_qualname, code.co_firstlineno


def _codes(code: CodeType) -> Iterator[CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _codes(constant)


def _function_at(module: str, line: int) -> tuple[int, int]:
    """First and last line of the outermost function that has this line."""

    def within(node: ast.AST) -> tuple[int, int] | None:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
                first = min([child.lineno, *(d.lineno for d in child.decorator_list)])
                if first <= line <= (child.end_lineno or first):
                    return first, child.end_lineno or first
            elif (found := within(child)) is not None:
                return found
        return None

    found = within(ast.parse(source_of(module)))
    if found is None:
        raise LookupError(f"{module}: expected a line inside a function, got {line}")
    return found


def _passes(session: pytest.Session, items: Sequence[pytest.Item], n: int) -> bool:
    before = session.testsfailed
    following = items[n + 1] if n + 1 < len(items) else None
    session.config.hook.pytest_runtest_protocol(item=items[n], nextitem=following)
    return session.testsfailed == before
