"""What a delivery system learns from the signal it gets, and what a bad signal costs: a small model, not Meta's.

Owns a world of audiences whose worth is hidden, a bandit that sees reported conversions and nothing else, a table of
signals, and the measurement. How Meta's delivery really decides is not published; nothing here is its figure. The
model holds three plain ideas only:

- **World.** `AUDIENCES` audiences. Each has a conversion rate and a mean order value that nobody sees; both differ
  by a factor between audiences, and the rates drift from day to day, so that learning is never over.
- **Delivery.** Each day the budget is spent in slices. Before each slice the bandit draws, for every audience, a
  conversion rate per unit of money from what it believes (Thompson sampling on a gamma belief), multiplies it by the
  mean reported value, and spends the slice where the product is highest. Beliefs fade, and an audience of which
  nothing is known is believed to be average.
- **Signal.** What happened is turned into reported events; they pass this sandbox's own deduplication; what counts,
  and does not carry ``opt_out``, is all that the bandit ever sees.

One seed is one world. Every signal of a seed meets the same audiences, and the same slice of the same day brings the
same orders, so that two signals differ by what they report and not by luck of the draw.

Limits: one advertiser, no auction, no creative, no saturation of an audience, orders reported on the day they
happen, and the bandit's diligence (slices a day, fading) is our choice. The direction of an effect can be trusted
further than its size.
"""

from __future__ import annotations

import argparse
import random
import statistics
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from msgspec import Struct

from twofold.sandbox.wire.dedup import DAY_MS, Copy, Deduplicator, Source, State

AUDIENCES = 12
DAYS = 60
SLICES = 30  # a day
SLICE = 50.0  # money
CLICKS = 50  # that a slice buys
RATE, RATE_SPREAD = 0.012, 0.5  # median conversion rate of a click, and the spread of its logarithm
DRIFT = 0.06  # of the logarithm of the rate, a day
VALUE, VALUE_SPREAD = 80.0, 0.4  # median of the audiences' mean order values
ORDER_SPREAD = 0.6  # of the logarithm of one order's value
FADING = 0.9  # of what was believed a day ago
SEEDS = range(30)
BEST = AUDIENCES // 3
MARKS = ("<!-- figures: begin -->", "<!-- figures: end -->")


class Order(Struct, frozen=True, gc=False):
    """One true order. ``luck`` (0 to 1) decides, the same under every signal, whether it gets lost."""

    id: str
    audience: int
    value: float
    luck: float


class Report(Struct, frozen=True, gc=False):
    """One event as a sender reports it."""

    order: Order
    event_id: str
    value: float
    source: Source = Source.SERVER
    opt_out: bool = False


class Outcome(Struct, frozen=True):
    """One run. True figures are the world's; the reported return is what the advertiser would be shown."""

    true_roas: float
    reported_roas: float
    on_best: float  # share of the money spent on the third of the audiences that was truly best on the day


class World:
    """The hidden truth of one seed."""

    def __init__(self, seed: int) -> None:
        dice = random.Random(f"audiences {seed}")
        self.seed = seed
        self.values = [VALUE * dice.lognormvariate(0, VALUE_SPREAD) for _ in range(AUDIENCES)]
        self.affected = frozenset(dice.sample(range(AUDIENCES), AUDIENCES // 3))  # by a fault of some audiences only
        self.reach = self._reaches(dice)
        self._rates = [self._path(dice) for _ in range(AUDIENCES)]

    def worth(self, day: int) -> list[float]:
        """True value per unit of money, by audience."""
        return [self._rates[a][day] * CLICKS * self.values[a] / SLICE for a in range(AUDIENCES)]

    def orders(self, day: int, audience: int, slice_: int) -> list[Order]:
        """What the n-th slice of a day brings in one audience; the same whenever it is asked."""
        dice = random.Random(f"orders {self.seed} {day} {audience} {slice_}")
        count = _poisson(dice, self._rates[audience][day] * CLICKS)
        value = self.values[audience]
        return [
            Order(
                f"{day}-{audience}-{slice_}-{n}",
                audience,
                # lognormal with this mean
                value * dice.lognormvariate(-(ORDER_SPREAD**2) / 2, ORDER_SPREAD),
                dice.random(),
            )
            for n in range(count)
        ]

    def _path(self, dice: random.Random) -> list[float]:
        rate = RATE * dice.lognormvariate(0, RATE_SPREAD)
        path = []
        for _ in range(DAYS):
            path.append(rate)
            rate = min(rate * dice.lognormvariate(0, DRIFT), 0.2)
        return path

    def _reaches(self, dice: random.Random) -> list[float]:
        """How much of each audience can be seen, 40 to 100 %, 70 % on average: blockers and browsers differ."""
        reach = [0.4 + 0.6 * (n + 0.5) / AUDIENCES for n in range(AUDIENCES)]
        dice.shuffle(reach)
        return reach


Signal = Callable[[World, Order], Iterable[Report]]


def _once(order: Order, value: float | None = None, *, opt_out: bool = False) -> Report:
    return Report(order, order.id, order.value if value is None else value, opt_out=opt_out)


def _complete(_: World, order: Order) -> Iterator[Report]:
    yield _once(order)


def _kept(share: float) -> Signal:
    def signal(_: World, order: Order) -> Iterator[Report]:
        if order.luck < share:
            yield _once(order)

    return signal


def _kept_unevenly(world: World, order: Order) -> Iterator[Report]:
    if order.luck < world.reach[order.audience]:
        yield _once(order)


def _opted_out(_: World, order: Order) -> Iterator[Report]:
    yield _once(order, opt_out=order.luck >= 0.7)


def _shared_id(_: World, order: Order) -> Iterator[Report]:
    yield Report(order, order.id, order.value, Source.BROWSER)
    yield _once(order)


def _two_ids(order: Order) -> Iterator[Report]:
    yield Report(order, "browser " + order.id, order.value, Source.BROWSER)
    yield _once(order)


def _duplicated(_: World, order: Order) -> Iterator[Report]:
    yield from _two_ids(order)


def _duplicated_partly(world: World, order: Order) -> Iterator[Report]:
    if order.audience in world.affected:
        yield from _two_ids(order)
    else:
        yield _once(order)


def _flat(_: World, order: Order) -> Iterator[Report]:
    yield _once(order, VALUE)


def _cents_partly(world: World, order: Order) -> Iterator[Report]:
    yield _once(order, order.value * (100 if order.audience in world.affected else 1))


# name -> what is reported of one true order
SIGNALS: dict[str, Signal] = {
    "complete": _complete,
    "95 of 100": _kept(0.95),
    "70 of 100": _kept(0.70),
    "70 of 100, unevenly lost": _kept_unevenly,
    "complete, 30 of 100 with opt_out": _opted_out,
    "browser and server, shared event id": _shared_id,
    "browser and server, two ids": _duplicated,
    "two ids in a third of the audiences": _duplicated_partly,
    "every order at one flat value": _flat,
    "cents for units in a third of the audiences": _cents_partly,
}


class Delivery:
    """The bandit. It knows its own spend and what was reported, per audience."""

    def __init__(self, seed: int) -> None:
        self._dice = random.Random(f"delivery {seed}")
        self._spend = [0.0] * AUDIENCES
        self._count = [0.0] * AUDIENCES
        self._value = [0.0] * AUDIENCES

    def choose(self) -> int:
        """The audience of the next slice."""
        spend, count, value = sum(self._spend), sum(self._count), sum(self._value)
        # Before anything is known every audience is equal, so these two starting figures have no weight.
        usual_cost = (spend + SLICE) / (count + 1)
        usual_value = value / count if count else 1.0

        def promise(audience: int) -> float:
            rate = self._dice.gammavariate(self._count[audience] + 1, 1 / (self._spend[audience] + usual_cost))
            mean = (self._value[audience] + usual_value) / (self._count[audience] + 1)
            return rate * mean

        return max(range(AUDIENCES), key=promise)

    def learn(self, spent: Sequence[float], reports: Iterable[Report]) -> None:
        """The end of one day."""
        for beliefs in (self._spend, self._count, self._value):
            for audience in range(AUDIENCES):
                beliefs[audience] *= FADING
        for audience, amount in enumerate(spent):
            self._spend[audience] += amount
        for report in reports:
            self._count[report.order.audience] += 1
            self._value[report.order.audience] += report.value


def run(seed: int, signal: Signal) -> Outcome:
    """One world, one signal, `DAYS` days."""
    world, delivery, judge = World(seed), Delivery(seed), Deduplicator()
    true_value = reported_value = on_best = 0.0
    number = 0
    for day in range(DAYS):
        best = sorted(range(AUDIENCES), key=world.worth(day).__getitem__)[-BEST:]
        slices = [0] * AUDIENCES
        counted: list[Report] = []
        for _ in range(SLICES):
            audience = delivery.choose()
            orders = world.orders(day, audience, slices[audience])
            slices[audience] += 1
            true_value += sum(order.value for order in orders)
            for report in (report for order in orders for report in signal(world, order)):
                number += 1
                if judge.judge(_copy(report, number, day)).state is State.PROCESSED:
                    counted.append(report)
        reported_value += sum(report.value for report in counted)
        on_best += sum(slices[audience] for audience in best) * SLICE
        delivery.learn([n * SLICE for n in slices], (report for report in counted if not report.opt_out))
    spend = DAYS * SLICES * SLICE
    return Outcome(true_value / spend, reported_value / spend, on_best / spend)


def _copy(report: Report, number: int, day: int) -> Copy:
    return Copy(
        number=number,
        dataset="1",
        event_name="Purchase",
        source=report.source,
        received_at=day * DAY_MS,
        event_id=report.event_id,
    )


def _poisson(dice: random.Random, mean: float) -> int:
    """Knuth's way; means here are small."""
    count, left = 0, dice.expovariate(1)
    while left < mean:
        count += 1
        left += dice.expovariate(1)
    return count


class Line(Struct, frozen=True):
    """One signal over all seeds: mean and standard deviation; the difference is to the complete signal, in pairs."""

    name: str
    true_roas: tuple[float, float]
    reported_roas: tuple[float, float]
    on_best: float
    difference: float  # mean, as a share of the complete signal's mean
    error: float  # half of the 95 % interval of that mean
    worse: int  # seeds in which it did worse than the complete signal


def measure(names: Iterable[str] = tuple(SIGNALS), seeds: Iterable[int] = SEEDS) -> list[Line]:
    """Runs every named signal on every seed."""
    seeds = tuple(seeds)
    complete = [run(seed, SIGNALS["complete"]) for seed in seeds]
    lines = []
    for name in names:
        outcomes = complete if name == "complete" else [run(seed, SIGNALS[name]) for seed in seeds]
        lines.append(_line(name, outcomes, complete))
    return lines


def _line(name: str, outcomes: Sequence[Outcome], complete: Sequence[Outcome]) -> Line:
    base = statistics.mean(outcome.true_roas for outcome in complete)
    apart = [(mine.true_roas - full.true_roas) / base for mine, full in zip(outcomes, complete, strict=True)]
    return Line(
        name,
        _spread([outcome.true_roas for outcome in outcomes]),
        _spread([outcome.reported_roas for outcome in outcomes]),
        statistics.mean(outcome.on_best for outcome in outcomes),
        statistics.mean(apart),
        1.96 * statistics.stdev(apart) / len(apart) ** 0.5,
        sum(share < 0 for share in apart),
    )


def _spread(values: Sequence[float]) -> tuple[float, float]:
    return statistics.mean(values), statistics.stdev(values)


def table(lines: Sequence[Line], seeds: int) -> str:
    """The figures as a Markdown table."""
    rows = [
        "| signal | true return on spend | against complete (95 %) | worse in | reported return | money on the best third |",
        "|---|---|---|---|---|---|",
    ]
    for line in lines:
        against = "–" if line.name == "complete" else f"{line.difference:+.1%} ± {line.error:.1%}"
        worse = "–" if line.name == "complete" else f"{line.worse} of {seeds}"
        rows.append(
            f"| {line.name} | {line.true_roas[0]:.2f} ± {line.true_roas[1]:.2f} | {against} | {worse} "
            f"| {line.reported_roas[0]:.2f} ± {line.reported_roas[1]:.2f} | {line.on_best:.0%} |"
        )
    return "\n".join(rows)


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m twofold.sandbox.world.learning", description=__doc__.splitlines()[0]
    )
    parser.add_argument("--write", metavar="FILE", help="put the table between the marks of this file")
    options = parser.parse_args()
    text = table(measure(), len(SEEDS))
    if options.write is None:
        print(text)
        return 0
    page = Path(options.write)
    before, _, rest = page.read_text(encoding="utf-8").partition(MARKS[0])
    _, end, after = rest.partition(MARKS[1])
    if not end:
        print(f"{page}: expected the marks {MARKS[0]} and {MARKS[1]}", file=sys.stderr)
        return 2
    page.write_text(f"{before}{MARKS[0]}\n{text}\n{MARKS[1]}{after}", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
