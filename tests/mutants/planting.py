"""`python -m tests.mutants.planting`: changes the fold, the outbox, the gates and the ledger in one place at a time; the tests must say no.

python -m tests.mutants.planting --minutes 60            # stopped, it goes on; the result goes into docs/design.md
python -m tests.mutants.planting --only store.fold --anew
python -m tests.mutants.planting --show store.fold:17    # what is other there

Nobody touches the modules' files. Which changes come first is drawn by a fixed seed.
"""

from __future__ import annotations

import argparse
import contextlib
import random
import signal
import sys
import time

from tests.lasting.results import Progress, put_result
from tests.mutants.changes import changes_of
from tests.mutants.noticing import NotMade, Suite, source_of, within_suite

WORLDS = range(6)
STORE = "tests/store"
TESTS: dict[str, tuple[str, ...]] = {
    "store.fold": (f"{STORE}/test_fold.py", f"{STORE}/test_ladder.py"),
    "store.folding": (f"{STORE}/test_fold.py", f"{STORE}/test_ladder.py", f"{STORE}/test_store_orders.py"),
    "store.outbox": (f"{STORE}/test_claims.py", f"{STORE}/test_releases.py", "tests/deliver/test_worker_store.py"),
    "store.gates.orders": (f"{STORE}/test_store_orders.py", f"{STORE}/test_gates.py"),
    "store.gates.trust": (f"{STORE}/test_trust_gates.py",),
    "store.gates.values": (f"{STORE}/test_trust_gates.py", f"{STORE}/test_gates.py", "tests/test_told_apart.py"),
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


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tests.mutants.planting", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("--only", choices=sorted(TESTS), nargs="+")
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
    wanted = [
        name for name in _in_some_order(given.only or list(TESTS)) if f"{name[0]}:{name[1]}" not in progress.figures
    ]

    def try_all(suite: Suite) -> None:
        for test in suite.failing():
            print(f"fails as everything stands, and is left out: {test}", flush=True)
        with contextlib.suppress(KeyboardInterrupt):
            for module, number in wanted:
                if time.monotonic() > until:
                    break
                _try(suite, module, number, progress)

    if wanted:
        within_suite({module: TESTS[module] for module in dict(wanted)}, WORLDS, try_all)
    return _told(progress)


def _try(suite: Suite, module: str, number: int, progress: Progress) -> None:
    name = f"{module}:{number}"
    try:
        noticed = suite.notices(module, number)
    except NotMade:
        print(f"not made, as no living function has it: {name} {said_of(module, number)}", flush=True)
        return
    progress.put(**{name: noticed})
    if not noticed:
        print(f"survived: {name} {said_of(module, number)}", flush=True)


def _told(progress: Progress) -> int:
    everything = sum(len(changes_of(source_of(module))) for module in TESTS)
    survivors = [name for name, killed in progress.figures.items() if not killed]
    tried = len(progress.figures)
    print(f"\n{tried:,} of {everything:,} changes tried, {len(survivors):,} survived")
    put_result("mutants", f"{tried:,} of {everything:,} changes tried, {tried - len(survivors):,} noticed")
    return 1 if survivors else 0


def said_of(module: str, number: int) -> str:
    change = changes_of(source_of(module))[number]
    return f"twofold/{module.replace('.', '/')}.py line {change.line}: {change.what}"


def _in_some_order(modules: list[str]) -> list[tuple[str, int]]:
    found = [(module, number) for module in modules for number in range(len(changes_of(source_of(module))))]
    random.Random("mutants").shuffle(found)
    return found


if __name__ == "__main__":
    sys.exit(main())
