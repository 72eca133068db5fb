"""Where an order's money is, in words of people: batches and couriers have names, not keys."""

from __future__ import annotations

import re
from decimal import Decimal

import pytest

from twofold.commands.reconcile.life import _amount
from twofold.console.words import Words
from twofold.reconcile.matches import bank, batches
from twofold.reconcile.matches.keys import STEPS
from twofold.reconcile.matches.matching import PERSON_RULE
from twofold.reconcile.matches.returned import SENT_BACK
from twofold.reconcile.spoken import RULES, evidence_words, money_words


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
    assert money_words(told, Decimal(amount)) == shown


@pytest.mark.parametrize(("amount", "currency", "shown"), [("66.9", "GEL", "66.90"), ("171", "GEL", "171.00"), ("1234", "JPY", "1,234"),
                                                           ("0.125", "EUR", "0.125"), ("1.5", "KWD", "1.500")])  # fmt: skip
def test_an_amount_has_the_digits_of_its_currency(amount, currency, shown):
    assert _amount(Decimal(amount), currency) == shown


def test_who_says_so_is_named():
    assert (
        evidence_words("courier:one: certain, in batch:courier:one/R1")
        == "courier one: certain, in remittance R1 of courier one"
    )


_NAMED = {
    value
    for room in (bank, batches)
    for name, value in vars(room).items()
    if re.fullmatch("[A-Z][A-Z_]+", name) and isinstance(value, str)
}


@pytest.mark.parametrize("rule", sorted({*STEPS, *_NAMED, PERSON_RULE, SENT_BACK}))
def test_every_rule_of_the_matching_has_words_without_a_comma(rule):
    """What the console puts into another language is taken apart at commas."""
    assert rule in RULES
    assert "," not in RULES[rule]


def test_who_says_so_is_said_in_georgian_to_the_end():
    """No word of ours is left: names of others are."""
    told = evidence_words("shopify_payments: certain by provider_id, in batch:shopify_payments/90070001")
    assert told == "shopify_payments: certain by the payment provider's own id, in payout 90070001 of shopify_payments"
    said = Words("ka", "UTC").told(told)
    assert set(re.findall("[A-Za-z_]+", said)) == {"shopify_payments"}, said
