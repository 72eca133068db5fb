"""Every setting of reports reaches the rules by which they are made."""

from __future__ import annotations

from decimal import Decimal

import pytest

from twofold.commands.reconcile.chain import rules_of, zone_of
from twofold.config import describe_settings, settings_from
from twofold.errors import ConfigError

ROWS = [
    ("currency", "EUR", lambda s: rules_of(s).currency, "EUR"),
    ("timezone", "Asia/Tbilisi", lambda s: str(zone_of(s)), "Asia/Tbilisi"),
    ("vat", "18.5", lambda s: rules_of(s).vat, Decimal("18.5")),
    ("confirm_days", 3, lambda s: rules_of(s).confirm_days, 3),
    ("history_days", 4, lambda s: rules_of(s).history_days, 4),
    ("courier_days", 5, lambda s: rules_of(s).courier_days, 5),
    ("payout_days", 6, lambda s: rules_of(s).payout_days, 6),
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
