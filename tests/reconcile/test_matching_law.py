"""Laws of matching: any order of arrival gives the same, no line pays more than it holds, every amount is somewhere."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.reconcile.lines import batch, day, due, line
from twofold.ledger.lines import Decision
from twofold.ledger.ties import BANK
from twofold.reconcile.matches.groups import groups_of
from twofold.reconcile.matches.matching import match_lines

AMOUNTS = st.sampled_from(["10.00", "20.00", "30.00", "50.00", "0.10", "50.50"])
ORDERS = st.sampled_from(["1001", "1002", "1003", "1004", "SH-5"])
DAYS = st.integers(1, 20)
PEOPLE = st.sampled_from([(), ("name:a",), ("name:b", "account:b"), ("account:c",)])


@st.composite
def dues(draw):
    order = draw(ORDERS)
    return due(
        order, draw(AMOUNTS), day(draw(DAYS)), references=(f"parcel:p{order}", f"payment:pi{order}"), buyer=draw(PEOPLE),
        person=draw(st.sampled_from(["", "x", "y"])), courier=draw(st.sampled_from(["", "swift", "slow"])),
        delivered_at=draw(st.none() | st.integers(day(1), day(20))), given_up_at=draw(st.none() | st.integers(day(1), day(20))),
    )  # fmt: skip


@st.composite
def lines(draw):
    kind = draw(st.sampled_from(["bank_credit"] * 4 + ["bank_debit", "charge", "refund", "cod_collected", "payout"]))
    sign = "-" if kind in ("bank_debit", "refund", "payout") else ""
    order = draw(ORDERS)
    reference = draw(st.sampled_from([(), (f"order:{order}",), (f"parcel:p{order}",), ("payment:x1",), ("charge:x1",)]))
    return line(
        kind, sign + draw(AMOUNTS), day(draw(DAYS)), *reference, ordinal=draw(st.integers(1, 3)),
        batch="" if kind.startswith("bank") else draw(st.sampled_from(["", "B1", "B2"])),
        text=draw(st.sampled_from(["", f"order {order}", "SH-5 1001"])), counterpart=draw(PEOPLE),
        status=draw(st.sampled_from(["booked"] * 5 + ["pending"])),
    )  # fmt: skip


@st.composite
def worlds(draw):
    told = {e.name: e for e in draw(st.lists(lines(), max_size=12))}
    owed = {d.order: d for d in draw(st.lists(dues(), max_size=6))}
    names = st.sampled_from(sorted(told) or ["00"])
    decisions = [
        Decision(line=draw(names), to=f"order:{draw(ORDERS)}", amount=draw(st.none() | AMOUNTS.map(Decimal)), by="n",
                 why="w", at=draw(DAYS), undo=draw(st.booleans()))
        for _ in range(draw(st.integers(0, 3)))
    ]  # fmt: skip
    declared = [batch("B1", draw(AMOUNTS), day(draw(DAYS)))] if draw(st.booleans()) else []
    return list(owed.values()), list(told.values()), declared, decisions


def found_of(owed, told, declared, decisions):
    return match_lines(owed, told, groups_of(declared, told), decisions)


@settings(max_examples=300, deadline=None)
@given(worlds(), st.randoms())
def test_any_order_of_arrival_gives_the_same(world, random):
    """Everything is shuffled; matches, proposals and what is open are equal, and in the same order."""
    first = found_of(*world)
    for part in world:
        random.shuffle(part)
    assert found_of(*world) == first


@settings(max_examples=300, deadline=None)
@given(worlds())
def test_a_line_pays_once_and_its_amount_is_somewhere(world):
    """What its matches hold and what is open are the line; the sign never changes; a due is never paid twice over by
    what matching chose by amounts."""
    owed, told, _, _ = world
    found = found_of(*world)
    for entry in told:
        parts = [m.amount for m in found.matches if m.line == entry.name]
        if entry.line.status != "booked":
            assert not parts
            continue
        rest = found.open.get(entry.name, entry.line.gross - sum(parts))
        assert sum(parts) + rest == entry.line.gross
        assert all(abs(p) <= abs(entry.line.gross) and p * entry.line.gross > 0 for p in parts)
        if entry.line.kind in BANK:
            assert (entry.name in found.open) == (sum(parts) != entry.line.gross)
    for one in owed:
        chosen = [m for m in found.matches if m.to == f"order:{one.order}" and m.trust == "probable"]
        assert sum(m.amount - m.rounding for m in chosen) <= one.amounts["GEL"]


@settings(max_examples=200, deadline=None)
@given(worlds())
def test_nobody_who_was_told_no_is_matched_again(world):
    """A pair whose last word is no never comes back."""
    found = found_of(*world)
    last = {}
    for one in sorted(world[3], key=lambda d: (d.at, d.undo, d.by, d.why)):
        last[one.line, one.to] = one.undo
    assert not {(m.line, m.to) for m in found.matches} & {pair for pair, undone in last.items() if undone}
