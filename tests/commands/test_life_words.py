"""Where an order's money is, in words of people: batches and couriers have names, not keys."""

from __future__ import annotations

from decimal import Decimal

import pytest

from twofold.commands.reconcile.life import _amount, _in_words, _money_words


@pytest.mark.parametrize(
    ("told", "amount", "shown"),
    [
        ("on the bank, with batch:courier:mountain post/MP-1", "10", "on the bank, with remittance MP-1 of courier mountain post"),
        ("on the bank, with batch:courier:one/R1", "-7", "taken off what came to the bank, with remittance R1 of courier one"),
        ("on the bank, with batch:stripe/acct_1/po_1", "10", "on the bank, with payout po_1 of stripe"),
        ("given back to the buyer", "-1", "given back to the buyer"),
        ("with stripe: paid out, and late at the bank (batch:stripe/po_1)", "7",
         "with stripe: paid out, and late at the bank (payout po_1 of stripe)"),
    ],
)  # fmt: skip
def test_money_has_a_place_that_people_know(told, amount, shown):
    assert _money_words(told, Decimal(amount)) == shown


@pytest.mark.parametrize(("amount", "currency", "shown"), [("66.9", "GEL", "66.90"), ("171", "GEL", "171.00"), ("1234", "JPY", "1,234"),
                                                           ("0.125", "EUR", "0.125"), ("1.5", "KWD", "1.500")])  # fmt: skip
def test_an_amount_has_the_digits_of_its_currency(amount, currency, shown):
    assert _amount(Decimal(amount), currency) == shown


def test_who_says_so_is_named():
    assert (
        _in_words("courier:one: certain, in batch:courier:one/R1")
        == "courier one: certain, in remittance R1 of courier one"
    )
