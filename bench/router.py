"""How good the router is: worlds with planted faults, worlds without, and worlds with two.

Owns the seeds and the figures of docs/router.md, which it writes into docs/router-figures.json. Long: some four seconds of
processor a world. `python -m bench.router CLEAN FAULTS PAIRS [JOBS [SALT]]` (numbers of worlds; of each fault so many; another
word draws other worlds). Each world's answer is kept in `PARTS` as it comes: stopped, the same command goes on where it was. Answers
that other rules or worlds gave are not taken.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from hashlib import sha256
from itertools import chain, zip_longest
from pathlib import Path

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from twofold.commands.router.planted import NAMED_BY, false_alarms, judge
from twofold.commands.router.signal_world import play
from twofold.config import load_settings
from twofold.policies import router_task
from twofold.router.task import ask
from twofold.simulate.signal.scenario import Fault, FaultKind, SignalScenario

HOUSE = Path(__file__).parent.parent
FIGURES = HOUSE / "docs" / "router-figures.json"
PARTS = HOUSE / "build" / "router"
RULED_BY = ("bench/router.py", "twofold/router", "twofold/report", "twofold/simulate", "twofold/commands/router", "twofold/store/sql/router.sql")  # fmt: skip
"""The rules and the worlds: an answer is kept under the digest of these."""
MEMORY = Path("/dev/shm")
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


class Seen(Struct, frozen=True, kw_only=True):
    """One world's answer, as it is kept. ``found``: each finding's key, with what it follows from."""

    told: SignalScenario
    first: list[bool]  # of each planted fault: does it stand where it has to?
    named: list[bool]
    found: list[tuple[str, str]]
    wrong: int


def look(told: SignalScenario) -> Seen:
    """One world, played and looked at. In memory where there is such a folder: what a power cut would do is asked elsewhere."""
    place = MEMORY if MEMORY.is_dir() else None
    with tempfile.TemporaryDirectory(prefix="twofold-signal-", dir=place) as folder:
        config = asyncio.run(play(told, Path(folder), UNTIL_S * 1000))
        found = ask(replace(router_task(load_settings(config), UNTIL_S), tested=False))
    kinds = [fault.kind for fault in told.faults]
    judged = judge(kinds, found)
    return Seen(
        told=told, first=[j.first for j in judged], named=[bool(j.rank) for j in judged],
        found=[(f.key, f.because or "") for f in found], wrong=len(false_alarms(kinds, found)),
    )  # fmt: skip


def with_one(of_each: int, salt: str) -> Iterator[SignalScenario]:
    """Each fault so many times: from the eighth to the twelfth day on, for a half of what it strikes to all."""
    for number in range(of_each):
        for kind in FaultKind:
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


def worlds_of(clean: int, of_each: int, pairs: int, salt: str) -> list[SignalScenario]:
    """Some of every kind first, so that a run that was stopped has seen something of each."""
    turns = zip_longest(with_two(pairs, salt), with_one(of_each, salt), clean_ones(clean, salt))
    return [told for told in chain.from_iterable(turns) if told is not None]


def answers(worlds: Sequence[SignalScenario], jobs: int) -> Iterator[Seen]:
    """Of each world its answer: those that are kept, then the others as they come."""
    PARTS.mkdir(parents=True, exist_ok=True)
    path = PARTS / f"{_rules()[:16]}.jsonl"
    kept = {seen.told: seen for seen in _kept(path)}
    yield from (kept[told] for told in worlds if told in kept)
    with ProcessPoolExecutor(jobs) as pool, path.open("ab") as parts:
        for done in as_completed([pool.submit(look, told) for told in worlds if told not in kept]):
            parts.write(msgspec.json.encode(done.result()) + b"\n")
            parts.flush()
            yield done.result()


def _kept(path: Path) -> Iterator[Seen]:
    """A line that a kill cut short is not there."""
    for line in path.read_bytes().splitlines() if path.exists() else ():
        try:
            yield msgspec.json.decode(line, type=Seen)
        except msgspec.DecodeError:
            continue


def _rules() -> str:
    digest = sha256()
    files = chain.from_iterable([p] if (p := HOUSE / name).is_file() else sorted(p.rglob("*.*")) for name in RULED_BY)
    for path in files:
        if path.suffix in (".py", ".sql"):
            digest.update(path.relative_to(HOUSE).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def measure(seen: Iterable[Seen], of: int) -> dict[str, object]:
    """The figures of docs/router.md; what went wrong is printed."""
    clean, pairs = {"worlds": 0, "alarms": 0}, {"worlds": 0, "both": 0}
    rows = {kind: {"worlds": 0, "named": 0, "first": 0, "found": 0, "right": 0} for kind in FaultKind}
    for done, one in enumerate(seen, 1):
        if not one.told.faults:
            clean["worlds"] += 1
            clean["alarms"] += one.wrong
        elif len(one.told.faults) == 1:
            _count(rows[one.told.faults[0].kind], one)
        else:
            pairs["worlds"] += 1
            pairs["both"] += all(one.first)
        if one.wrong or not all(one.first):
            _tell(one)
        if sys.stderr.isatty():
            print(f"\r{done} of {of}", end="", file=sys.stderr, flush=True)
    return {"clean": clean, "pairs": pairs, "faults": [_row(kind, row) for kind, row in rows.items()]}


def _count(row: dict[str, int], one: Seen) -> None:
    own = sum(not because for _, because in one.found)
    row["worlds"] += 1
    row["named"] += one.named[0]
    row["first"] += one.first[0]
    row["found"] += own
    row["right"] += own - one.wrong


def _row(kind: FaultKind, row: Mapping[str, int]) -> dict[str, object]:
    precision = f"{row['right'] / row['found']:.2f}" if row["found"] else ""
    return {"fault": kind.value, **{name: row[name] for name in ("worlds", "named", "first")}, "precision": precision}


def _tell(one: Seen) -> None:
    faults = ", ".join(f"{f.kind} day {f.day} share {f.share}" for f in one.told.faults) or "nothing planted"
    found = "; ".join(f"{key}{' <- ' + because if because else ''}" for key, because in one.found)
    print(f"\nseed {one.told.seed}, {faults}: {found}", flush=True)


if __name__ == "__main__":
    usual = ("100", "10", "60", "2", "first")
    clean, of_each, pairs, jobs, salt = [*sys.argv[1:6], *usual[len(sys.argv[1:6]) :]]
    worlds = worlds_of(int(clean), int(of_each), int(pairs), salt)
    figures = measure(answers(worlds, int(jobs)), len(worlds))
    FIGURES.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    print(f"\nwrote {FIGURES.name}")
