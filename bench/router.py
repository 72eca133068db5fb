"""How good the router is: worlds with planted faults, worlds without, and worlds with two.

Owns the seeds and the figures of docs/router.md, which it writes into docs/router-figures.json. Long: some five seconds of
processor a world. `python -m bench.router CLEAN FAULTS PAIRS [JOBS [SALT]]` (numbers of worlds; of each fault so many; another
word draws other worlds).
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
OF_WEBHOOKS = {
    FaultKind.NO_SERVER, FaultKind.LATE, FaultKind.TOPIC, FaultKind.ZONE, FaultKind.CLOCK, FaultKind.KEY_LOST, FaultKind.SECRET,
    FaultKind.TEST_ORDERS,
}  # fmt: skip
"""Seen in what the shop's webhooks tell (that an order is a test is told by nothing else)."""
HIDES = {
    FaultKind.SECRET: OF_WEBHOOKS, FaultKind.NO_SERVER: OF_WEBHOOKS,
    FaultKind.NOT_MEETING: {FaultKind.TEST_ORDERS}, FaultKind.ORDER_NUMBERS: {FaultKind.TEST_ORDERS},
}  # fmt: skip
"""What the first fault leaves nothing to see of: a page's Purchase is known for a test by its order's number alone."""
OF_PAGES = frozenset({FaultKind.NO_BROWSER, FaultKind.BLOCKED, FaultKind.CONSENT, FaultKind.FOREIGN_SITE})
"""Browsers tell nothing of these orders any more: two of them are one to whoever looks from outside. One of them beside what pages
tell wrongly, and a silent webhook beside it, leave the less to see the larger their share: in pairs they strike a half to three quarters."""


def look(told: SignalScenario) -> tuple[SignalScenario, list[Finding]]:
    """One world, played and looked at."""
    with tempfile.TemporaryDirectory(prefix="twofold-signal-") as folder:
        config = asyncio.run(play(told, Path(folder), UNTIL_S * 1000))
        task = replace(router_task(load_settings(config), UNTIL_S), tested=False)
        return told, ask(task)


def with_one(of_each: int, salt: str) -> Iterator[SignalScenario]:
    """Each fault so many times: from the eighth to the twelfth day on, for a half of what it strikes to all."""
    for kind in FaultKind:
        for number in range(of_each):
            draw = random.Random(f"{salt}/{kind}/{number}")
            share = 1.0 if kind in WHOLE else round(draw.uniform(0.5, 1.0), 2)
            fault = Fault(kind=kind, day=draw.randint(8, 12), share=share)
            yield SignalScenario(
                seed=draw.randrange(10**6, 10**7), orders_per_day=draw.choice((20, 25, 40)), faults=(fault,)
            )


def with_two(count: int, salt: str) -> Iterator[SignalScenario]:
    """Pairs drawn from those of which each can be seen beside the other."""
    draw = random.Random(f"{salt}/pairs")
    kinds = [k for k in FaultKind if k not in ALONE]
    while count:
        pair = draw.sample(kinds, 2)
        one, other = pair
        hidden = other in HIDES.get(one, ()) or one in HIDES.get(other, ()) or set(pair) <= OF_PAGES
        if hidden or NAMED_BY[one] == NAMED_BY[other]:
            continue
        count -= 1
        faults = tuple(Fault(kind=k, day=draw.randint(8, 12), share=_share(k, draw)) for k in pair)
        yield SignalScenario(seed=draw.randrange(10**6, 10**7), faults=faults)


def _share(kind: FaultKind, draw: random.Random) -> float:
    """What silences a side does so for a part of it: of the rest the other fault is seen."""
    if kind in WHOLE:
        return 1.0
    return round(draw.uniform(0.5, 0.75) if kind in OF_PAGES or kind in HIDES else draw.uniform(0.55, 1.0), 2)


def clean_ones(count: int, salt: str) -> Iterator[SignalScenario]:
    """Shops of several sizes, with few lookers or many."""
    draw = random.Random(f"{salt}/clean")
    for _ in range(count):
        yield SignalScenario(
            seed=draw.randrange(10**6, 10**7), orders_per_day=draw.choice((15, 25, 40)), lookers=draw.choice((0.5, 1.0, 2.0)),
            days=draw.choice((14, 14, 15, 18)),
        )  # fmt: skip


def measure(clean: int, of_each: int, pairs: int, jobs: int, salt: str) -> dict[str, object]:
    """The figures of docs/router.md; what went wrong is printed."""
    worlds = [*with_two(pairs, salt), *with_one(of_each, salt), *clean_ones(clean, salt)]
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
    more = [*sys.argv[4:6], *("2", "first")[len(sys.argv[4:6]) :]]
    figures = measure(*counts, jobs=int(more[0]), salt=more[1])
    FIGURES.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    print(f"\nwrote {FIGURES.name}")
