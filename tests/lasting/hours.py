"""`python -m tests.lasting.hours kills|power|soak`: what takes hours with real processes. Each can be stopped (Ctrl-C) and goes on when
it is begun again; figures stand in .lasting, and the last result is written into docs/design.md.

python -m tests.lasting.hours kills --times 10000 --minutes 60
python -m tests.lasting.hours power --times 1000
python -m tests.lasting.hours power --times 40 --defect no-sync    # what must be found
python -m tests.lasting.hours soak --minutes 120
"""

from __future__ import annotations

import argparse
import signal
import sys
import time

from tests.lasting.folder_books import Broken
from tests.lasting.kills import kill_often
from tests.lasting.power import cut_often, why_not
from tests.lasting.results import Progress, put_result
from tests.lasting.soak import SEEN_H, WARM_EVENTS, soak


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tests.lasting.hours", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("run", choices=("kills", "power", "soak"))
    parser.add_argument("--times", type=int, default=0)
    parser.add_argument("--minutes", type=float, default=0.0)
    parser.add_argument(
        "--rate", type=float, default=5.0, help="requests a second, of 40 events, of each of two senders, in a soak"
    )
    parser.add_argument("--anew", action="store_true", help="forget what was counted before")
    parser.add_argument("--defect", default="", help="plant one of tests/world/defects.py; nothing is written down")
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    if given.run == "power" and (reason := why_not()):
        print(f"skipped: {reason}")
        return 0
    name = f"{given.run}-{given.defect}" if given.defect else given.run
    progress = Progress(name, anew=given.anew or bool(given.defect) or given.run == "soak")
    until = time.monotonic() + given.minutes * 60 if given.minutes else float("inf")
    try:
        _run(given, progress, until)
    except Broken as err:
        print(f"\na promise is broken: {err}")
        if not given.defect:
            put_result(TARGETS[given.run], f"a promise is broken: {err}")
        return 1
    except KeyboardInterrupt:
        print("\nstopped; begun again it goes on")
    if not given.defect:
        put_result(TARGETS[given.run], said_of(given.run, progress))
        print(f"\n{said_of(given.run, progress)}")
    return 0


TARGETS = {"kills": "kills", "power": "power-cuts", "soak": "soak"}


def _run(given: argparse.Namespace, progress: Progress, until: float) -> None:
    match given.run:
        case "kills":
            kill_often(
                progress, given.times or 10_000, until, lambda: _tell(f"{progress['kills']} kills"), given.defect
            )
        case "power":
            cut_often(progress, given.times or 1_000, until, lambda: _tell(f"{progress['cuts']} cuts"), given.defect)
        case _:
            soak(progress, given.minutes or 120, _tell, given.rate)


def _tell(text: str) -> None:
    sys.stderr.write(f"\r{text}   ")
    sys.stderr.flush()


def said_of(run: str, p: Progress) -> str:
    """A result in words."""
    match run:
        case "kills":
            return (
                f"{p['kills']:,} SIGKILLs of 10,000 asked; of {p['events']:,} acknowledged events none was lost, {p['repeats']:,} came "
                f"to the platform twice; the slowest start took {p['slowest_start_s']} s"
            )
        case "power":
            return f"{p['cuts']:,} power cuts of 1,000 asked; of {p['events']:,} acknowledged events none was lost"
        case _:
            leak = (
                f"behind its first {WARM_EVENTS:,} events one process, watched for {p['watched_min']} min, held {p['memory_mb']} MB, growing by {p['slope_mb_h']} "
                f"(give or take {p['error_mb_h']}) MB an hour, {p['files']} files and {p['threads']} threads"
                if p["watched_min"]
                else f"no verdict on growth: the last process took {p['taken']:,} events, and what it holds is full at {WARM_EVENTS:,}, "
                f"behind which it is to be watched for {SEEN_H * 60:.0f} min"
            )
            return f"{p['minutes']} min of 120 asked, a fault each 60 s, {p['events']:,} events, none lost; {leak}"


if __name__ == "__main__":
    sys.exit(main())
