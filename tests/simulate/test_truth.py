"""The invented truth of the demo: reproducible, complete, and summed right."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from twofold.simulate.truth import (
    DEMO_ORDERS,
    FIRST_ORDER_ID,
    MISHAPS,
    OrderKind,
    Today,
    consented_truth,
    crossings,
    make_orders,
    tally,
    whole_truth,
)

SEEDS = st.integers(0, 10_000)


@given(SEEDS)
def test_a_seed_makes_the_same_orders_every_time(seed):
    """Two people with one seed see one truth."""
    assert make_orders(seed) == make_orders(seed)


def test_two_seeds_make_two_truths():
    """The seed is used."""
    assert make_orders(1) != make_orders(2)


@given(SEEDS)
def test_every_mishap_occurs_at_least_three_times(seed):
    """No seed can leave out a way in which measuring goes wrong."""
    counted = tally(make_orders(seed))
    assert set(counted) == {one.name for one in (*MISHAPS, *crossings(Today()))}
    assert min(counted.values()) >= 3, counted


@given(SEEDS, st.integers(0, 60))
def test_any_number_of_orders_can_be_made(seed, count):
    """A short demo works too, without any mishap striking more orders than there are."""
    assert len(make_orders(seed, count)) == count


@given(SEEDS)
def test_the_consented_truth_is_the_sum_over_real_orders_of_those_who_agreed(seed):
    """Counted again here in cents, from the lines."""
    cents = []
    for order in make_orders(seed):
        goods = sum(int(line.product.price * 100) * line.quantity for line in order.lines)
        if order.kind is OrderKind.REAL and order.consented:
            cents.append(goods if goods >= 6000 else goods + 490)
    truth = consented_truth(make_orders(seed))
    assert (truth.count, truth.value) == (len(cents), Decimal(sum(cents)) / 100)


@given(SEEDS)
def test_the_books_hold_more_than_the_consented_truth_and_less_than_all_orders(seed):
    """Declined orders are in the books; cancelled and test orders are not."""
    orders = make_orders(seed)
    books, consented = whole_truth(orders), consented_truth(orders)
    assert consented.count < books.count < len(orders) == DEMO_ORDERS
    assert consented.value < books.value


@given(SEEDS)
def test_no_two_orders_share_an_id_and_no_float_could_hold_them(seed):
    """Ids lie beyond 2^53, where a float would merge neighbours."""
    ids = [order.id for order in make_orders(seed)]
    assert len(set(ids)) == len(ids)
    assert len({float(number) for number in ids}) < len(ids)
    assert min(ids) == FIRST_ORDER_ID > 2**53


@given(SEEDS)
def test_what_stands_for_no_purchase_never_shows_a_thank_you_page(seed):
    """Otherwise a browser would report a purchase that the shop's books do not hold."""
    for order in make_orders(seed):
        if order.kind is not OrderKind.REAL:
            assert order.thank_you_loads == 0


def test_people_differ_in_script_country_and_click():
    """The demo shows more than Latin letters, one country and advertising traffic."""
    shoppers = [order.shopper for order in make_orders(7)]
    names = "".join(shopper.first_name for shopper in shoppers)
    assert any("\u10d0" <= letter <= "\u10ff" for letter in names)  # Georgian
    assert any("\uac00" <= letter <= "\ud7a3" for letter in names)  # Korean
    assert any("\u0600" <= letter <= "\u06ff" for letter in names)  # Arabic
    assert len({shopper.country for shopper in shoppers}) > 4
    assert {shopper.fbclid is None for shopper in shoppers} == {True, False}
    assert len({shopper.email for shopper in shoppers}) == len(shoppers)
    assert all(shopper.email.partition("@")[2] in ("example.com", "example.org", "example.net") for shopper in shoppers)


@given(SEEDS)
def test_orders_that_cross_from_one_place_to_another_are_otherwise_the_same(seed):
    """What is offered in a chat is worth its price more; nobody's click is lost; all others are as without crossings."""
    crossed, plain = make_orders(seed), make_orders(seed, today=Today(chat=0, two_devices=0))
    assert not any(o.chat or o.phone for o in plain)
    for order, before in zip(crossed, plain, strict=True):
        if order.chat is not None:
            assert order.chat.asked_for == before.lines
            assert order.chat.asked_value == before.value
            assert order.lines[: len(before.lines)] == before.lines
            assert len(order.lines) - len(before.lines) == order.cross_sold
            assert order.thank_you_loads == 0
        elif order.phone is not None:
            assert before.shopper.fbclid in (None, order.phone.fbclid)
            assert order.shopper.fbclid is None
            assert (order.lines, order.value) == (before.lines, before.value)
        else:
            assert order == before
