"""One credit that pays many: which of the open dues add up to it, when no file of the payer says so.

Owns the search, over amounts only. All solutions are counted, up to a few: one is an answer, two are none. With round
prices there are nearly always several, so an answer from here is a lead and never certain.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from itertools import accumulate

MOST_CANDIDATES = 25
MOST_CHOSEN = 6  # put in, or left out
MOST_SHOWN = 3


def prefix_fit(groups: Sequence[Sequence[Decimal]], credit: Decimal) -> int | None:
    """How many whole groups, from the first, add up to the credit; None when none do.

    A group is what was delivered on one day: a courier pays everything up to a cut day. Dues are positive, so the sums
    grow and at most one fits.
    """
    for count, total in enumerate(accumulate(sum(group, Decimal(0)) for group in groups), start=1):
        if total == credit:
            return count
        if total > credit:
            return None
    return None


def subsets(dues: Sequence[Decimal], credit: Decimal, limit: int = MOST_SHOWN) -> list[tuple[int, ...]]:
    """Up to ``limit`` sets of places whose dues add up to the credit, at most `MOST_CHOSEN` put in or left out.

    None are looked for among more than `MOST_CANDIDATES`. Two places with equal dues are two different answers.
    """
    if not dues or len(dues) > MOST_CANDIDATES or credit <= 0:
        return []
    amounts, target = _whole([*dues], credit)
    found: list[tuple[int, ...]] = []
    seen: set[tuple[int, ...]] = set()
    everything = range(len(amounts))
    for chosen in _picked(amounts, target, limit):
        seen.add(chosen)
        found.append(chosen)
        if len(found) == limit:
            return found
    rest = sum(amounts) - target
    if rest >= 0:
        for left_out in _picked(amounts, rest, limit + len(seen)) if rest else iter([()]):
            chosen = tuple(i for i in everything if i not in left_out)
            if chosen and chosen not in seen:
                seen.add(chosen)
                found.append(chosen)
                if len(found) == limit:
                    break
    return found


def _whole(dues: list[Decimal], credit: Decimal) -> tuple[list[int], int]:
    """The same amounts as whole numbers of the smallest digit that any of them has."""
    exponents = [e for d in (*dues, credit) if isinstance(e := d.as_tuple().exponent, int)]
    shift = -min(0, *exponents)
    return [int(d.scaleb(shift)) for d in dues], int(credit.scaleb(shift))


def _picked(amounts: Sequence[int], target: int, limit: int) -> Iterator[tuple[int, ...]]:
    """Sets of at most `MOST_CHOSEN` places that add up to the target, in a fixed order, cut off where they cannot."""
    order = sorted(range(len(amounts)), key=lambda i: (-amounts[i], i))
    sizes = [amounts[i] for i in order]
    given = 0

    def search(start: int, left: int, room: int, taken: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
        nonlocal given
        if left == 0 and taken:
            given += 1
            yield tuple(sorted(order[i] for i in taken))
            return
        for i in range(start, len(sizes)):
            if given >= limit or room == 0 or sum(sizes[i : i + room]) < left:
                return  # even the largest that are left do not reach it
            if sizes[i] <= left:
                yield from search(i + 1, left - sizes[i], room - 1, (*taken, i))

    yield from search(0, target, MOST_CHOSEN, ())
