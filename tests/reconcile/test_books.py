"""What the accountant's view opens and closes with, and where a rule of money ends: worked out by hand from chain.md 4.4, 5.3, 7.5."""

from __future__ import annotations

from datetime import UTC
from decimal import Decimal

import pytest

from tests.reconcile.lines import batch, credit, day, line
from tests.reconcile.test_chain_cases import desk, link, matched, order, rows
from twofold.ledger.lines import Cost
from twofold.reconcile.chain.account import Desk, account_of
from twofold.reconcile.chain.margin import Costs
from twofold.reconcile.chain.rows import Step
from twofold.reconcile.chain.values import Rules
from twofold.reconcile.exchange import Exchange
from twofold.reconcile.matches.groups import groups_of
from twofold.reconcile.matches.matching import match_lines
from twofold.reconcile.matches.values import Days

D = Decimal
PARCEL = [
    line("cod_collected", "100.00", day(6), "order:1001", id="1", batch="R1", source="courier:swift"),
    line("freight", "-10.00", day(6), id="2", batch="R1", source="courier:swift"),
]
REMITTED = [batch("R1", "90.00", day(6), day(9), source="courier:swift", kind="remittance")]


def books(told: list, since: str, until: str, orders: list) -> dict[str, tuple[int, str]]:
    found = rows(orders, told, REMITTED, view="booked", since=since, until=until)
    return {r.reason: (r.count, f"{r.amount:.2f}") for r in found if isinstance(r, Step)}


def test_the_books_open_with_all_that_was_to_be_had_and_close_with_what_is_left():
    """Two orders delivered on the 4th for cash, of 100.00 and 70.00: one is taken on the 6th, less 10.00 of freight for no
    order, and is on the bank on the 12th."""
    orders = [order("1001", "100.00", method="cod"), order("1002", "70.00", method="cod")]
    told = [*PARCEL, credit("90.00", day(12), text="R1")]
    assert books(told, "2026-03-05", "2026-03-08", orders) == {
        "receivables_opening": (2, "170.00"), "freight_deducted": (1, "-10.00"), "receivables_closing": (2, "160.00"),
    }  # fmt: skip
    # A deduction that was made before the period is in what it opens with, and is not deducted again.
    found = books(told, "2026-03-09", "2026-03-15", orders)
    assert found["receivables_opening"] == (2, "160.00")
    assert found["banked"][1] == "-90.00"
    assert found["receivables_closing"] == (1, "70.00")
    assert "freight_deducted" not in found
    assert books(told, "2026-03-13", "2026-03-15", orders)["receivables_opening"] == (1, "70.00")
    whole = rows(orders, told, REMITTED, view="booked", since="2026-03-01", until="2026-03-15")
    assert link(whole, "banked") == (1, "90.00")


def test_goods_are_written_off_when_they_come_back_and_not_when_they_are_kept():
    """Half of 20.00 by the shop's rule, of a refused parcel alone."""
    exchange = Exchange.of([])
    costs = Costs([Cost(sku="A", since="2026-01-01", amount=D("20"), currency="GEL"),
                   Cost(rule="write_off", since="2026-01-01", percent=D("50"), currency="GEL")], exchange)  # fmt: skip
    told = Desk(rules=Rules(currency="GEL"), rates=exchange, costs=costs, days=Days(UTC))
    kept, refused = order(method="cod"), order("1002", method="cod", delivered_at=None, refused_at=day(4))
    margins = [account_of(one, [], told, day(20)).margin for one in (kept, refused)]
    assert [(m.write_off, m.goods) for m in margins] == [(D(0), D("20")), (D("10.00"), D(0))]


@pytest.mark.parametrize(
    ("method", "kind", "paid", "reason"),
    [
        ("cod", "cod_collected", "119.90", "rounding"),
        ("cod", "cod_collected", "120.10", "rounding"),
        ("cod", "cod_collected", "119.89", "short_collected"),
        ("bank_transfer", "bank_credit", "121.00", "rounding"),
        ("bank_transfer", "bank_credit", "119.99", "short_collected"),
        ("bank_transfer", "bank_credit", "121.01", "short_collected"),
        ("card", "charge", "119.95", "short_collected"),
        ("card", "charge", "120.05", "short_collected"),
        ("wallet", "charge", "119.99", "short_collected"),
        ("later", "charge", "119.99", "short_collected"),
        ("manual", "bank_credit", "120.05", "short_collected"),
    ],
)
def test_what_is_rounding_depends_on_who_pays_how(method, kind, paid, reason):
    """A courier rounds to the step of cash, a buyer's transfer is up to 1.00 over; a provider is exact."""
    one = order(method=method)
    told = [line(kind, paid, day(5), "order:1001", id="1")]
    account = account_of(one, matched([one], told).moves[one.key], desk(), day(20))
    assert {r: f"{a:.2f}" for r, a in account.gap.items()} == {reason: f"{D('120.00') - D(paid):.2f}"}


def test_of_equal_credits_a_batch_takes_the_one_of_the_first_day_in_its_span():
    """The day before it is expected is in, the day before that is not; two of the first day are a question."""
    groups = groups_of([batch("a", "50.00", day(3), day(5))], [])
    lines = {n: credit("50.00", day(n), ordinal=n) for n in (3, 4, 6)}
    for told in (list(lines.values()), list(lines.values())[::-1]):
        assert [m.line for m in match_lines([], told, groups).matches] == [lines[4].name]
    equal = [credit("50.00", day(4), ordinal=9), *lines.values()]
    found = match_lines([], equal, groups)
    assert found.matches == ()
    assert {p.why for p in found.proposals} == {"ambiguous"}
