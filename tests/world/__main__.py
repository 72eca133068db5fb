"""`python -m tests.world`: many seeds one after the other, a failing one made short, one seed replayed, or the planted defects.

python -m tests.world --seeds 2000 --from 0      # Ctrl-C stops; it says where to go on
python -m tests.world --seeds 20000 --go-on      # where the last such run was stopped; the result goes into docs/design.md
python -m tests.world --replay 17 --keep 3,9,12  # these steps of seed 17
python -m tests.world --defects                  # each planted defect, until a seed finds it; stopped, it goes on
"""

from __future__ import annotations

import argparse
import re
import signal
import sys
import time
import traceback
from collections.abc import Callable, Sequence

from tests.lasting.results import Progress, put_result, put_table
from tests.world.defects import DEFECTS, planted
from tests.world.one_world import run_world
from tests.world.shrinking import shrink
from tests.world.steps import Step, plan

FIND_WITHIN = 2_000  # seeds
MISSED = -1
DEFECTS_HEAD = "| planted defect | what is wrong with it in the program | first seed that finds it |"


def main() -> int:
    given = _arguments()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    if given.replay is not None:
        return _replay(given.replay, given.keep, given.defect)
    if given.defects:
        return _find_defects(given.defect, given.anew)
    if given.go_on or given.anew:
        return _go_on(given.seeds, given.anew)
    return _many(given.first, given.seeds)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.world", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seeds", type=int, default=1_000)
    parser.add_argument("--from", dest="first", type=int, default=0)
    parser.add_argument("--go-on", action="store_true")
    parser.add_argument("--anew", action="store_true", help="the same from the beginning")
    parser.add_argument("--replay", type=int)
    parser.add_argument("--keep", help="places of steps, with commas between; all of them when left out")
    parser.add_argument("--defects", action="store_true")
    parser.add_argument("--defect", choices=[d.name for d in DEFECTS], help="only this one")
    return parser.parse_args()


def _go_on(seeds: int, anew: bool) -> int:
    """The rest of so many seeds. What has been played is on disk; the processor's seconds are added up over all runs."""
    progress, busy = Progress("world", anew=anew), time.process_time()
    first = progress["seeds"]

    def keep(seed: int) -> None:
        nonlocal busy
        now = time.process_time()
        progress.add(seeds=1, busy_s=now - busy)
        busy = now

    code = _many(first, max(0, seeds - first), keep)
    each = progress["busy_s"] / max(1, progress["seeds"])
    said = f"{progress['seeds']:,} seeds of {seeds:,} asked, {1 / max(each, 1e-6):.1f} a second of one processor; "
    put_result("world", said + ("the next one broke a promise" if code == 1 else "no promise broken"))
    return code


def _many(first: int, seeds: int, played: Callable[[int], None] = lambda _seed: None) -> int:
    """Stops at the first seed that breaks a promise; ``played`` is told of each that broke none."""
    began, told = time.monotonic(), 0.0
    for seed in range(first, first + seeds):
        try:
            broken = broken_in(seed)
        except KeyboardInterrupt:
            print(f"\nstopped before seed {seed}; go on with: make world FROM={seed} SEEDS={first + seeds - seed}")
            return 130
        if broken:
            _tell(seed, broken)
            return 1
        played(seed)
        passed = time.monotonic() - began
        if passed - told > 2:
            told = passed
            done = seed - first + 1
            sys.stderr.write(f"\r{done} of {seeds} seeds, {done / passed:.1f} a second ")
            sys.stderr.flush()
    passed = time.monotonic() - began
    print(
        f"\n{seeds} seeds from {first} on, no promise broken, {passed:.0f} s, {seeds / max(passed, 0.001):.1f} a second"
    )
    return 0


def broken_in(seed: int, steps: Sequence[Step] | None = None) -> list[str]:
    """The promises that were broken; a world that cannot be played breaks one, too."""
    try:
        return run_world(seed, steps).broken
    except Exception as err:
        where = traceback.extract_tb(err.__traceback__)[-1]
        return [f"the world could not be played: {type(err).__name__} at {where.name}: {err}"]


def _tell(seed: int, broken: list[str], defect: str = "") -> None:
    steps, kind = plan(seed), _kind(broken)
    print(f"\nseed {seed} broke a promise: {broken[0]}")
    print("making it short ...")
    kept = shrink(steps, lambda some: _kind(broken_in(seed, some)) == kind)
    for place in kept:
        print(f"  {place:3} {' '.join(map(str, steps[place]))}")
    for line in broken_in(seed, [steps[n] for n in kept]):
        print(f"  {line}")
    places = ",".join(map(str, kept))
    print(f"replay: make world REPLAY={seed} KEEP={places}{f' DEFECT={defect}' if defect else ''}")


def _kind(broken: list[str]) -> str:
    """What was broken, without numbers: the same trouble in a shorter list."""
    return re.sub(r"[0-9a-f]*[0-9][0-9a-f.]*", "#", broken[0].partition(": ")[2]) if broken else ""


def _replay(seed: int, keep: str | None, defect: str | None) -> int:
    steps = plan(seed)
    kept = [int(n) for n in keep.split(",")] if keep else range(len(steps))
    with planted(defect):
        broken = broken_in(seed, [steps[n] for n in kept])
    print("\n".join(broken) or f"seed {seed}: no promise broken")
    return 1 if broken else 0


def _find_defects(only: str | None, anew: bool) -> int:
    """Those that were not searched yet, or this one; docs/design.md is told with which seed each was found."""
    progress = Progress("world-defects", anew=anew)
    for defect in DEFECTS:
        searched = progress.figures.get(defect.name) is not None
        if defect.name != only and (only or searched):
            continue
        progress.put(**{defect.name: None})
        began = time.monotonic()
        try:
            found = _found_with(defect.name)
        except KeyboardInterrupt:
            print(f"\nstopped at {defect.name}; begun again it goes on")
            return 130
        seconds = time.monotonic() - began
        progress.put(**{defect.name: MISSED if found is None else found[0]})
        if found is None:
            print(f"MISSED {defect.name}: {defect.what}: not in {FIND_WITHIN} seeds, {seconds:.0f} s", flush=True)
        else:
            print(f"found {defect.name} with seed {found[0]}, {seconds:.0f} s: {found[1][0]}", flush=True)
        put_table(DEFECTS_HEAD, [(f"`{d.name}`", d.what, _found_in(progress.figures.get(d.name))) for d in DEFECTS])
    return 1 if MISSED in progress.figures.values() else 0


def _found_in(seed: int | None) -> str:
    if seed is None:
        return "not searched"
    return f"not within {FIND_WITHIN:,}" if seed == MISSED else f"{seed:,}"


def _found_with(name: str) -> tuple[int, list[str]] | None:
    """The first seed that keeps every promise without the defect and breaks one with it."""
    for seed in range(FIND_WITHIN):
        with planted(name):
            broken = broken_in(seed)
        if broken and not broken_in(seed):
            return seed, broken
    return None


if __name__ == "__main__":
    sys.exit(main())
