"""Every setting of reports reaches the rules by which they are made."""

from __future__ import annotations

from decimal import Decimal

import pytest

from twofold.commands.reconcile.chain import rules_of, zone_of
from twofold.commands.reconcile.day import question
from twofold.config import describe_settings, settings_from
from twofold.errors import ConfigError
from twofold.reconcile.matches.tolerance import Tolerance
from twofold.reconcile.reading.whole import tolerance_of

ROWS = [
    ("currency", "EUR", lambda s: rules_of(s).currency, "EUR"),
    ("timezone", "Asia/Tbilisi", lambda s: str(zone_of(s)), "Asia/Tbilisi"),
    ("vat", "18.5", lambda s: rules_of(s).vat, Decimal("18.5")),
    ("confirm_days", 3, lambda s: rules_of(s).confirm_days, 3),
    ("history_days", 4, lambda s: rules_of(s).history_days, 4),
    ("courier_days", 5, lambda s: rules_of(s).courier_days, 5),
    ("payout_days", 6, lambda s: rules_of(s).payout_days, 6),
    ("meta_day", "click", lambda s: question(s, "2026-03-10", "", None).platform.by_click_day, True),
    ("cash_step", {"GEL": "0.05"}, lambda s: tolerance_of(rules_of(s)).cash_step, {"GEL": Decimal("0.05")}),
    ("transfer_short", {"EUR": "0.20"}, lambda s: tolerance_of(rules_of(s)).short_in, {"EUR": Decimal("0.20")}),
    ("transfer_over", {"EUR": "2.00"}, lambda s: tolerance_of(rules_of(s)).over_in, {"EUR": Decimal("2.00")}),
    ("converted_most", "3.00", lambda s: tolerance_of(rules_of(s)).converted_most, Decimal("3.00")),
    # What it does stands in attribution's tests of surveys, by the command.
    ("answers", {"A friend": "referral"}, lambda s: s.chain.answers, {"A friend": "referral"}),
    ("bank_fee", {"stripe": "0.50"}, lambda s: tolerance_of(rules_of(s)).bank_fee, {"stripe": Decimal("0.50")}),
]


@pytest.mark.parametrize(("name", "given", "found", "expected"), ROWS, ids=[r[0] for r in ROWS])
def test_a_setting_reaches_the_rules(name, given, found, expected):
    assert found(settings_from({"chain": {name: given}}, environ={})) == expected


def test_all_of_them_are_tried():
    assert {name for section, name, *_ in describe_settings() if section == "[chain]"} == {r[0] for r in ROWS}


@pytest.mark.parametrize(
    ("name", "given"), [("currency", "lari"), ("timezone", "Tbilisi"), ("vat", "18 %"), ("vat", "0.18x")]
)
def test_what_cannot_be_is_refused_by_its_name(name, given):
    with pytest.raises(ConfigError, match=name):
        settings_from({"chain": {name: given}}, environ={})


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"cash_step": {"lari": "0.10"}}, "chain.cash_step: expected a currency"),
        ({"transfer_over": {"EUR": "a lot"}}, "chain.transfer_over.EUR: expected an amount"),
        ({"transfer_short": {"EUR": "-1"}}, "chain.transfer_short.EUR: expected an amount"),
        ({"bank_fee": {"stripe": "1 %"}}, "chain.bank_fee.stripe: expected an amount"),
    ],
)
def test_a_tolerance_that_is_none_is_named(given, expected):
    with pytest.raises(ConfigError, match=expected):
        settings_from({"chain": given}, environ={})


def test_what_a_transfer_may_be_off_is_each_currencys_own():
    given = Tolerance(short_in={"EUR": Decimal("0.20")}, over_in={"EUR": Decimal(0)})
    paid = [Decimal("99.80"), Decimal("99.79"), Decimal("100.01"), Decimal(100)]
    assert [given.fits_transfer(p, Decimal(100), "EUR") for p in paid] == [True, False, False, True]
    assert [given.fits_transfer(p, Decimal(100), "GEL") for p in paid] == [False, False, True, True]
