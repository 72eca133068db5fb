"""An order's state: the same whatever order its reports came in, and never a step back."""

from __future__ import annotations

import itertools
from decimal import Decimal

import pytest
from facts import SHOP, T0, amounts, facts, parcel, part, payment, refund, report, snapshot
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from twofold.ledger.model import Line, Method, OrderReport, Paid, ParcelState, Refund, Sale
from twofold.ledger.state import Fact, derive, parcels_of, payments_of, refunds_of

STRIPE = "stripe:acct"
SECONDS = st.integers(0, 5)
MONEY = st.sampled_from(["10.00", "50.00", "100.00"])
SNAPSHOTS = st.builds(
    snapshot,
    SECONDS,
    st.sampled_from([None, *Paid]),
    MONEY,
    cancelled_at=st.sampled_from([None, T0 + 3]),
    confirmed=st.sampled_from([None, True]),
    test=st.booleans(),
    lines=st.just(()),
    sale=st.sampled_from([Sale.WEB, Sale.RENEWAL]),
)
REPORTS = st.builds(
    OrderReport,
    order_id=st.sampled_from(["1", "2"]),
    kind=st.just("updated"),
    at=SECONDS.map(lambda s: T0 + s),
    reference=st.just(""),
    snapshot=st.none() | SNAPSHOTS,
    payments=st.lists(
        st.builds(
            payment,
            st.sampled_from(["p", "q"]),
            MONEY,
            st.sampled_from(["sale", "capture", "refund", "dispute"]),
            state=st.sampled_from(["success", "pending", "failure"]),
            at=SECONDS,
        ),
        max_size=2,
    ).map(tuple),
    refunds=st.lists(st.builds(refund, st.sampled_from(["r", "s"]), MONEY, at=SECONDS), max_size=2).map(tuple),
    parcels=st.lists(st.builds(parcel, st.sampled_from(["a", "b"]), st.sampled_from(ParcelState), SECONDS), max_size=2).map(tuple),
    deleted=st.booleans(),
)  # fmt: skip
FACTS = st.lists(st.builds(Fact, st.sampled_from([SHOP, "own:shop", STRIPE]), REPORTS), min_size=1, max_size=6)


@given(FACTS.flatmap(lambda told: st.tuples(st.just(told), st.permutations(told))), st.data())
def test_arrival_changes_nothing(pair, data):
    """Any permutation of the reports, some of them told twice, gives the very same state."""
    told, shuffled = pair
    again = data.draw(st.lists(st.sampled_from(told), max_size=3))
    assert derive([*shuffled, *again]) == derive(told)


NEVER_BACK = [
    ("paid after placed", [report(0, Paid.UNPAID), report(9, Paid.PAID)], "paid", Paid.PAID),
    ("cancelled", [report(0), report(9, cancelled_at=T0 + 9)], "cancelled_at", T0 + 9),
    ("edited", [report(0, total="100.00"), report(9, total="130.00")], "shop", amounts("130.00")),
    ("refunded", [report(0), report(9, Paid.REFUNDED)], "paid", Paid.REFUNDED),
    ("same second, further on", [report(5, Paid.UNPAID), report(5, Paid.PAID)], "paid", Paid.PAID),
    ("same second, a first word of the payment", [report(5, None), report(5, Paid.UNPAID)], "paid", Paid.UNPAID),
    ("same second, cancelled", [report(5, Paid.REFUNDED), report(5, cancelled_at=T0 + 5)], "cancelled_at", T0 + 5),
    ("placed again", [report(3, cancelled_at=T0 + 3), report(9)], "cancelled_at", None),
    ("deleted, then spoken of", [part(3, deleted=True), report(9)], "deleted", False),
    ("spoken of, then deleted", [report(3), part(9, deleted=True)], "deleted", True),
]


@pytest.mark.parametrize(("name", "told", "field", "expected"), NEVER_BACK, ids=[r[0] for r in NEVER_BACK])
def test_the_last_version_stands(name, told, field, expected):
    """What the source said last stands, also when it arrived first."""
    for order in itertools.permutations(told):
        assert getattr(derive(facts(*order)), field) == expected


def test_refunds_by_several_are_one():
    """30 refunded, told by the shop as refund and as payment and by Stripe under another id, is 30."""
    shop = report(0, refunds=(refund("r1", "30.00"),), payments=(payment("t9", "30.00", "refund"),))
    stripe = part(5, payments=(payment("re_1", "30.00", "refund"),))
    assert derive([*facts(shop), *facts(stripe, source=STRIPE)]).refunded == {"EUR": Decimal("30.00")}


def test_equal_states_under_two_ids():
    """Two reports that differ in nothing but the order's id give one id, whichever came first."""
    told = [report(0, order="1"), report(0, order="2")]
    assert derive(facts(*told)).order_id == derive(facts(*reversed(told))).order_id


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ((payment("re_1", "30.00", "refund"),), {"EUR": "30.00"}),
        ((payment("re_1", "30.00", "refund"), payment("re_2", "12.00", "refund")), {"EUR": "42.00"}),
        ((payment("re_1", "30.00", "refund", state="failure"),), {}),
        ((payment("re_1", "30.00", "refund", state="pending"),), {}),
        ((payment("p", "100.00"),), {}),
        ((payment("p", "100.00"), payment("re_1", "30.00", "refund")), {"EUR": "30.00"}),
    ],
    ids=["one", "two", "failed", "pending", "a sale is none", "beside a sale"],
)
def test_money_given_back_as_payments_alone(told, expected):
    """A payment system tells refunds among its payments; only those that went through gave anything back."""
    state = derive([Fact(STRIPE, part(5, payments=told))])
    assert {currency: str(amount) for currency, amount in state.refunded.items()} == expected


def summed(id: str, amount: str, total: str | None, at: int, source: str = "ch_1") -> Refund:
    """A refund of a payment whose sum of refunds is told with it."""
    given = None if total is None else Decimal(total)
    return Refund(id=id, amount=Decimal(amount), currency="EUR", at=T0 + at, payment=source, total=given)


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ((summed("ch_1:10", "10.00", "10.00", 60), summed("ch_1:25", "15.00", "25.00", 70)), "25.00"),
        ((summed("ch_1:25", "15.00", "25.00", 70),), "25.00"),  # the first step's news was lost
        ((summed("re_1", "10.00", None, 60), summed("ch_1:25", "15.00", "25.00", 70)), "25.00"),
        ((summed("re_1", "30.00", None, 60), summed("ch_1:25", "15.00", "25.00", 70)), "30.00"),
        ((summed("re_1", "10.00", None, 60, "ch_2"), summed("ch_1:25", "15.00", "25.00", 70)), "35.00"),
    ],
    ids=["steps", "a lost step", "a single one in the sum", "singles above the sum", "another payment's"],
)
def test_a_payments_sum_of_refunds_holds_what_was_lost(told, expected):
    """The latest sum of a payment, and beside it what was told singly of others, or of it above that sum."""
    state = derive([Fact(STRIPE, part(80, refunds=told))])
    assert {currency: str(amount) for currency, amount in state.refunded.items()} == {"EUR": expected}


@pytest.mark.parametrize(("again_at", "deleted"), [(None, True), (39, True), (40, True), (41, False)])
def test_an_order_that_is_spoken_of_after_its_end_is_there(again_at, deleted):
    """Deleted is what a source deleted and told no more of; a source that never told it whole says so, too."""
    told = [part(40, deleted=True)]
    if again_at is not None:
        told.append(report(again_at))
    assert derive(facts(*told)).deleted is deleted


def test_two_refunds_add_up():
    """Two refunds of one source add; one of them told again does not; its latest amount is the right one."""
    first = report(0, refunds=(refund("r1", "30.00"),))
    later = report(9, refunds=(refund("r1", "35.00"), refund("r2", "5.00")))
    for told in ([first, later], [later, first], [later, first, later]):
        assert derive(facts(*told)).refunded == {"EUR": Decimal("40.00")}


# name, the shop's payments, Stripe's payments, paid, when
SPLIT = [
    ("halves by the shop", [("t1", "50.00", 10), ("t2", "50.00", 20)], [], Paid.PAID, 20),
    ("one half", [("t1", "50.00", 10)], [], Paid.PART, None),
    ("one half told by both", [("t1", "50.00", 10)], [("pi_1", "50.00", 12)], Paid.PART, None),
    ("both halves told by both", [("t1", "50.00", 10), ("t2", "50.00", 20)],
     [("pi_1", "50.00", 12), ("pi_2", "50.00", 22)], Paid.PAID, 20),
    ("halves by Stripe", [], [("pi_1", "50.00", 12), ("pi_2", "50.00", 22)], Paid.PAID, 22),
]  # fmt: skip


@pytest.mark.parametrize(("name", "shop", "stripe", "paid", "at"), SPLIT, ids=[r[0] for r in SPLIT])
def test_split_payments(name, shop, stripe, paid, at):
    """Paid when the parts reach the total; the same money told by two is counted once."""
    told = [*facts(report(0, None))]
    told += [Fact(SHOP, part(t, payments=(payment(i, m, at=t),))) for i, m, t in shop]
    told += [Fact(STRIPE, part(t, payments=(payment(i, m, at=t),))) for i, m, t in stripe]
    for order in itertools.permutations(told):
        state = derive(order)
        assert (state.paid, state.paid_at) == (paid, None if at is None else T0 + at)


def test_failed_and_pending_payments_pay_nothing():
    """A payment that is pending or failed is no money; the same one that succeeded later is."""
    told = [report(0, None), part(5, payments=(payment("p", "100.00", state="pending", at=5),))]
    assert derive(facts(*told)).paid is Paid.UNPAID
    told.append(part(6, payments=(payment("p", "100.00", state="failure", at=6),)))
    assert derive(facts(*told)).paid is Paid.UNPAID
    told.append(part(7, payments=(payment("p", "100.00", at=7),)))
    assert derive(facts(*told)).paid is Paid.PAID


def test_an_abandoned_try_voids_nothing():
    """A payment intent that is given up after another one paid the order leaves it paid; a shop's own word does not."""
    paid = part(5, payments=(payment("pi_2", "100.00", at=5),))
    given_up = report(9, Paid.VOIDED)
    for order in itertools.permutations([paid, given_up]):
        assert derive(facts(*order, source=STRIPE)).paid is Paid.PAID
        assert derive(facts(*order)).paid is Paid.VOIDED


@pytest.mark.parametrize(("source", "expected"), [(SHOP, 20), (STRIPE, 1)], ids=str)
def test_paid_is_since_it_was_last_not(source, expected):
    """A shop that took its "paid" back was paid when it says so again, in any order of arrival; a try that a payment system gave up
    takes back nothing that came by another."""
    told = [
        Fact(source, report(at, paid))
        for at, paid in ((1, Paid.PAID), (2, Paid.VOIDED), (20, Paid.PAID), (30, Paid.PAID))
    ]
    for order in itertools.permutations(told):
        state = derive(order)
        assert (state.paid, state.paid_at) == (Paid.PAID, T0 + expected)


def test_nothing_to_pay_is_paid():
    """A free order of which no payment is told is paid when it is placed; one that says unpaid is not."""
    state = derive(facts(report(9, None, "0.00")))
    assert (state.paid, state.paid_at) == (Paid.PAID, T0)
    assert derive(facts(report(9, Paid.UNPAID, "0.00"))).paid_at is None


def test_the_shop_stands_above_the_payment_system():
    """Order id and money are the shop's even when Stripe spoke later; that the money came is anybody's word."""
    told = [
        *facts(report(0, Paid.UNPAID, "100.00")),
        *facts(report(9, Paid.PAID, "99.00", order="pi_1"), source=STRIPE),
    ]
    for order in itertools.permutations(told):
        state = derive(order)
        assert (state.order_id, state.shop, state.paid) == ("5000000001001", amounts("100.00"), Paid.PAID)


def test_a_renewal_whoever_says_so():
    """A renewal stays one when another source, or another order of arrival, knows nothing of it."""
    told = [*facts(report(9, sale=Sale.WEB)), *facts(report(0, sale=Sale.RENEWAL), source=STRIPE)]
    for order in itertools.permutations(told):
        assert derive(order).sale is Sale.RENEWAL


@pytest.mark.parametrize("by", ["shop", "another", "nobody"])
def test_cancelled_is_what_any_source_cancelled(by):
    """The one that stands highest says nothing of it where a system behind it took the order back."""
    shop = report(0, cancelled_at=T0 + 9 if by == "shop" else None)
    other = report(5, cancelled_at=T0 + 9 if by == "another" else None)
    for told in itertools.permutations([Fact(SHOP, shop), Fact("csv:erp", other)]):
        assert derive(list(told)).cancelled_at == (None if by == "nobody" else T0 + 9)


def test_where_it_goes_is_one_sources_word():
    """Country and region of the source that stands highest and says them, and never one of each."""
    silent = Fact(SHOP, report(0))
    german, french = replace(report(0), country="DE"), replace(report(5), country="FR", region="FR-75")
    told = [Fact(SHOP, german), Fact(STRIPE, french)], [silent, Fact(STRIPE, french)], [silent]
    states = [derive(facts) for facts in told]
    assert [(s.country, s.region) for s in states] == [("DE", ""), ("FR", "FR-75"), ("", "")]


def test_authorised_is_when_money_was_first_held_and_not_when_it_came():
    told = facts(
        report(10, Paid.UNPAID), report(20, Paid.AUTHORISED), report(30, Paid.AUTHORISED), report(40, Paid.PAID)
    )
    assert derive(told).authorised_at == T0 + 20
    assert derive(facts(report(10, Paid.UNPAID), report(40, Paid.PAID))).authorised_at is None


def test_a_cancelled_order_keeps_its_goods():
    """Shops empty a cancelled order's lines; what was bought is still known."""
    told = [report(0), report(9, Paid.VOIDED, "0.00", cancelled_at=T0 + 9, lines=())]
    for order in itertools.permutations(told):
        assert [line.id for line in derive(facts(*order)).lines] == ["sku-1"]


D, R, U, C, W = (ParcelState.DELIVERED, ParcelState.RETURNED, ParcelState.REFUSED, ParcelState.CANCELLED, ParcelState.OUT)  # fmt: skip
PARCELS = [
    ("one arrived", [("a", D, 9)], 9, None),
    ("two, one arrived", [("a", D, 9), ("b", W, 8)], None, None),
    ("both arrived", [("a", D, 9), ("b", D, 12)], 12, None),
    ("the other was cancelled", [("a", D, 9), ("b", C, 10)], 9, None),
    ("refused", [("a", W, 5), ("a", U, 9)], None, 9),
    ("one of two came back", [("a", D, 9), ("b", R, 12)], None, None),
    ("delivered and sent back", [("a", D, 9), ("a", R, 30)], 9, 30),
    ("told twice", [("a", D, 9), ("a", D, 11)], 9, None),
]


@pytest.mark.parametrize(("name", "parcels", "delivered", "returned"), PARCELS, ids=[r[0] for r in PARCELS])
def test_parcels(name, parcels, delivered, returned):
    """Delivered when the last parcel that was not cancelled arrived; returned when all of it is on its way back."""
    told = [report(0), *(part(at, parcels=(parcel(i, s, at),)) for i, s, at in parcels)]
    for order in itertools.permutations(told):
        state = derive(facts(*order))
        assert state.delivered_at == (None if delivered is None else T0 + delivered)
        assert state.returned_at == (None if returned is None else T0 + returned)


@pytest.mark.parametrize("state", list(ParcelState))
def test_shipped_is_what_a_carrier_has_on_its_way_or_brought(state):
    """Neither a label that was only printed nor what went wrong afterwards says when it began its way."""
    on_its_way = {ParcelState.IN_TRANSIT, ParcelState.OUT, ParcelState.WAITING, ParcelState.DELIVERED}
    found = derive(facts(report(0), part(5, parcels=(parcel("a", state, 5),)))).shipped_at
    assert found == (T0 + 5 if state in on_its_way else None)


@pytest.mark.parametrize(
    ("kind", "state", "disputed"),
    [("dispute", "success", True), ("dispute", "pending", True), ("dispute", "failure", False), ("sale", "success", False)],
)  # fmt: skip
def test_disputed_is_an_order_that_a_buyer_took_to_the_bank(kind, state, disputed):
    told = part(40, payments=(payment("p", "100.00"), payment("d", "100.00", kind, state=state)))
    assert derive(facts(report(0), told)).disputed is disputed


def test_a_parcel_is_called_by_its_carriers_numbers():
    """The shop's own id of it is nobody's but the shop's, and one of the shop's may be several of the courier's."""
    told = part(3, parcels=(replace(parcel("f-1", ParcelState.DELIVERED, 3), numbers=("AB12", "CD34")),))
    assert [p.id for p in parcels_of([told, part(4, parcels=(parcel("F2", ParcelState.DELIVERED, 4),))])] == [
        "AB12",
        "CD34",
        "F2",
    ]


OWN = "own:a"
"""A shop whose name stands before the other's."""


def both_ways(*told: Fact):
    """The states that these give, whichever came first."""
    return [derive(list(order)) for order in itertools.permutations(told)]


@pytest.mark.parametrize(("first", "second"), [(SHOP, OWN), (OWN, SHOP)])
def test_of_two_shops_the_one_that_spoke_last_stands(first, second):
    for state in both_ways(Fact(first, report(1, total="100.00")), Fact(second, report(9, total="130.00"))):
        assert state.shop == amounts("130.00")


def test_the_method_is_of_whoever_says_one():
    """The shop that stands says none; the other one knows it."""
    for state in both_ways(Fact(SHOP, report(9)), Fact(OWN, report(1, method=Method.COD))):
        assert state.method is Method.COD


def test_an_order_that_only_a_courier_and_a_payment_system_know_has_no_couriers_name():
    told = (
        Fact("aftership:1", part(1, order="PARCEL-1")),
        Fact(STRIPE, part(9, order="1001", payments=(payment("p", "10.00"),))),
    )
    assert {state.order_id for state in both_ways(*told)} == {"1001"}


@pytest.mark.parametrize("state", list(ParcelState))
def test_refused_is_what_the_buyer_did_not_take(state):
    found = derive(facts(report(0), part(5, parcels=(parcel("a", state, 5),)))).refused_at
    assert found == (T0 + 5 if state is ParcelState.REFUSED else None)


@pytest.mark.parametrize("sales", list(itertools.product([Sale.WEB, Sale.RENEWAL, Sale.API], repeat=2)))
def test_a_sale_is_a_renewal_by_anybodys_word_and_else_what_the_standing_shop_says(sales):
    for state in both_ways(Fact(SHOP, report(9, sale=sales[0])), Fact(OWN, report(1, sale=sales[1]))):
        assert state.sale is (Sale.RENEWAL if Sale.RENEWAL in sales else sales[0])


def test_goods_are_those_of_now_and_of_a_cancelled_order_that_has_none_those_of_before():
    cup, mug = Line(id="cup", quantity=1, price=Decimal("1.00")), Line(id="mug", quantity=1, price=Decimal("1.00"))
    before = report(1, lines=(cup,))
    for later, expected in (
        (report(9, lines=()), ()),  # edited until nothing was left
        (report(9, lines=(mug,), cancelled_at=T0 + 9), (mug,)),
        (report(9, lines=(), cancelled_at=T0 + 9), (cup,)),
    ):
        assert derive(facts(before, later)).lines == expected


@pytest.mark.parametrize(("came", "expected"), [("99.50", Paid.PART), ("100.00", Paid.PAID)])
def test_money_is_whole_when_nothing_is_left_to_pay(came, expected):
    state = derive(facts(report(0, None, payments=(payment("p", came),))))
    assert (state.paid, state.paid_at) == (expected, T0 + 30 if expected is Paid.PAID else None)


@pytest.mark.parametrize(
    "states", [("pending", "failure"), ("pending", "success"), ("failure", "success"), ("odd", "failure")]
)
def test_of_two_words_about_a_payment_at_one_time_the_more_final_stands(states):
    first, last = (part(5, payments=(payment("p", "10.00", state=state),)) for state in states)
    for told in ([first, last], [last, first]):
        assert [p.state for p in payments_of(told)] == [states[1]]


def test_a_refund_that_was_told_twice_at_once_is_the_one_with_its_sum():
    """Also where the sum is less than one."""
    lone, whole = summed("r", "0.50", None, 5), summed("r", "0.50", "0.50", 5)
    for told in ((lone, whole), (whole, lone)):
        assert refunds_of([part(5, refunds=told)]) == [whole]


def test_a_step_of_a_payment_whose_sums_are_told_is_no_refund_beside_them():
    """Told without its payment, known by its id for a step of it."""
    step = refund("ch_1:0", "10.00", at=4)
    told = part(5, refunds=(step, summed("ch_1:1", "10.00", "10.00", 5)))
    assert derive([Fact(STRIPE, told)]).refunded == {"EUR": Decimal("10.00")}


def test_a_sum_of_refunds_that_went_back_to_nothing_is_nothing():
    told = [part(5, refunds=(summed("r1", "10.00", "10.00", 5),)), part(9, refunds=(summed("r2", "0.00", "0.00", 9),))]
    state = derive([Fact(STRIPE, one) for one in told])
    assert sum(state.refunded.values(), Decimal(0)) == 0


def test_of_each_currency_the_largest_sum_stands():
    """The shop knows of dollars what nobody else does, and the payment system more of the euros; half a euro is half a euro."""
    shop = report(0, refunds=(refund("r", "0.25"), refund("s", "0.75", "USD")))
    stripe = part(5, payments=(payment("re", "0.50", "refund"),))
    state = derive([Fact(SHOP, shop), Fact(STRIPE, stripe)])
    assert state.refunded == {"EUR": Decimal("0.50"), "USD": Decimal("0.75")}


def test_money_that_came_is_told_only_while_the_state_says_so():
    """Paid by the one shop, given up by the other, which spoke last: nobody says since when it is paid."""
    state = derive([Fact(OWN, report(1, Paid.PAID)), Fact(SHOP, report(9, Paid.VOIDED))])
    assert (state.paid, state.paid_at) == (Paid.VOIDED, None)
