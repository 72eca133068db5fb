"""How good the router is: worlds with planted faults, worlds without, and worlds with two.

Owns the seeds and the figures of docs/router.md, which it writes into docs/router-figures.json. Long: some four seconds of
processor a world. `python -m bench.router CLEAN FAULTS PAIRS` (numbers of worlds; of each fault so many).
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from msgspec.structs import replace

from twofold.commands.router.planted import NAMED_BY, false_alarms, judge
from twofold.commands.router.signal_world import play
from twofold.config import load_settings
from twofold.policies import router_task
from twofold.router.finding import Finding
from twofold.router.task import ask
from twofold.simulate.signal.scenario import Fault, FaultKind, SignalScenario

FIGURES = Path(__file__).parent.parent / "docs" / "router-figures.json"
UNTIL_S = 1_795_824_000  # 2026-11-28
ALONE = frozenset({FaultKind.TOKEN_DEAD, FaultKind.WRONG_DATASET})
"""After these nothing leaves, so that what is seen in what leaves cannot be seen: never two of one world."""
WHOLE = frozenset({FaultKind.TOPIC, FaultKind.TOKEN_DEAD, FaultKind.WRONG_DATASET, FaultKind.TEST_CODE})
"""What is there or is not: a share of it means nothing."""
HIDES = {
    FaultKind.SECRET: {FaultKind.NO_SERVER, FaultKind.LATE, FaultKind.TOPIC, FaultKind.ZONE, FaultKind.KEY_LOST},
    FaultKind.NO_SERVER: {FaultKind.LATE, FaultKind.TOPIC, FaultKind.ZONE, FaultKind.KEY_LOST, FaultKind.SECRET},
}
"""What the first fault leaves nothing to see of."""
OF_PAGES = frozenset({FaultKind.NO_BROWSER, FaultKind.BLOCKED, FaultKind.CONSENT, FaultKind.FOREIGN_SITE})
"""Browsers tell nothing of these orders any more: two of them are one to whoever looks from outside."""


def look(told: SignalScenario) -> tuple[SignalScenario, list[Finding]]:
    """One world, played and looked at."""
    with tempfile.TemporaryDirectory(prefix="twofold-signal-") as folder:
        config = asyncio.run(play(told, Path(folder), UNTIL_S * 1000))
        task = replace(router_task(load_settings(config), UNTIL_S), tested=False)
        return told, ask(task)


def with_one(of_each: int) -> Iterator[SignalScenario]:
    """Each fault so many times: on the eighth to the eleventh day, for a half of what it strikes to all."""
    for kind in FaultKind:
        for seed in range(of_each):
            draw = random.Random(f"{kind}/{seed}")
            share = 1.0 if kind in WHOLE else draw.choice((0.5, 0.75, 1.0))
            fault = Fault(kind=kind, day=draw.randint(8, 11), share=share)
            yield SignalScenario(seed=1_000 + seed, faults=(fault,))


def with_two(count: int) -> Iterator[SignalScenario]:
    """Pairs drawn from those of which each can be seen beside the other."""
    draw = random.Random("pairs")
    kinds = [k for k in FaultKind if k not in ALONE]
    while count:
        one, other = draw.sample(kinds, 2)
        hidden = other in HIDES.get(one, ()) or one in HIDES.get(other, ()) or {one, other} & OF_PAGES
        if hidden or NAMED_BY[one] == NAMED_BY[other]:
            continue
        count -= 1
        faults = tuple(Fault(kind=k, day=draw.randint(8, 11)) for k in (one, other))
        yield SignalScenario(seed=draw.randrange(10_000), faults=faults)


def measure(clean: int, of_each: int, pairs: int, jobs: int) -> dict[str, object]:
    """The figures of docs/router.md; what went wrong is printed."""
    worlds = [
        *(SignalScenario(seed=seed) for seed in range(clean)), *with_one(of_each), *with_two(pairs),
    ]  # fmt: skip
    alarms = both = 0
    rows = {kind: {"worlds": 0, "named": 0, "first": 0, "found": 0, "right": 0} for kind in FaultKind}
    with ProcessPoolExecutor(jobs) as pool:
        for done, (told, found) in enumerate(pool.map(look, worlds), 1):
            kinds = [fault.kind for fault in told.faults]
            judged, wrong = judge(kinds, found), false_alarms(kinds, found)
            if not kinds:
                alarms += len(wrong)
            elif len(kinds) == 1:
                row = rows[kinds[0]]
                row["worlds"] += 1
                row["named"] += bool(judged[0].rank)
                row["first"] += judged[0].first
                own = [f for f in found if not f.because]
                row["found"] += len(own)
                row["right"] += len(own) - len(wrong)
            else:
                both += all(j.first for j in judged)
            if wrong or not all(j.first for j in judged):
                _tell(told, found)
            if sys.stderr.isatty():
                print(f"\r{done} of {len(worlds)}", end="", file=sys.stderr, flush=True)
    return {
        "clean": {"worlds": clean, "alarms": alarms},
        "pairs": {"worlds": pairs, "both": both},
        "faults": [
            {"fault": kind.value, "worlds": row["worlds"], "named": row["named"], "first": row["first"],
             "precision": f"{row['right'] / row['found']:.2f}" if row["found"] else ""}
            for kind, row in rows.items()
        ],
    }  # fmt: skip


def _tell(told: SignalScenario, found: Sequence[Finding]) -> None:
    faults = ", ".join(f"{f.kind} day {f.day} share {f.share}" for f in told.faults) or "nothing planted"
    print(
        f"\nseed {told.seed}, {faults}: "
        + "; ".join(f"{f.key}{' <- ' + f.because if f.because else ''}" for f in found)
    )


if __name__ == "__main__":
    counts = [int(word) for word in sys.argv[1:4]] or [100, 10, 60]
    figures = measure(*counts, jobs=int(sys.argv[4]) if len(sys.argv) > 4 else 2)
    FIGURES.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    print(f"\nwrote {FIGURES.name}")
