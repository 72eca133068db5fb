"""`python -m tests.mutants.planting`: changes fold, outbox, gates, delivery and ledger in one place at a time; the tests must say no.

python -m tests.mutants.planting --minutes 60            # stopped, it goes on; the result goes into docs/design.md
python -m tests.mutants.planting --only store.fold --anew
python -m tests.mutants.planting --survivors             # those again that nobody noticed: there may be a test by now
python -m tests.mutants.planting --show store.fold:17    # what is other there

Nobody touches the modules' files. What changes nothing stands in `alike` and is not tried. Which changes come first is drawn by a fixed seed.
"""

from __future__ import annotations

import argparse
import contextlib
import random
import signal
import sys
import time

from tests.lasting.results import PROGRESS, Progress, put_result
from tests.mutants.alike import why_alike
from tests.mutants.changes import changes_of
from tests.mutants.noticing import NotMade, Suite, source_of, within_suite

WORLDS = range(6)
STORE = "tests/store"
DELIVER = "tests/deliver"
_WORKERS = (
    f"{DELIVER}/test_worker.py",
    f"{DELIVER}/test_worker_store.py",
    f"{DELIVER}/test_worker_consent.py",
    f"{DELIVER}/test_worker_google.py",
    f"{DELIVER}/test_worker_platforms.py",
)
TESTS: dict[str, tuple[str, ...]] = {
    "store.fold": (f"{STORE}/test_fold_by_hand.py", f"{STORE}/test_fold.py", f"{STORE}/test_ladder.py"),
    "store.folding": (f"{STORE}/test_fold.py", f"{STORE}/test_ladder.py", f"{STORE}/test_store_orders.py"),
    "store.outbox": (
        f"{STORE}/test_claims.py",
        f"{STORE}/test_releases.py",
        "tests/deliver/test_worker_store.py",
        f"{STORE}/test_withdrawals.py",
        f"{STORE}/test_altered.py",
        "tests/test_told_apart.py",
    ),
    "store.gates.candidates": (
        f"{STORE}/test_altered.py",
        f"{STORE}/test_tellers.py",
        f"{STORE}/test_claims.py",
        f"{STORE}/test_ladder.py",
        f"{STORE}/test_gates.py",
        f"{STORE}/test_ladder_law.py",
    ),
    "store.gates.orders": (f"{STORE}/test_store_orders.py", f"{STORE}/test_gates.py"),
    "store.gates.trust": (f"{STORE}/test_trust_gates.py",),
    "store.gates.addressees": ("tests/event/test_addressees.py", "tests/test_several_destinations.py"),
    "store.gates.values": (
        "tests/reconcile/test_expected.py",
        f"{STORE}/test_trust_gates.py",
        f"{STORE}/test_gates.py",
        "tests/test_told_apart.py",
    ),
    "store.gates.withdrawals": (f"{STORE}/test_withdrawals.py",),
    "store.gates.stitch": (f"{STORE}/test_gates.py", f"{STORE}/test_browsers.py"),
    "store.gates.holds": (f"{STORE}/test_gates.py", f"{STORE}/test_claims.py", "tests/test_told_apart.py"),
    "store.gates.tellers": (f"{STORE}/test_tellers.py", f"{STORE}/test_store_orders.py"),
    "store.gates.releases": (f"{STORE}/test_releases.py", f"{STORE}/test_trust_gates.py"),
    "store.gates.erased": (f"{STORE}/test_gates.py", "tests/privacy/test_erasing.py"),
    "store.orders.ledger": (f"{STORE}/test_store_orders.py", f"{STORE}/test_order_numbers.py"),
    "ledger.state": ("tests/ledger",),
    "ledger.policy": ("tests/ledger",),
    "ledger.money": ("tests/ledger",),
    "ledger.identity": ("tests/ledger",),
    "ledger.filing": ("tests/ledger", f"{STORE}/test_lines.py", "tests/importing/statements/test_import_lines.py"),
    "ledger.rates": ("tests/ledger", "tests/importing/statements/test_read_rates_costs.py"),
    "ledger.references": ("tests/ledger", "tests/importing/statements/test_lines_meet_orders.py"),
    "ledger.spend": ("tests/ledger",),
    "ledger.ties": ("tests/reconcile/test_matching_law.py", "tests/reconcile/test_rule_edges.py"),
    "deliver.worker": _WORKERS,
    "deliver.batches": (f"{DELIVER}/test_batches.py", *_WORKERS),
    "deliver.health": _WORKERS,
    "deliver.retry": (f"{DELIVER}/test_retry.py", *_WORKERS),
    "deliver.access": _WORKERS,
    "deliver.tokens": _WORKERS,
    "deliver.told": _WORKERS,
    "deliver.later": (f"{DELIVER}/test_later.py", f"{DELIVER}/test_worker_google.py"),
    "deliver.redact": (f"{DELIVER}/test_redact.py",),
    "deliver.sender": (f"{DELIVER}/test_sender.py", f"{DELIVER}/test_worker.py"),
}
"""Module to the tests that are about it."""


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tests.mutants.planting", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("--only", choices=sorted(TESTS), nargs="+")
    parser.add_argument("--minutes", type=float, default=0.0)
    parser.add_argument("--anew", action="store_true", help="forget what was tried before")
    parser.add_argument("--survivors", action="store_true", help="try those again that nobody noticed")
    parser.add_argument(
        "--first", type=int, help="ask only so many tests of each; for those that survive, see --survivors"
    )
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
        (module, number)
        for module, number in _in_some_order(given.only or list(TESTS))
        if why_alike(module, source_of(module), number) is None
        and progress.figures.get(f"{module}:{number}", None) in ((False,) if given.survivors else (None,))
    ]

    def try_all(suite: Suite) -> None:
        for test in suite.failing():
            print(f"fails as everything stands, and is left out: {test}", flush=True)
        with contextlib.suppress(KeyboardInterrupt):
            for module, number in wanted:
                if time.monotonic() > until:
                    break
                _try(suite, module, number, progress, given.first)

    if wanted:
        within_suite({module: TESTS[module] for module in dict(wanted)}, WORLDS, try_all, kept=PROGRESS)
    return _told(progress)


def _try(suite: Suite, module: str, number: int, progress: Progress, first: int | None) -> None:
    name = f"{module}:{number}"
    try:
        noticed = suite.notices(module, number, first)
    except NotMade:
        print(f"not made, as no living function has it: {name} {said_of(module, number)}", flush=True)
        return
    progress.put(**{name: noticed})
    if not noticed:
        print(f"survived: {name} {said_of(module, number)}", flush=True)


def _told(progress: Progress) -> int:
    """Of the changes that can be noticed; each of `alike` is counted apart."""
    everything = [(module, n) for module in TESTS for n in range(len(changes_of(source_of(module))))]
    alike = [(module, n) for module, n in everything if why_alike(module, source_of(module), n) is not None]
    names = [f"{module}:{n}" for module, n in everything if (module, n) not in alike]
    tried = [progress.figures[name] for name in names if name in progress.figures]
    survivors = tried.count(False)
    said = f"{len(tried):,} of {len(names):,} changes tried, {len(tried) - survivors:,} noticed; {len(alike):,} more change nothing"
    print(f"\n{said}, {survivors:,} survived")
    put_result("mutants", said)
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
