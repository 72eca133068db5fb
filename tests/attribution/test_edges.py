"""Rows of attribution are not to be joined by what strangers write, nor moved by what is told later."""

from __future__ import annotations

from decimal import Decimal

import pytest
from msgspec.structs import replace

from tests.attribution.test_table import ASKED, META, came_by, lines_of, order
from tests.reconcile.test_chain_example import march
from twofold.attribution.spend import Advert, advert_of, key_of

NOON = march(10)


@pytest.mark.parametrize(
    "word", ["unattributed:no_browser", "told:unattributed:no_browser", "channel:email", "(small)", "none", "email"]
)
def test_what_an_address_says_is_no_key_of_ours(word: str) -> None:
    """Somebody writes a row's own key into a link: the orders without a browser stay alone, and so do the others."""
    asked = replace(ASKED, by="source", model="last")
    visits = [
        {"source": word, "medium": "referral"},
        {"source": f"told:{word}", "medium": "referral"},
        {"medium": "email"},
    ]
    told = [order(n, NOON, *came_by(NOON - 60, **words)) for n, words in enumerate(visits)]
    lines = lines_of([*told, order(9, NOON)], asked)
    assert len(lines) == 4
    assert {"unattributed:no_browser", "channel:email"} < set(lines)
    assert {line.group.name for line in lines.values()} == {word, f"told:{word}", "email", "unattributed"}
    articles = [replace(order(n, NOON), items=((sku, Decimal(1)),)) for n, sku in enumerate((word, ""))]
    assert len(lines_of(articles, replace(asked, by="product"))) == 2


@pytest.mark.parametrize("platform", ["meta", "channel", "unattributed", "%channel", "%25channel", "a:b", "a%3Ab"])
def test_a_key_of_an_advert_is_its_own(platform: str) -> None:
    assert advert_of(key_of(Advert(platform, "no_browser"))) == Advert(platform, "no_browser")
    assert not key_of(Advert(platform, "no_browser")).startswith(("channel:", "unattributed:"))
    assert key_of(Advert("meta", "a:b")) == "meta:a:b"


def test_a_row_that_is_reached_by_id_and_by_name_is_marked_in_any_order() -> None:
    by_id = order(1, NOON, *came_by(NOON - 60, **META))
    by_name = order(2, NOON, *came_by(NOON - 60, source="facebook", medium="paid_social", campaign="Spring"))
    asked = replace(ASKED, by="campaign", model="last")
    for told in ([by_id, by_name], [by_name, by_id]):
        (line,) = lines_of(told, asked).values()
        assert (line.group.mark, line.orders) == ("by_name", 2)
