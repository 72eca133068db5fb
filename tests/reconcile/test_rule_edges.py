"""Rules at their edges, each of which a small mistake would turn: who is a known payer, which batch money may be of, what a
cost is on a day, when a residual stands out."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tests.reconcile.lines import batch, credit, day, debit, due, line
from tests.reconcile.test_matching import pays
from twofold.importing.statements.sealing import Sealer
from twofold.ledger.identity import name_of
from twofold.ledger.lines import Batch, Cost, MoneyKind, Rate, Spend, Statement
from twofold.ledger.rates import Rates
from twofold.ledger.spend import counted
from twofold.matching.subject import Keyring
from twofold.reconcile.chain.margin import Costs
from twofold.reconcile.chain.purse import terms_of
from twofold.reconcile.chain.values import Move
from twofold.reconcile.day.band import band_of
from twofold.reconcile.exchange import Exchange, day_number
from twofold.reconcile.matches.groups import groups_of
from twofold.reconcile.matches.matching import match_lines
from twofold.reconcile.matches.tolerance import Tolerance
from twofold.reconcile.matches.values import Entry
from twofold.sources.couriers.states import SHIPPO, SHIPPO_CODES, state_of

D = Decimal


def _of_batches(told: list[Entry], paid: Batch, tolerance: Tolerance | None = None) -> list[str]:
    """Amounts on the bank that are taken for the batch."""
    found = match_lines([], told, groups_of([paid], told), tolerance=tolerance or Tolerance())
    return [str(m.amount) for m in found.matches if m.to.startswith("batch:")]


def test_a_name_is_no_known_payer():
    """Many are called alike: only an account or a telephone that paid before says who pays now."""
    dues = [due("1001", "50.00", day(2), person="p"), due("1002", "80.00", day(8), person="p")]
    told = [
        credit("50.00", day(3), text="order 1001", counterpart=("name:n",)),
        credit("80.00", day(9), counterpart=("name:n",), account="2"),
    ]
    assert [rule for _, _, rule, _ in pays(match_lines(dues, told))] == ["number_in_text"]


def test_a_probable_payment_makes_no_known_payer():
    """The first is taken by the buyer's name; it does not vouch for the account."""
    dues = [
        due("1001", "50.00", day(2), person="p", buyer=("name:n",)), due("1002", "80.00", day(8), person="p"),
    ]  # fmt: skip
    told = [
        credit("50.00", day(3), counterpart=("account:a", "name:n")),
        credit("80.00", day(9), counterpart=("account:a",), account="2"),
    ]
    assert [rule for _, _, rule, _ in pays(match_lines(dues, told))] == ["buyer_name"]


@pytest.mark.parametrize("status", ["failed", "canceled", "cancelled", "returned"])
def test_a_batch_that_did_not_arrive_takes_no_credit_by_its_amount(status):
    told = [line("charge", "120.00", day(2), id="1", batch="po_1"), credit("120.00", day(5))]
    assert _of_batches(told, batch("po_1", "120.00", day(4), status=status)) == []
    assert _of_batches(told, batch("po_1", "120.00", day(4))) == ["120.00"]


def test_the_banks_fee_is_less_on_the_account():
    """120.00 paid out, of which the bank keeps 2.00: 118.00 come, and never 122.00."""
    fee = Tolerance(bank_fee={"psp": D("2.00")})
    charge, paid = line("charge", "120.00", day(2), id="1", batch="po_1"), batch("po_1", "120.00", day(4))
    assert _of_batches([charge, credit("118.00", day(5))], paid, fee) == ["118.00"]
    assert _of_batches([charge, credit("122.00", day(5))], paid, fee) == []


def test_of_what_a_provider_collects_the_bank_keeps_nothing():
    """More was given back than was taken: 20.00 leave the account, and not 22.00."""
    fee, below = Tolerance(bank_fee={"psp": D("2.00")}), line("refund", "-20.00", day(2), id="1", batch="po_1")
    for gross, found in (("-20.00", ["-20.00"]), ("-22.00", [])):
        told = [below, debit(gross, day(5))]
        assert _of_batches(told, batch("po_1", "-20.00", day(4)), fee) == found


def test_money_does_not_go_back_before_it_came():
    """A debit that names the order and is older than its payment is of something else."""
    told = [
        credit("120.00", day(5), text="order 1001", id="in"),
        line("bank_debit", "-120.00", day(4), text="order 1001", id="out"),
    ]
    assert [rule for _, _, rule, _ in pays(match_lines([due("1001", "120.00", day(2))], told))] == ["number_in_text"]


def test_a_cost_is_the_one_of_the_day():
    """Valid from its own day on; a courier's own rule before the general one; the least in money, not the fixed part."""
    costs = Costs(
        [
            Cost(sku="A", since="2026-03-01", amount=D("20"), currency="GEL"),
            Cost(sku="A", since="2026-03-10", amount=D("22"), currency="GEL"),
            Cost(rule="cod_fee", since="2026-01-01", percent=D("2"), least=D("3"), currency="GEL"),
            Cost(rule="cod_fee", of="Swift", since="2026-01-01", percent=D("1"), amount=D("0.50"), least=D("1"),
                 currency="GEL"),
        ],
        Exchange.of([]),
    )  # fmt: skip
    on = day_number("2026-03-10")
    assert [costs.piece("A", on - 1, "GEL"), costs.piece("A", on, "GEL")] == [D("20"), D("22")]
    # 2 % of 100 is 2.00, at least 3.00; 1 % of 100 and 0.50 is 1.50; 1 % of 10 and 0.50 is 0.60, at least 1.00.
    assert costs.rule("cod_fee", ("other",), D("100"), on, "GEL") == D("3")
    assert costs.rule("cod_fee", ("swift", "cod"), D("100"), on, "GEL") == D("1.50")
    assert costs.rule("cod_fee", ("swift", "cod"), D("10"), on, "GEL") == D("1")


@pytest.mark.parametrize(
    ("kind", "reason"),
    [("tax_withheld", "tax_withheld"), ("adjustment", "batch_adjustment"), ("reserve_hold", "reserve_held"),
     ("dispute", "disputed"), ("freight", "freight_deducted"), ("freight_return", "freight_deducted")],
)  # fmt: skip
def test_what_is_kept_is_told_by_its_own_reason(kind, reason):
    move = Move(
        line="l", kind=MoneyKind(kind), gross=D("-5.00"), fee=D(0), currency="GEL", at=day(3), day=0, source="psp"
    )
    assert terms_of([move])[reason] == D("-5.00")


def test_a_band_is_made_of_days_that_have_a_report():
    """Fourteen days with a report, not fourteen that passed; one day beside the week's middle is no step."""
    told = [D("0.01"), D("-0.01")] * 6 + [D("0.01")]
    assert not band_of("meta", [*told, *[None] * 10], D("0.01")).own
    assert band_of("meta", [*told, D("-0.01")], D("0.01")).own


def test_the_national_banks_rate_stands_before_the_ecbs():
    """chain.md: own, then nbg, then ecb, whichever was imported first."""
    told = [Rate(source=s, day="2026-03-10", currency="USD", rate=D("2.7"), base="GEL") for s in ("ecb", "nbg")]
    assert Rates(told).factor("USD", "GEL", "2026-03-10").source == "nbg"


def test_a_word_that_an_operator_maps_stands_above_ours():
    assert state_of("delivered", {"delivered": "lost"}) == "lost"
    assert (state_of("rto"), state_of("rto delivered")) == ("returning", "returned")


def test_a_statement_of_each_currency_is_its_own():
    """An account in two currencies has one number of a statement for both."""
    one, other = (
        Statement(source="bank", account="A", id="17", currency=c, since="2026-03-01", until="2026-03-10", entries=D(0))
        for c in ("GEL", "USD")
    )
    assert name_of(one) != name_of(other)


def test_a_payment_that_is_near_makes_no_known_payer():
    """0.40 more than is due, by the number: probable, and no ground for the next payment of the account."""
    dues = [due("1001", "50.00", day(2), person="p"), due("1002", "80.00", day(8), person="p")]
    told = [
        credit("50.40", day(3), text="order 1001", counterpart=("account:a",)),
        credit("80.00", day(9), counterpart=("account:a",), account="2"),
    ]
    assert [rule for _, _, rule, _ in pays(match_lines(dues, told))] == ["number_in_text_near_amount"]


@pytest.mark.parametrize(("days_ago", "paid"), [(3, 2), (61, 0)])
def test_parcels_of_long_ago_are_in_no_courier_s_sum(days_ago, paid):
    """Sixty days back, and no further."""
    at = day(10) - days_ago * 86_400
    dues = [
        due(name, "50.00", at - 86_400, method="cod", courier="swift", delivered_at=at) for name in ("1001", "1002")
    ]
    assert len(match_lines(dues, [credit("100.00", day(10))]).matches) == paid


def test_a_week_beside_the_others_is_a_step_also_where_today_is_usual():
    """28 days: 22 within a hundredth, six at a tenth. The middle is 0.01, the spread 0.02, so the band ends at 0.07."""
    told = [D("0.01"), D("-0.01")] * 11 + [D("0.10")] * 6
    found = band_of("meta", told, D("0.00"))
    assert (found.low, found.high, found.alarm) == (D("-0.05"), D("0.07"), "step")


def test_of_ad_sets_and_their_campaign_the_ad_sets_count():
    parts = [
        Spend(source="meta", level="adset", day="2026-03-10", campaign_id="1", adset_id=a, currency="USD", amount=D(n))
        for a, n in (("11", "3.00"), ("12", "4.00"))
    ]
    whole = Spend(source="meta", level="campaign", day="2026-03-10", campaign_id="1", currency="USD", amount=D("7.00"))
    assert sum(row.amount for row in counted([whole, *parts])) == D("7.00")
    assert {row.level for row in counted([whole, *parts])} == {"adset"}


def test_a_parcel_on_its_way_back_is_not_back():
    assert (SHIPPO_CODES["return_to_sender"], SHIPPO["RETURNED"]) == ("returning", "returned")


def test_a_word_that_only_begins_as_an_order_s_number_is_masked():
    """A prefix of ours before letters is somebody's word."""
    seal = Sealer(Keyring(b"r" * 32), prefixes=("TB-",))
    assert (seal.masked("TB-eridze"), seal.masked("TB-17")) == ("", "TB-17")
