"""What counts of lines that several formats tell: laws that hold for every set of them, and figures worked out by hand."""

from __future__ import annotations

import random
from collections import Counter
from decimal import Decimal

import pytest

from tests.reconcile.lines import credit, day, line
from twofold.ledger.lines import Decision
from twofold.reconcile.matches.twice import tell_once
from twofold.reconcile.matches.values import Entry

FORMS = ("camt.053", "mt940/csv", "bank-table/excel")


def some(draw: random.Random) -> list[Entry]:
    """Movements of a few days and amounts, each told by some of the formats, in each under an id of its own or by none."""
    found = []
    for number in range(draw.randrange(1, 14)):
        at, amount, order = (
            day(draw.randrange(1, 4)),
            draw.choice(("50.00", "20.00")),
            draw.choice(("1001", "1002", "")),
        )
        for form in draw.sample(FORMS, draw.randrange(1, 4)):
            named = [f"order:{order}"] if order and draw.random() < 0.5 else []
            key = {"id": f"{form}-{number}"} if draw.random() < 0.7 else {"mark": f"{form} {number}"}
            found.append(credit(amount, at, *named, account="A", form=form, day_only=True, **key))
    return found


def shape(entries: list[Entry]) -> Counter[tuple[int, Decimal]]:
    return Counter((e.line.at, e.line.gross) for e in entries)


@pytest.mark.parametrize("seed", range(150))
def test_no_order_of_arrival_changes_what_counts_and_no_format_loses_a_line(seed: int) -> None:
    draw = random.Random(seed)
    lines = some(draw)
    once = tell_once(lines)
    for _ in range(4):
        draw.shuffle(lines)
        again = tell_once(lines)
        assert (again.entries, again.same, again.ways, again.alone) == (once.entries, once.same, once.ways, once.alone)
    counted = shape(list(once.entries))
    for form in FORMS:
        for key, count in shape([e for e in lines if e.line.form == form]).items():
            assert counted[key] >= count
    assert all(counted[key] <= count for key, count in shape(lines).items())
    assert {e.name for e in once.entries} | set(once.same) == {e.name for e in lines}
    assert not set(once.same) & set(once.same.values())


@pytest.mark.parametrize("seed", range(60))
def test_without_names_the_largest_count_of_a_format_stands(seed: int) -> None:
    """chain.md 4.6: the larger count of equals, never the sum."""
    draw = random.Random(seed)
    counts = {form: draw.randrange(0, 5) for form in FORMS}
    lines = [
        credit("50.00", day(3), account="A", form=form, day_only=True, id=f"{form}{n}")
        for form, c in counts.items()
        for n in range(c)
    ]
    assert len(tell_once(lines).entries) == max(counts.values())


def test_two_formats_that_number_alike_are_compared_by_the_number_alone() -> None:
    both = credit("10.00", day(3), account="A", form="a", id="1")
    a = credit("50.00", day(3), account="A", form="a", id="2")
    b = credit("50.00", day(3), account="A", form="b", id="3")
    assert len(tell_once([a, b]).entries) == 1
    assert len(tell_once([both, a, b], {both.name: frozenset("ab")}).entries) == 3


def test_accounts_signs_currencies_and_days_are_never_one() -> None:
    one = credit("50.00", day(3), account="A", form="a", day_only=True, id="1")
    for other in (
        credit("50.00", day(3), account="B", form="b", day_only=True, id="2"),
        credit("50.00", day(4), account="A", form="b", day_only=True, id="2"),
        credit("50.00", day(3), account="A", form="b", day_only=True, id="2", currency="EUR"),
        line("bank_debit", "-50.00", day(3), account="A", form="b", day_only=True, id="2"),
        credit("50.00", day(3), account="A", form="b", day_only=True, id="2", status="pending"),
    ):
        assert len(tell_once([one, other]).entries) == 2


def test_each_finds_the_telling_that_names_the_same_order() -> None:
    """Two equal payments of a day: order 1001 of one format is never laid upon 1002 of the other."""
    lines = [
        credit("50.00", day(3), account="A", form=f, day_only=True, id=f"{f}{n}", text=f"order {n}")
        for f in "ab"
        for n in (1001, 1002)
    ]
    once = tell_once(lines)
    assert sorted(e.line.text for e in once.entries) == ["order 1001", "order 1002"]


def test_what_one_format_leaves_out_is_said() -> None:
    lines = [
        credit("50.00", day(3), account="A", form="a", day_only=True, id="1"),
        credit("50.00", day(3), account="A", form="b", day_only=True, id="x"),
        credit("7.00", day(3), account="A", form="b", day_only=True, id="y"),
        credit("7.00", day(9), account="A", form="b", day_only=True, id="z"),
    ]
    assert tell_once(lines).alone == {lines[2].name}


def test_a_word_about_a_telling_is_about_the_line_that_counts() -> None:
    lines = [
        credit("50.00", day(3), "order:1", account="A", form="a", id="1"),
        credit("50.00", day(3), account="A", form="b", id="x"),
    ]
    once = tell_once(lines)
    word = Decision(line=lines[1].name, to="order:1", by="me", why="", at=1)
    assert once.name(word.line) == once.entries[0].name == lines[0].name


def test_many_equal_fees_of_a_day_are_laid_beside_each_other_in_one_pass() -> None:
    """Each by its parcel; nothing is compared with everything."""
    lines = [
        line(
            "cod_fee", "-2.00", day(3), f"parcel:P{n}", source="courier:q", form=form, id=f"{form}/P{n}", day_only=True
        )
        for form in "ab"
        for n in range(3000)
    ]
    assert len(tell_once(lines).entries) == 3000
