"""Whether somebody notices a change: the tests that come by the changed statement, then some simulated worlds.

Owns one session of pytest in which everything is imported and collected once: each change is made in a forked child, in the functions
that live there, and the first test that fails ends it. First come tests that noticed others in the same function, then the quickest.
Which come by which line is seen in a child that changes nothing, and kept by `looks`. Which changes there are is `changes`'.
"""

from __future__ import annotations

import ast
import gc
import importlib
import json
import mmap
import os
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache
from pathlib import Path
from types import CodeType, FrameType, FunctionType
from typing import Any

import pytest

from tests.mutants.changes import Change, changed, changes_of
from tests.mutants.looks import ROOT, Looks, Seen

NOTICED, SURVIVED, NOT_MADE, BROKEN = 1, 0, 3, 4  # a child's exit code; a signal is a notice, too
SPARE_S, SLOWER = 5, 5  # of the processor, for each test: a change that makes it go on and on is noticed
ARGUMENTS = ("-q", "-n0", "-m", "not postgres", "-p", "no:cacheprovider", "-p", "no:randomly")
WORLD = -1  # in the place of a test's number


class NotMade(Exception):
    """A change that reaches no living function."""


class Suite:
    """The tests that were collected. ``worlds`` are seeds; ``kept`` is the folder of what was seen before."""

    def __init__(
        self, session: pytest.Session, files: dict[str, Sequence[str]], worlds: Sequence[int], kept: Path | None = None
    ) -> None:
        self._session, self._files, self._worlds = session, files, worlds
        self._world = importlib.import_module("tests.world.__main__")
        for module in files:
            importlib.import_module(f"twofold.{module}")
        self._living = _living_functions(files)
        self._seen = self._looked(kept)
        self._noticed_by: dict[tuple[str, int], Counter[int]] = {}  # by function: numbers of tests
        self._last = mmap.mmap(-1, 8)  # which test a child is at; the same memory for both
        self.noticed_by = ""

    def _looked(self, kept: Path | None) -> list[Seen]:
        items = self._session.items
        looks = Looks(kept, self._files) if kept is not None else None
        found = [looks.of(item.nodeid, item.path) if looks is not None else None for item in items]
        missing = [n for n, seen in enumerate(found) if seen is None]
        told = self._in_child_told(lambda: self._look(missing)) if missing else []
        for n, (seconds, passed, lines) in zip(missing, told, strict=True):
            seen = found[n] = Seen(seconds, bool(passed), frozenset((f, line) for f, line in lines))
            if looks is not None:
                looks.keep(items[n].nodeid, items[n].path, seen)
        if looks is not None and missing:
            looks.write()
        return [seen for seen in found if seen is not None]

    def failing(self) -> list[str]:
        """Tests that fail as everything stands: nothing is learnt from them."""
        return [item.nodeid for item, seen in zip(self._session.items, self._seen, strict=True) if not seen.passed]

    def about(self, module: str, line: int) -> list[pytest.Item]:
        """The tests of a module that come by the statement with this line: those that noticed others there, then the quickest."""
        return [self._session.items[n] for n in self._numbers_about(module, line)]

    def _numbers_about(self, module: str, line: int) -> list[int]:
        file, own = str(file_of(module)), _statement_at(module, line)
        rooms = [ROOT / name for name in self._files[module]]
        found = [
            n
            for n, (item, seen) in enumerate(zip(self._session.items, self._seen, strict=True))
            if seen.passed
            and any(item.path == room or room in item.path.parents for room in rooms)
            and any((file, at) in seen.lines for at in own)
        ]
        before = self._noticed_by.get((module, _function_at(module, line)), Counter())
        return sorted(found, key=lambda n: (-before[n], self._seen[n].seconds))

    def notices(self, module: str, number: int, first: int | None = None) -> bool:
        """True when a test or a world fails with one of a module's changes; `noticed_by` says which. Raises `NotMade`.

        ``first``: only so many tests are asked, of those about it.
        """
        line = _changes(module)[number].line
        tests = [self._session.items.index(item) for item in self.about(module, line)[:first]]
        self._at(0)

        def tried() -> int:
            try:
                plant(module, number, self._living[module])
            except NotMade:
                return NOT_MADE
            except Exception:
                return BROKEN  # that is no notice of anybody's
            return NOTICED if self._fails(tests) or self._breaks() else SURVIVED

        code = os.waitstatus_to_exitcode(os.waitpid(self._forked(tried), 0)[1])
        if code == NOT_MADE:
            raise NotMade
        if code == BROKEN:
            raise RuntimeError(f"{module}:{number} could not be tried")
        if code != SURVIVED:
            self._tell_by(module, line)
        return code != SURVIVED

    def _tell_by(self, module: str, line: int) -> None:
        at = int.from_bytes(self._last[:8], "big", signed=True)
        self.noticed_by = "a world" if at == WORLD else self._session.items[at].nodeid
        if at != WORLD:
            self._noticed_by.setdefault((module, _function_at(module, line)), Counter())[at] += 1

    def _at(self, number: int) -> None:
        self._last[:8] = number.to_bytes(8, "big", signed=True)

    def _fails(self, tests: Sequence[int]) -> bool:
        items = [self._session.items[n] for n in tests]
        for place, n in enumerate(tests):
            self._at(n)
            signal.setitimer(signal.ITIMER_PROF, SPARE_S + SLOWER * self._seen[n].seconds)
            if not _passes(self._session, items, place):
                return True
        return False

    def _breaks(self) -> bool:
        self._at(WORLD)
        signal.setitimer(signal.ITIMER_PROF, 10 * SPARE_S)
        return any(self._world.broken_in(seed) for seed in self._worlds)

    def _look(self, numbers: Sequence[int]) -> list[tuple[float, bool, list[tuple[str, int]]]]:
        files = {str(file_of(module)) for module in self._files}
        items, found = [self._session.items[n] for n in numbers], []
        caches = list(_caches(self._files))
        for n in range(len(items)):
            for one in caches:  # or a test that finds an answer there would seem not to ask
                one.cache_clear()
            lines: set[tuple[str, int]] = set()

            def note(frame: FrameType, _event: str, _arg: object, lines: set[tuple[str, int]] = lines) -> Any:
                if frame.f_code.co_filename not in files:
                    return None
                lines.add((frame.f_code.co_filename, frame.f_lineno))
                return note

            threading.settrace(note)
            sys.settrace(note)
            began = time.process_time()
            passed = _passes(self._session, items, n)
            sys.settrace(None)
            found.append((time.process_time() - began, passed, sorted(lines)))
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
    files: dict[str, Sequence[str]],
    worlds: Sequence[int],
    then: Callable[[Suite], None],
    more: Sequence[str] = (),
    kept: Path | None = None,
) -> None:
    """Collects the tests of all modules and hands them on. ``more``: further arguments of pytest; ``kept``: see `Suite`."""

    class Loop:
        """In the place of running what was collected. A law that fails is not made short: that it fails is enough."""

        def pytest_sessionstart(self) -> None:
            from hypothesis import Phase, settings  # pytest has to be there before it

            settings.register_profile("brief", settings(), phases=(Phase.explicit, Phase.generate), database=None)
            settings.load_profile("brief")

        def pytest_runtestloop(self, session: pytest.Session) -> bool:
            then(Suite(session, files, worlds, kept))
            return True

    wanted = dict.fromkeys(name for names in files.values() for name in names)
    pytest.main([*ARGUMENTS, *more, *wanted], plugins=[Loop()])


def file_of(module: str) -> Path:
    return ROOT / "twofold" / f"{module.replace('.', '/')}.py"


def source_of(module: str) -> str:
    return file_of(module).read_text(encoding="utf-8")


def plant(module: str, number: int, living: Sequence[FunctionType]) -> None:
    """Gives the living functions of a module one change. Raises `NotMade` where it is in none of them."""
    tree = changed(source_of(module), number)
    new = {_place(code): code for code in _codes(compile(tree, str(file_of(module)), "exec", dont_inherit=True))}
    made = 0
    for one in living:
        code = new.get(_place(one.__code__), one.__code__)
        if code != one.__code__ and code.co_freevars == one.__code__.co_freevars:
            one.__code__ = code
            made += 1
    if not made:
        raise NotMade


def _living_functions(modules: Iterable[str]) -> dict[str, list[FunctionType]]:
    found: dict[str, list[FunctionType]] = {module: [] for module in modules}
    gc.unfreeze()  # the tests' own frame puts what was loaded out of sight
    for one in gc.get_objects():
        if isinstance(one, FunctionType) and (module := (one.__module__ or "").removeprefix("twofold.")) in found:
            found[module].append(one)
    return found


@cache
def _changes(module: str) -> list[Change]:
    return changes_of(source_of(module))


def _caches(modules: Iterable[str]) -> Iterator[Any]:
    """What keeps the answers of functions of these modules."""
    names = {f"twofold.{module}" for module in modules}
    gc.unfreeze()
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


def _function_at(module: str, line: int) -> int:
    """The first line of the outermost function that has this line; raises `LookupError`."""
    found = [
        n.lineno for n in _nodes(module) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef) and _has(n, line)
    ]
    if not found:
        raise LookupError(f"{module}: expected a line inside a function, got {line}")
    return min(found)


def _statement_at(module: str, line: int) -> set[int]:
    """The lines of the innermost statement that has this line, without those of statements inside it."""
    around = [n for n in _nodes(module) if isinstance(n, ast.stmt) and _has(n, line)]
    own = max(around, key=lambda n: n.lineno)
    inside = {at for n in ast.walk(own) if isinstance(n, ast.stmt) and n is not own for at in _lines(n)}
    return set(_lines(own)) - inside


@cache
def _nodes(module: str) -> list[ast.AST]:
    return list(ast.walk(ast.parse(source_of(module))))


def _lines(node: ast.stmt) -> range:
    return range(node.lineno, (node.end_lineno or node.lineno) + 1)


def _has(node: ast.stmt, line: int) -> bool:
    return line in _lines(node)


def _passes(session: pytest.Session, items: Sequence[pytest.Item], n: int) -> bool:
    before = session.testsfailed
    following = items[n + 1] if n + 1 < len(items) else None
    session.config.hook.pytest_runtest_protocol(item=items[n], nextitem=following)
    return session.testsfailed == before
