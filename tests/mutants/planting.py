"""`python -m tests.mutants.planting`: changes the fold, the outbox, the gates and the ledger in one place at a time; the tests must say no.

python -m tests.mutants.planting --minutes 60            # stopped, it goes on; the result goes into docs/design.md
python -m tests.mutants.planting --only store.fold --anew
python -m tests.mutants.planting --show store.fold:17    # what is other there

A child of this process imports the changed module in the place of the one on disk, whose file nobody touches, and runs its tests and
then some simulated worlds. Which changes come first is drawn by a fixed seed.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import importlib.abc
import importlib.machinery
import os
import random
import resource
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

import pytest

from tests.lasting.results import Progress, put_result
from tests.mutants.changes import changed, changes_of

ROOT = Path(__file__).parents[2]
LONGEST_S = 180  # of the processor: a change that makes the tests go on and on is noticed, too
WORLDS = range(6)
STORE = "tests/store"
TESTS: dict[str, tuple[str, ...]] = {
    "store.fold": (f"{STORE}/test_fold.py", f"{STORE}/test_ladder.py"),
    "store.folding": (f"{STORE}/test_fold.py", f"{STORE}/test_ladder.py", f"{STORE}/test_store_orders.py"),
    "store.outbox": (f"{STORE}/test_claims.py", f"{STORE}/test_releases.py", "tests/deliver/test_worker_store.py"),
    "store.gates.orders": (f"{STORE}/test_store_orders.py", f"{STORE}/test_gates.py"),
    "store.gates.trust": (f"{STORE}/test_trust_gates.py",),
    "store.gates.values": (f"{STORE}/test_trust_gates.py", f"{STORE}/test_gates.py"),
    "store.gates.withdrawals": (f"{STORE}/test_withdrawals.py",),
    "store.gates.stitch": (f"{STORE}/test_gates.py", f"{STORE}/test_browsers.py"),
    "store.gates.holds": (f"{STORE}/test_gates.py", f"{STORE}/test_claims.py"),
    "store.orders.ledger": (f"{STORE}/test_store_orders.py", f"{STORE}/test_order_numbers.py"),
    "ledger.state": ("tests/ledger",),
    "ledger.policy": ("tests/ledger",),
    "ledger.money": ("tests/ledger",),
    "ledger.identity": ("tests/ledger",),
}
"""Module to the tests that are about it."""


class _Planted(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds one module, changed."""

    def __init__(self, module: str, number: int) -> None:
        self._module, self._number = f"twofold.{module}", number

    def find_spec(
        self, name: str, _path: Sequence[str] | None, _target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if name != self._module:
            return None
        return importlib.machinery.ModuleSpec(name, self, origin=str(file_of(name.removeprefix("twofold."))))

    def create_module(self, _spec: importlib.machinery.ModuleSpec) -> None:
        """An ordinary one."""

    def exec_module(self, module: ModuleType) -> None:
        file = file_of(self._module.removeprefix("twofold."))
        module.__file__ = str(file)
        tree = changed(file.read_text(encoding="utf-8"), self._number)
        exec(compile(tree, str(file), "exec"), module.__dict__)


def file_of(module: str) -> Path:
    return ROOT / "twofold" / f"{module.replace('.', '/')}.py"


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tests.mutants.planting", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("--only", choices=sorted(TESTS))
    parser.add_argument("--minutes", type=float, default=0.0)
    parser.add_argument("--anew", action="store_true", help="forget what was tried before")
    parser.add_argument("--show", help="module and number of a change")
    given = parser.parse_args()
    if given.show:
        module, _, number = given.show.partition(":")
        print(said_of(module, int(number)))
        return 0
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    until = time.monotonic() + given.minutes * 60 if given.minutes else float("inf")
    progress = Progress("mutants", anew=given.anew)
    with contextlib.suppress(KeyboardInterrupt):
        for module, number in _in_some_order(given.only):
            name = f"{module}:{number}"
            if name in progress.figures:
                continue
            if time.monotonic() > until:
                break
            progress.put(**{name: noticed(module, number)})
            if not progress[name]:
                print(f"survived: {name} {said_of(module, number)}", flush=True)
    return _told(progress)


def _told(progress: Progress) -> int:
    everything = sum(len(changes_of(file_of(module).read_text(encoding="utf-8"))) for module in TESTS)
    survivors = [name for name, killed in progress.figures.items() if not killed]
    tried = len(progress.figures)
    print(f"\n{tried:,} of {everything:,} changes tried, {len(survivors):,} survived")
    put_result("mutants", f"{tried:,} of {everything:,} changes tried, {tried - len(survivors):,} noticed")
    return 1 if survivors else 0


def said_of(module: str, number: int) -> str:
    change = changes_of(file_of(module).read_text(encoding="utf-8"))[number]
    return f"twofold/{module.replace('.', '/')}.py line {change.line}: {change.what}"


def _in_some_order(only: str | None) -> list[tuple[str, int]]:
    found = [
        (module, number)
        for module in TESTS
        if only in (None, module)
        for number in range(len(changes_of(file_of(module).read_text(encoding="utf-8"))))
    ]
    random.Random("mutants").shuffle(found)
    return found


def noticed(module: str, number: int, tests: Sequence[str] = (), worlds: Sequence[int] = WORLDS) -> bool:
    """True when the tests of a module, or some worlds, fail with one of its changes in it."""
    child = os.fork()
    if not child:
        code = 1
        try:
            code = _played(module, number, tests or TESTS[module], worlds)
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) != 0


def _played(module: str, number: int, tests: Sequence[str], worlds: Sequence[int]) -> int:
    """In the child: 0 when nothing was noticed."""
    resource.setrlimit(resource.RLIMIT_CPU, (LONGEST_S, LONGEST_S))
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    os.chdir(ROOT)
    sys.meta_path.insert(0, _Planted(module, number))
    importlib.import_module(f"twofold.{module}")  # before pytest, which would import it in its own way
    code = pytest.main(
        [
            "-x",
            "-q",
            "-n0",
            "-W",
            "ignore::pytest.PytestAssertRewriteWarning",
            "-p",
            "no:cacheprovider",
            "-p",
            "no:randomly",
            *tests,
        ]
    )
    if code != 0:
        return 1
    from tests.world.__main__ import broken_in

    return int(any(broken_in(seed) for seed in worlds))


if __name__ == "__main__":
    sys.exit(main())
