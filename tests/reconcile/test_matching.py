"""What pays what: the ladder step by step, batches, decisions, and what others' users complained about."""

from __future__ import annotations

from decimal import Decimal
from itertools import permutations

import pytest
from msgspec.structs import replace

from tests.reconcile.lines import batch, credit, day, debit, due, line
from twofold.ledger.lines import Decision
from twofold.reconcile.matches.groups import groups_of
from twofold.reconcile.matches.lumps import prefix_fit, subsets
from twofold.reconcile.matches.matching import match_lines
from twofold.reconcile.matches.tolerance import bank_days_after
from twofold.reconcile.matches.values import Entry, Matching, Trust

D = Decimal


def pays(found: Matching) -> list[tuple[str, str, str, str]]:
    """Each match as (target, amount, rule, trust)."""
    return sorted((m.to, f"{m.amount:f}", m.rule, m.trust.value) for m in found.matches)


def why(found: Matching) -> list[tuple[str, str]]:
    return [(p.rule, p.why) for p in found.proposals]


# -- the ladder

LADDER = [
    # (line, due, rule, trust)
    (line("charge", "120.00", day(3), "payment_intent:pi_1"), due("1001", "120.00", day(2), references=("payment:pi_1",)),
     "provider_id", "certain"),
    (line("charge", "120.00", day(3), "order:#1001"), due("1001", "120.00", day(2)), "order_name", "certain"),
    (credit("120.00", day(3), "creditor:RF18 5390 0754 7034"),
     due("1001", "120.00", day(2), references=("creditor:RF18539007547034",)), "creditor_reference", "certain"),
    (line("cod_collected", "120.00", day(3), "parcel:AB 77"), due("1001", "120.00", day(2), references=("parcel:AB77",)),
     "parcel", "certain"),
    (credit("120.00", day(3), text="payment order No.1001 thanks"), due("1001", "120.00", day(2)),
     "number_in_text", "certain"),
    (credit("120.00", day(3), text="payment 10 01"), due("1001", "120.00", day(2)), "number_in_text", "certain"),
    (credit("120.00", day(3), text="sh-17"), due("SH-17", "120.00", day(2)), "number_in_text", "certain"),
    (credit("120.50", day(3), text="#1001"), due("1001", "120.00", day(2)), "number_in_text_near_amount", "probable"),
    (credit("121.00", day(3), text="#1001"), due("1001", "120.00", day(2)), "number_in_text_near_amount", "probable"),
    (credit("120.00", day(3), text="#1001"), due("1001", "120.00", day(3) + 23 * 3600), "number_in_text", "certain"),
    (credit("120.00", day(3), counterpart=("name:n1",)), due("1001", "120.00", day(2), buyer=("name:n1",)),
     "buyer_name", "probable"),
]  # fmt: skip


@pytest.mark.parametrize(("told", "owed", "rule", "trust"), LADDER, ids=lambda v: v if isinstance(v, str) else "")
def test_each_step_of_the_ladder_finds_its_order(told, owed, rule, trust):
    """One line, one order, and one that is not meant."""
    other = due("2002", "77.00", day(2))
    found = match_lines([other, owed], [told])
    assert pays(found) == [(f"order:{owed.order}", f"{told.line.gross:f}", rule, trust)]
    assert not found.open
    assert not found.proposals


UNFIT = [
    (credit("120.00", day(3), text="order 17"), due("17", "120.00", day(2)), "two digits are no number"),
    (credit("119.00", day(3), text="order 1001"), due("1001", "120.00", day(2)), "one short"),
    (credit("121.01", day(3), text="order 1001"), due("1001", "120.00", day(2)), "more over than people round"),
    (credit("120.00", day(3), text="2026-03-01"), due("2026", "120.00", day(2)), "a year is no order"),
    (credit("120.00", day(3), text="order 1001"), due("1001", "120.00", day(6)), "paid before it was placed"),
    (credit("120.00", day(3), text="order 1001"), due("1001", "120.00", day(4)), "paid a whole day before it was placed"),
    (credit("120.00", day(30), counterpart=("name:n",)), due("1001", "120.00", day(2), buyer=("name:n",)), "too late"),
    (credit("120.00", day(3), text="", currency="EUR"), due("1001", "120.00", day(2)), "another currency"),
    (credit("120.00", day(3), text="1001", status="pending"), due("1001", "120.00", day(2)), "not booked"),
]  # fmt: skip


@pytest.mark.parametrize(("told", "owed", "reason"), UNFIT, ids=lambda v: v if isinstance(v, str) else "")
def test_what_does_not_fit_pays_nothing(told, owed, reason):
    """Each of these differs from a payment in one thing."""
    assert match_lines([owed], [told]).matches == (), reason


def test_a_right_key_with_a_wrong_amount_is_a_match():
    """The key decides; what is missing stays due."""
    found = match_lines([due("1001", "120.00", day(2))], [line("cod_collected", "100.00", day(3), "order:1001")])
    assert pays(found) == [("order:1001", "100.00", "order_name", "certain")]


def test_a_second_payment_of_an_order_is_told_as_that():
    """Paid by card, then by transfer: nothing is due. Of one that is due, or that nobody paid, only the amount differs."""
    card = line("charge", "120.00", day(3), "order:1001")
    again = credit("120.00", day(4), text="order 1001")
    owed = due("1001", "120.00", day(2))
    found = match_lines([owed], [card, again])
    assert pays(found) == [("order:1001", "120.00", "order_name", "certain")]
    assert [(p.line, p.why, p.answers) for p in found.proposals] == [(again.name, "paid_already", (("order:1001",),))]
    for part, told in (("100.00", "amount_differs"), ("120.50", "paid_already")):
        found = match_lines([owed], [line("charge", part, day(3), "order:1001"), again])
        assert [p.why for p in found.proposals] == [told]
    assert [p.why for p in match_lines([owed], [credit("90.00", day(4), text="order 1001")]).proposals] == [
        "amount_differs"
    ]
    assert [p.why for p in match_lines([due("1001", "0.00", day(2))], [again]).proposals] == ["amount_differs"]


def test_a_person_says_that_a_transfer_gave_back_what_came_a_second_time():
    """Card 120.00, transfer 120.00, transfer back 120.00: with both lines named, 120.00 of the order are there."""
    owed, card = due("1001", "120.00", day(2)), line("charge", "120.00", day(3), "order:1001")
    again, back = credit("120.00", day(4), text="order 1001"), debit("-120.00", day(6), text="refund order 1001")
    said = [Decision(line=a.name, to=f"line:{b.name}", at=day(7), by="ana", why="paid twice")
            for a, b in ((back, again), (again, back))]  # fmt: skip
    found = match_lines([owed], [card, again, back], [], said)
    assert [(m.line, m.to) for m in found.matches if m.to == "order:1001"] == [(card.name, "order:1001")]
    assert (found.open, found.proposals, found.refused) == ({}, (), ())


def back_and_again(**more: object) -> tuple[Entry, Entry, Entry]:
    card = line("charge", "120.00", day(3), "order:1001")
    again = credit("120.00", day(4), text="order 1001", counterpart=("account:a",))
    return card, again, debit("-120.00", day(6), text="back 1001", **{"counterpart": ("account:a",), **more})


def test_a_second_payment_that_was_given_back_is_no_money_of_the_order():
    """Card 120.00, transfer 120.00, transfer back 120.00 to the same account: as a person says above, and without one."""
    card, again, back = back_and_again()
    for told in permutations([card, again, back]):
        found = match_lines([due("1001", "120.00", day(2))], told)
        assert pays(found) == sorted([
            (f"line:{back.name}", "120.00", "second_payment_given_back", "probable"),
            (f"line:{again.name}", "-120.00", "second_payment_given_back", "probable"),
            ("order:1001", "120.00", "order_name", "certain"),
        ])  # fmt: skip
        assert (found.open, found.proposals) == ({}, ())


@pytest.mark.parametrize(
    "case", ["another person", "another amount", "earlier", "refund is told", "order is given up", "two were paid"]
)
def test_what_may_be_a_refund_of_the_order_is_one(case):
    """Nothing speaks for the second payment then more than for the first."""
    card, again, back = back_and_again(**{"another person": {"counterpart": ("account:b",)}}.get(case, {}))
    facts = {"refund is told": {"given_back": True}, "order is given up": {"given_up_at": day(5)}}.get(case, {})
    told = [card, again, back]
    if case == "another amount":
        told[2] = debit("-20.00", day(6), text="back 1001", counterpart=("account:a",))
    if case == "earlier":
        told[1] = credit("120.00", day(7), text="order 1001", counterpart=("account:a",))
    if case == "two were paid":
        told.append(credit("120.00", day(5), text="order 1001", counterpart=("account:a",)))
    found = match_lines([due("1001", "120.00", day(2), **facts)], told)
    assert "second_payment_given_back" not in {m.rule for m in found.matches}
    assert "given_back_by_number" in {m.rule for m in found.matches}
    assert again.name in found.open or case == "earlier"


def test_of_two_orders_of_one_number_and_amount_a_transfer_a_little_over_is_the_named_buyers():
    """Two shops gave one number; without the buyer's name nobody can say whose it is."""
    dues = [
        due(f"1/1001@{shop}", "44.00", day(2), references=("order:1001",), buyer=(f"name:{shop}",)) for shop in "ab"
    ]
    over = credit("44.50", day(3), text="order 1001", counterpart=("name:b",))
    assert pays(match_lines(dues, [over])) == [("order:1/1001@b", "44.50", "number_in_text_near_amount", "probable")]
    assert why(match_lines(dues, [credit("44.50", day(3), text="order 1001")])) == [
        ("number_in_text_near_amount", "amount_differs")
    ]


def test_of_two_orders_of_one_number_what_goes_back_is_of_the_one_whose_payer_has_it():
    """Two shops gave one number; both buyers paid enough."""
    dues = [
        due(f"1/1001@{shop}", amount, day(2), references=("order:1001",))
        for shop, amount in (("a", "120.00"), ("b", "90.00"))
    ]
    paid = [
        credit(amount, day(3), text="order 1001", counterpart=(f"account:{shop}",))
        for shop, amount in (("a", "120.00"), ("b", "90.00"))
    ]
    back = debit("-50.00", day(6), text="back 1001", counterpart=("account:b",))
    assert [m.to for m in match_lines(dues, [*paid, back]).matches if m.line == back.name] == ["order:1/1001@b"]
    nobody = debit("-50.00", day(6), text="back 1001")
    assert not [m for m in match_lines(dues, [*paid, nobody]).matches if m.line == nobody.name]


def test_money_back_goes_where_the_payment_went():
    """A refund names the payment only; it may come before its charge is known, and in any order."""
    owed = due("1001", "120.00", day(2))
    refund = line("refund", "-20.00", day(5), "payment:ch_9", id="re_1")
    charge = line("charge", "120.00", day(3), "order:1001", "charge:ch_9", id="txn_1")
    assert match_lines([owed], [refund]).matches == ()
    found = match_lines([owed], [refund, charge])
    assert pays(found) == [
        ("order:1001", "-20.00", "provider_id", "certain"), ("order:1001", "120.00", "order_name", "certain"),
    ]  # fmt: skip


def test_a_known_payer_is_believed_for_one_open_order_of_that_person():
    """The account paid an order of this person before; of two orders of that amount none is taken."""
    first = credit("50.00", day(3), text="order 1001", counterpart=("account:a",))
    second = credit("80.00", day(9), counterpart=("account:a",), account="2")
    dues = [due("1001", "50.00", day(2), person="p"), due("1002", "80.00", day(8), person="p")]
    found = match_lines(dues, [first, second])
    assert ("order:1002", "80.00", "known_payer", "probable") in pays(found)
    twin = due("1003", "80.00", day(8), person="p")
    found = match_lines([*dues, twin], [first, second])
    assert why(found) == [("known_payer", "ambiguous")]
    assert found.open == {second.name: D("80.00")}


def test_a_payer_is_known_by_what_came_earlier_only():
    """The account is proved to be this person's on the 9th; a line of the 8th could not know that, one of the 10th does."""
    proof = credit("50.00", day(9), text="order 1001", counterpart=("account:a",))
    dues = [due("1001", "50.00", day(2), person="p"), due("1002", "80.00", day(7), person="p")]
    for at, rules in [(day(8), []), (day(10), ["known_payer"])]:
        found = match_lines(dues, [proof, credit("80.00", at, counterpart=("account:a",))])
        assert [m.rule for m in found.matches if m.to == "order:1002"] == rules


def test_the_amount_alone_is_only_proposed_and_only_where_nothing_is_near():
    """Nothing is paid by an amount."""
    told = credit("120.00", day(3))
    found = match_lines([due("1001", "120.00", day(2))], [told])
    assert found.matches == ()
    assert why(found) == [("amount_only", "amount_only")]
    near = due("1002", "120.90", day(2))
    assert match_lines([due("1001", "120.00", day(2)), near], [told]).proposals == ()


def test_instalments_with_the_number_pay_when_they_add_up():
    """Two halves pay the order; one half stays open with a proposal."""
    owed = due("1001", "120.00", day(2))
    parts = [credit("60.00", day(3), text="1001"), credit("60.00", day(4), text="1001")]
    assert [m.rule for m in match_lines([owed], parts).matches] == ["numbers_in_text_add_up"] * 2
    assert match_lines([owed], parts[:1]).open == {parts[0].name: D("60.00")}


def test_a_converted_amount_is_probable_at_best_and_only_inside_its_tolerance():
    """44.40 USD for 120.00 GEL at the day's 2.7."""
    owed = due("1001", "120.00", day(2))
    paid = credit("44.40", day(3), text="order 1001", currency="USD")

    def at_27(amount: Decimal, currency: str, to: str, _at: int) -> Decimal | None:
        return amount / D("2.7") if (currency, to) == ("GEL", "USD") else None

    assert pays(match_lines([owed], [paid], convert=at_27)) == [
        ("order:1001", "44.40", "number_in_text_near_amount", "probable")
    ]
    far = credit("44.00", day(3), text="order 1001", currency="USD")
    assert match_lines([owed], [far], convert=at_27).matches == ()


def test_what_was_paid_in_one_currency_is_paid_in_the_other():
    """270.00 GEL, which the buyer saw as 100.00 USD: half was taken in dollars, so 135.00 GEL are left, not a tetri less."""
    owed = replace(due("1001", "270.00", day(2)), amounts={"GEL": D("270.00"), "USD": D("100.00")})
    half = line("charge", "50.00", day(3), "order:1001", currency="USD", id="txn_1")
    for rest, rules in [("135.00", ["number_in_text"]), ("134.99", [])]:
        found = match_lines([owed], [half, credit(rest, day(4), text="order 1001")])
        assert [m.rule for m in found.matches if m.currency == "GEL"] == rules


def test_a_fee_alone_finds_its_order():
    """Nothing gross, and it is still the order's."""
    found = match_lines([due("1001", "80.00", day(2))], [line("cod_fee", "0", day(3), "order:1001", fee="1.60")])
    assert pays(found) == [("order:1001", "0", "order_name", "certain")]


def test_who_paid_before_the_order_was_given_up_paid_for_it():
    """The buyer's name and the amount: before the cancellation it is this order's money, after it is not."""
    owed = due("1001", "120.00", day(2), buyer=("name:n1",), given_up_at=day(5))
    for at, rules in ((day(4), ["buyer_name"]), (day(6), [])):
        told = credit("120.00", at, counterpart=("name:n1",))
        assert [m.rule for m in match_lines([owed], [told]).matches] == rules


# -- batches

LINES = [
    line("charge", "120.00", day(2), fee="3.78", id="1", batch="po_1"),
    line("charge", "45.50", day(2), fee="1.62", id="2", batch="po_1"),
    line("refund", "-20.00", day(3), id="3", batch="po_1"),
    line("dispute", "-45.50", day(3), fee="15.00", id="4", batch="po_1"),
    line("fee", "0", day(3), fee="2.00", id="5", batch="po_1"),
    line("reserve_hold", "-10.00", day(3), id="6", batch="po_1"),
    line("payout", "-67.60", day(4), id="7", batch="po_1"),
]


def test_a_payout_closes_with_the_bank():
    """Seven lines, of which six add up to what the seventh takes away."""
    (group,) = groups_of([], LINES)
    assert (group.lines, group.declared, group.difference, group.count) == (D("67.60"), D("67.60"), D(0), 6)
    found = match_lines([], [*LINES, credit("67.60", day(5))], [group])
    assert pays(found) == [("batch:psp/po_1", "67.60", "batch_amount_and_date", "probable")]
    assert not found.open


def test_a_payout_with_a_line_missing_is_open_and_its_credit_is_known():
    """The reserve is missing: -10.00, and the credit is not among the unmatched ones."""
    (group,) = groups_of([], [e for e in LINES if e.line.kind != "reserve_hold"])
    assert (group.lines, group.net, group.difference) == (D("77.60"), D("67.60"), D("-10.00"))
    found = match_lines([], [credit("67.60", day(5))], [group])
    assert pays(found) == [("batch:psp/po_1", "67.60", "batch_amount_and_date", "probable")]


def test_a_bank_reference_decides_whatever_the_amount():
    """Two batches of one net in one span; the reference tells them apart, a wrong amount stays matched."""
    groups = groups_of(
        [batch("1", "50.00", day(4), bank_reference="UTR 1"), batch("2", "50.00", day(4), bank_reference="UTR2")], []
    )
    found = match_lines([], [credit("49.00", day(5), "bank_reference:utr2")], groups)
    assert pays(found) == [("batch:psp/2", "49.00", "bank_reference", "certain")]


def test_a_batch_that_a_text_names_with_another_amount_is_for_a_person_to_decide():
    """Nothing is taken for it; who asks is told which batch it names. Its own amount, and a batch that is paid, say nothing more."""
    groups = groups_of([batch("PO-7731", "50.00", day(4))], [])
    other = credit("48.00", day(5), text="SETTLEMENT PO-7731")
    found = match_lines([], [other], groups)
    assert not found.matches
    assert [(p.line, p.rule, p.why, p.answers) for p in found.proposals] == [
        (other.name, "batch_in_text", "amount_differs", (("batch:psp/PO-7731",),))
    ]
    assert found.open == {other.name: D("48.00")}
    whole = credit("50.00", day(5), text="SETTLEMENT PO-7731", account="2")
    found = match_lines([], [other, whole], groups)
    assert pays(found) == [("batch:psp/PO-7731", "50.00", "batch_in_text", "certain")]
    assert not found.proposals
    for not_its in (debit("-48.00", day(5), text="PO-7731"), credit("48.00", day(5), text="PO-7731", currency="USD")):
        assert not match_lines([], [not_its], groups).proposals


def test_a_batch_that_the_bank_took_is_named_by_a_debit_too():
    """More was refunded than came in, so that its money leaves the bank."""
    took = debit("-48.00", day(5), text="SETTLEMENT PO-7731")
    found = match_lines([], [took], groups_of([batch("PO-7731", "-50.00", day(4))], []))
    assert [(p.line, p.why, p.answers) for p in found.proposals] == [
        (took.name, "amount_differs", (("batch:psp/PO-7731",),))
    ]


def test_money_in_another_currency_pays_no_batch_by_its_amount():
    """50.00 dollars are not 50.00 lari, whether the text names the batch or nothing but the amount could be meant. A reference that
    was made for the bank's line decides all the same: the bank may have changed the money."""
    groups = groups_of([batch("PO-7731", "50.00", day(4), bank_reference="UTR1")], [])
    for told in ("SETTLEMENT PO-7731", ""):
        dollars, lari = (credit("50.00", day(5), text=told, currency=currency) for currency in ("USD", "GEL"))
        assert match_lines([], [dollars], groups).open == {dollars.name: D("50.00")}
        assert [m.line for m in match_lines([], [dollars, lari], groups).matches] == [lari.name]
    changed = credit("18.20", day(5), "bank_reference:utr1", currency="USD")
    assert pays(match_lines([], [changed], groups)) == [("batch:psp/PO-7731", "18.20", "bank_reference", "certain")]


def test_two_batches_of_one_net_go_by_their_dates_or_nobody_takes_them():
    """The older first where both dates differ; equal dates are ambiguous."""
    later = groups_of([batch("a", "50.00", day(3), day(4)), batch("b", "50.00", day(3), day(5))], [])
    lines = [credit("50.00", day(5)), credit("50.00", day(6))]
    found = match_lines([], lines, later)
    assert {m.to: m.line for m in found.matches} == {"batch:psp/a": lines[0].name, "batch:psp/b": lines[1].name}
    same = groups_of([batch("a", "50.00", day(3), day(4)), batch("b", "50.00", day(3), day(4))], [])
    found = match_lines([], lines, same)
    assert found.matches == ()
    assert why(found)[0] == ("batch_amount_and_date", "ambiguous")


def test_of_two_equal_lines_of_one_day_none_is_the_batchs():
    """One payout of 50.00 and two credits of 50.00 on the day it was expected; a third line of a later day is no better."""
    groups = groups_of([batch("a", "50.00", day(3), day(4))], [])
    lines = [credit("50.00", day(4), account="1"), credit("50.00", day(4), account="2"), credit("50.00", day(5))]
    for some in (lines[:2], lines, lines[::-1]):
        found = match_lines([], some, groups=groups)
        assert found.matches == ()
        assert ("batch_amount_and_date", "ambiguous") in why(found)
    assert len(match_lines([], lines[1:], groups=groups).matches) == 1, "one alone on the first day is"


def test_a_batch_is_not_paid_outside_its_span():
    """Six bank days late, or two early: 2026-03-04 is a Wednesday."""
    groups = groups_of([batch("a", "50.00", day(3), day(4))], [])
    for fits, at in [(True, day(3)), (False, day(2)), (True, day(11)), (False, day(12))]:
        assert bool(match_lines([], [credit("50.00", at)], groups).matches) is fits, at


def test_a_batch_that_goes_back_takes_a_debit():
    """More refunds than charges: the provider takes money from the account."""
    groups = groups_of([], [line("refund", "-30.00", day(3), id="1", batch="b", available_at=day(4))])
    found = match_lines([], [line("bank_debit", "-30.00", day(5))], groups)
    assert [m.to for m in found.matches] == ["batch:psp/b"]


def test_a_payout_that_failed_waits_for_nothing():
    """The same credit as the failed one is not its money."""
    failed = [*LINES, line("payout_failed", "67.60", day(5), id="8", batch="po_1")]
    assert match_lines([], [credit("67.60", day(6))], groups_of([], failed)).matches == ()


def test_bank_days_leave_weekends_out():
    """2026-03-06 is a Friday, day 20518 since the epoch."""
    assert bank_days_after(20518, 1) == 20521
    assert bank_days_after(20518, -5) == 20511
    assert bank_days_after(20520, -1) == 20518


# -- exchanges


def test_what_names_or_pays_a_replaced_order_pays_the_one_in_its_place():
    """Paid under the first number, refunded under the second, decided for the first; a chain of three is one order."""
    first = due("1001", "50.00", day(1), buyer=("name:n1",), given_up_at=day(2))
    second = due("1002", "50.00", day(2), buyer=("name:n1",), replaces="1001")
    paid, back = credit("50.00", day(3), text="order 1001"), debit("-50.00", day(5), text="order 1002")
    for owed in ([first, second], [second, first]):
        found = match_lines(owed, [paid, back])
        assert [(m.to, m.rule) for m in found.matches] == [
            ("order:1002", "number_in_text"), ("order:1002", "given_back_by_number")]  # fmt: skip
        assert pays(match_lines(owed, [credit("50.00", day(3), counterpart=("name:n1",))]))[0][0] == "order:1002"
        assert pays(match_lines(owed, [TOLD], [], [decided("order:1001", amount="50.00")]))[0][0] == "order:1002"
    third = due("1003", "80.00", day(4), replaces="1002")
    found = match_lines([third, second, first], [paid, credit("30.00", day(6), text="order 1003")])
    assert {m.to for m in found.matches} == {"order:1003"}
    assert not found.open


def test_orders_that_replace_each_other_or_something_older_are_not_lost():
    """Of two that name each other the later stands; one that is older than what it names replaces nothing."""
    both = [due("1001", "50.00", day(1), replaces="1002"), due("1002", "50.00", day(2), replaces="1001")]
    assert pays(match_lines(both, [credit("50.00", day(3), text="order 1001")]))[0][0] == "order:1002"
    older = [due("1001", "50.00", day(1), replaces="1002"), due("1002", "50.00", day(2))]
    assert pays(match_lines(older, [credit("50.00", day(3), text="order 1001")]))[0][0] == "order:1001"


def test_one_account_in_two_currencies_may_number_its_lines_alike():
    """The same IBAN and id: two movements."""
    told = [credit("50.00", day(3), id="T1", account="GE1", currency=c) for c in ("GEL", "USD")]
    assert told[0].name != told[1].name


# -- money that the bank sends back


def test_a_payout_that_came_back_and_was_sent_again_is_on_the_bank_once():
    """Twice returned under its reference, and the third time it stays: that one is the batch's."""
    groups = groups_of([batch("a", "50.00", day(3), day(4), bank_reference="TR1")], [])
    tries = [("50.00", 4), ("-50.00", 6), ("50.00", 6), ("-50.00", 9), ("50.00", 10)]
    lines = [(credit if gross[0] != "-" else debit)(gross, day(n), "bank_reference:TR1") for gross, n in tries]
    for order in (lines, lines[::-1]):
        found = match_lines([], order, groups)
        assert [(m.line, m.amount) for m in found.matches if m.to == "batch:psp/a"] == [(lines[4].name, D("50.00"))]
        assert {(m.line, m.to) for m in found.matches if m.rule == "sent_back"} == {
            pair for a, b in ((0, 1), (2, 3)) for pair in
            ((lines[a].name, f"line:{lines[b].name}"), (lines[b].name, f"line:{lines[a].name}"))}  # fmt: skip
        assert not found.open


def test_a_refund_that_the_buyers_bank_sends_back_is_not_given_back():
    """The money of the order is here again; what is refunded by its number and stays away is."""
    owed = [due("1001", "50.00", day(1))]
    paid = credit("50.00", day(2), text="order 1001")
    out, back = debit("-50.00", day(5), "bank_reference:E2E-77"), credit("50.00", day(7), "bank_reference:e2e-77")
    found = match_lines(owed, [paid, out, back])
    assert [m.line for m in found.matches if m.to == "order:1001"] == [paid.name]
    assert [m.rule for m in found.matches].count("sent_back") == 2
    refund = match_lines(owed, [paid, debit("-50.00", day(5), text="order 1001")])
    assert [m.rule for m in refund.matches] == ["number_in_text", "given_back_by_number"]


@pytest.mark.parametrize(
    ("first", "second", "cancels"),
    [
        ({"text": "payout F90010"}, {"text": "returned payout F90010"}, True),
        ({"text": "payout F90010"}, {"text": "returned payout F90010", "counterpart": ("name:other",)}, False),
        ({"text": "rent 2026-03"}, {"text": "rent 2026-03"}, False),
        ({"text": "order 54001"}, {"text": "refund of order 54001"}, False),
        ({"text": "", "references": ("booking:90010",)}, {"text": "", "references": ("booking:90010",)}, False),
        ({"text": "payout F90010", "at": day(1)}, {"text": "returned payout F90010", "at": day(17)}, False),
        ({"text": "payout F90010", "gross": "50.01"}, {"text": "returned payout F90010"}, False),
        ({"text": "payout F90010", "account": "another"}, {"text": "returned payout F90010"}, False),
    ],
)
def test_only_what_says_so_is_sent_back(first, second, cancels):
    """One number and one counterpart, no day, no order's number; the same account, amount and two weeks."""
    told = {"gross": "50.00", "at": day(3), "counterpart": ("name:psp",)} | first
    later = {"gross": "-50.00", "at": day(5), "counterpart": ("name:psp",)} | second
    lines = [credit(told.pop("gross"), told.pop("at"), *told.pop("references", ()), **told),
             debit(later.pop("gross"), later.pop("at"), *later.pop("references", ()), **later)]  # fmt: skip
    found = match_lines([due("54001", "50.00", day(2))], lines)
    assert any(m.rule == "sent_back" for m in found.matches) is cancels


def test_which_of_two_equal_payouts_came_back_nobody_can_say():
    """Under one reference and both earlier: nothing is cancelled, all three stay to be seen."""
    lines = [credit("50.00", day(2), "bank_reference:T"), credit("50.00", day(3), "bank_reference:T"),
             debit("-50.00", day(5), "bank_reference:T")]  # fmt: skip
    assert match_lines([], lines).matches == ()


# -- lump sums


@pytest.mark.parametrize(
    ("dues", "paid", "answers"),
    [
        ("80.00 60.00 110.00 95.00 70.00", "205.00", [(2, 3)]),
        ("80.00 60.00 70.00 70.00", "140.00", [(0, 1), (2, 3)]),
        ("78.40 58.80 107.80 93.10 68.60", "176.40", [(2, 4)]),
        ("10.00 20.00", "5.00", []),
        ("10.00 20.00 30.00", "60.00", [(0, 1, 2)]),
    ],
)
def test_all_sets_that_add_up_are_counted(dues, paid, answers):
    """Amounts alone; two answers are two."""
    assert sorted(subsets([D(d) for d in dues.split()], D(paid))) == answers


def test_more_candidates_than_can_mean_anything_are_not_searched():
    assert subsets([D(1)] * 26, D(1)) == []
    assert len(subsets([D(1)] * 25, D(2))) == 3


def test_whole_days_from_the_first_are_found():
    assert prefix_fit([[D(10), D(20)], [D(5)]], D(30)) == 1
    assert prefix_fit([[D(10), D(20)], [D(5)]], D(35)) == 2
    assert prefix_fit([[D(10), D(20)], [D(5)]], D(10)) is None


def _parcels(*amounts: str) -> list:
    return [
        due(f"o{i}", a, day(1), method="cod", courier="swift", delivered_at=day(2 + i)) for i, a in enumerate(amounts)
    ]


def test_a_courier_pays_whole_days():
    """80 of the first day and 60 of the second; the third day is not in it."""
    found = match_lines(_parcels("80.00", "60.00", "110.00"), [credit("140.00", day(9))])
    assert [(m.to, m.rule, m.trust) for m in found.matches] == [
        ("order:o0", "courier_whole_days", Trust.PROBABLE), ("order:o1", "courier_whole_days", Trust.PROBABLE),
    ]  # fmt: skip


def test_a_sum_that_fits_by_luck_is_taken_of_a_known_courier_only():
    """110 + 95: a lead of somebody unknown, probable of the courier, whose account is known by its remittances."""
    dues = _parcels("80.00", "60.00", "110.00", "95.00", "70.00")
    lump = credit("205.00", day(10), counterpart=("account:c",))
    found = match_lines(dues, [lump])
    assert found.matches == ()
    assert why(found) == [("courier_sum", "sum_only")]
    groups = groups_of([batch("R1", "33.00", day(1), source="courier:swift", bank_reference="UTR1")], [])
    before = credit("33.00", day(2), "bank_reference:UTR1", counterpart=("account:c",))
    found = match_lines(dues, [lump, before], groups)
    assert {m.to for m in found.matches if m.line == lump.name} == {"order:o2", "order:o3"}


def test_two_sums_are_none():
    found = match_lines(_parcels("80.00", "60.00", "70.00", "70.00")[::-1], [credit("130.00", day(9), text="")])
    assert found.matches == ()
    assert [len(p.answers) for p in found.proposals] == [2]


def test_a_parcel_in_two_batches_is_counted_once():
    """The second is listed, with the batch of the first."""
    first = line("cod_collected", "80.00", day(3), "parcel:P1", batch="R1", source="courier:swift")
    second = line("cod_collected", "80.00", day(9), "parcel:P1", batch="R2", source="courier:swift")
    found = match_lines([due("1001", "80.00", day(1), references=("parcel:P1",))], [second, first])
    assert [m.line for m in found.matches] == [first.name]
    assert why(found) == [("parcel_twice", "parcel is in R1 too")]


def test_of_a_parcel_in_two_batches_the_second_rows_costs_do_not_count_either():
    """The fee of R2 was kept of cash that is not counted; the freight of a later batch, without cash, is the parcel's."""
    told = [
        line("cod_collected", "80.00", day(3), "parcel:P1", batch="R1", source="courier:swift", id="R1/P1"),
        line("cod_fee", "-1.60", day(3), "parcel:P1", batch="R1", source="courier:swift", id="R1/P1"),
        line("cod_collected", "80.00", day(9), "parcel:P1", batch="R2", source="courier:swift", id="R2/P1"),
        line("cod_fee", "-1.60", day(9), "parcel:P1", batch="R2", source="courier:swift", id="R2/P1"),
        line("freight", "-4.00", day(9), "parcel:P1", batch="R3", source="courier:swift", id="R3/P1"),
    ]
    found = match_lines([due("1001", "80.00", day(1), references=("parcel:P1",))], told)
    assert {m.line for m in found.matches} == {told[0].name, told[1].name, told[4].name}


# -- persons

TOLD = credit("120.00", day(3))


def decided(to: str, at: int = day(5), undo: bool = False, amount: str | None = None, entry: Entry = TOLD) -> Decision:
    return Decision(line=entry.name, to=to, amount=None if amount is None else D(amount), by="Nino", why="called",
                    at=at, undo=undo)  # fmt: skip


def test_a_person_decides_and_takes_back():
    """Made, undone, made again: the last word stands, whatever order the words come in."""
    owed = [due("1001", "120.00", day(2)), due("1002", "120.00", day(2))]
    words = [decided("order:1001"), decided("order:1001", day(6), undo=True), decided("order:1002", day(7))]
    assert pays(match_lines(owed, [TOLD], [], words[:1])) == [("order:1001", "120.00", "person", "person")]
    assert match_lines(owed, [TOLD], [], words[:2]).matches == ()
    assert pays(match_lines(owed, [TOLD], [], words[::-1])) == [("order:1002", "120.00", "person", "person")]


def test_what_a_person_took_back_is_not_matched_again_by_itself():
    """The number stands in the text, and somebody said no."""
    told = credit("120.00", day(3), text="order 1001")
    assert match_lines([due("1001", "120.00", day(2))], [told]).matches
    no = decided("order:1001", undo=True, entry=told)
    assert match_lines([due("1001", "120.00", day(2))], [told], [], [no]).matches == ()


def test_a_person_can_give_no_more_than_the_line_has():
    """200.00 of a line of 120.00; the second decision finds nothing left and is said."""
    owed = [due("1001", "300.00", day(2)), due("1002", "300.00", day(2))]
    words = [decided("order:1001", amount="200.00"), decided("order:1002", day(6))]
    found = match_lines(owed, [TOLD], [], words)
    assert [m.amount for m in found.matches] == [D("120.00")]
    assert found.refused == ((TOLD.name, "nothing of the line is left"),)


# -- what others' users complained about


def test_equal_lines_pay_equal_orders_once_each():
    """Two equal transfers on one day are two payments; the third finds nothing to pay."""
    lines = [credit("50.00", day(3), text="order 1001", ordinal=n) for n in (1, 2)]
    found = match_lines([due("1001", "50.00", day(2))], lines)
    assert len(found.matches) == 1
    assert list(found.open.values()) == [D("50.00")]


def test_a_line_that_names_another_order_is_not_taken_for_its_amount_or_name():
    """The text says 1002, the amount and name say 1001."""
    told = credit("50.00", day(3), text="order 1002", counterpart=("name:n",))
    dues = [due("1001", "50.00", day(2), buyer=("name:n",)), due("1002", "70.00", day(2))]
    assert match_lines(dues, [told]).matches == ()


def test_the_number_that_a_bank_gives_its_booking_is_no_orders():
    """2011 of 20 November: neither does it pay order 2011, nor does it speak against the buyer whose name stands there."""
    owed = [due("2011", "36.40", day(1)), due("2161", "36.40", day(2), buyer=("name:n1",))]
    paid = credit("36.40", day(4), "booking:2011", counterpart=("name:n1",))
    assert pays(match_lines(owed, [paid])) == [("order:2161", "36.40", "buyer_name", "probable")]
    assert match_lines(owed[:1], [credit("36.40", day(4), "booking:2011")]).matches == ()
    written = credit("36.40", day(4), "bank_reference:2011", counterpart=("name:n1",))  # by the payer
    assert pays(match_lines(owed, [written])) == [("order:2011", "36.40", "number_in_text", "certain")]


def test_plus_and_minus_are_not_the_same_payment():
    """A credit and a debit of one amount: the order is paid by the credit."""
    lines = [line("bank_debit", "-50.00", day(3), text="order 1001"), credit("50.00", day(3), text="order 1001")]
    found = match_lines([due("1001", "50.00", day(2))], lines)
    assert [m.line for m in found.matches] == [lines[1].name]


def test_a_transfer_back_to_the_buyer_is_money_of_the_order_that_it_names():
    """All of what came is certain, a part of it probable; more than came, and nothing that came, are nobody's."""
    paid = credit("80.00", day(3), text="order 1001")
    owed = [due("1001", "80.00", day(2)), due("1002", "60.00", day(2))]

    def back(amount: str, text: str, ordinal: int = 0) -> Entry:
        return line("bank_debit", amount, day(9), text=text, ordinal=ordinal)

    first = ("order:1001", "80.00", "number_in_text", "certain")
    whole = match_lines(owed, [paid, back("-80.00", "refund of order 1001")])
    assert pays(whole) == [("order:1001", "-80.00", "given_back_by_number", "certain"), first]
    part = match_lines(owed, [paid, back("-30.00", "refund of order 1001")])
    assert pays(part) == [("order:1001", "-30.00", "given_back_by_number", "probable"), first]
    for wrong in (
        back("-80.01", "refund of order 1001"),
        back("-60.00", "refund of order 1002"),
        back("-80.00", "rent"),
    ):
        assert pays(match_lines(owed, [paid, wrong])) == [first]
    twice = match_lines(owed, [paid, back("-80.00", "order 1001", 1), back("-80.00", "order 1001", 2)])
    assert len(pays(twice)) == 2


def test_sums_of_many_payments_are_exact():
    """Ten instalments of 0.10 are 1.00, which floats deny."""
    lines = [credit("0.10", day(3), text="1001", ordinal=n) for n in range(10)]
    assert len(match_lines([due("1001", "1.00", day(2))], lines).matches) == 10
