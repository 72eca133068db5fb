"""What is wrong with how campaigns are named: each fault is found, said in words, and comes with the line that mends it."""

from __future__ import annotations

from decimal import Decimal as D
from fractions import Fraction
from typing import Any

import pytest
from msgspec.structs import replace

from tests.attribution.test_attribution_law import desk
from tests.attribution.test_table import ASKED
from twofold.attribution.reading import Basis, DoubleTag
from twofold.attribution.report import RECOMMENDED, _findings
from twofold.attribution.spend import BY_NAME, NO_SPEND, Adverts, Seen
from twofold.attribution.table import Cost, Group, Line, Usual
from twofold.attribution.verdicts import Says, Verdict
from twofold.commands.attribution.source import explained
from twofold.ledger.lines import Spend

CAMPAIGNS = replace(ASKED, by="campaign")
SPENT = Spend(source="meta", account="act_1", level="campaign", day="2026-03-02", campaign="Spring", campaign_id="11111", currency="GEL",
              amount=D("9.00"))  # fmt: skip


def found(lines: list[Line] = [], **more: Any) -> list[tuple[str, str, str]]:  # noqa: B006 - read only
    told: dict[str, Any] = {
        "asked": CAMPAIGNS, "lines": {}, "adverts": Adverts([]), "spend": [], "costs": {}, "rates": {}, "usual": Usual(), "placed": D(100),
        "seen": Seen(()), "desk": desk(), "missing": 0, "claimed": None, "deducted": D(0), "texts": [],
    }  # fmt: skip
    basis = Basis(**told | more)
    return [(one["kind"], one["of"], one["text"]) for one in _findings(basis, basis.asked, lines)]


def test_nothing_is_wrong() -> None:
    line = Line(group=Group("meta:11111", "Spring", "meta"), orders=Fraction(1), cost=Cost(spend=D(9)))
    assert found([line], claimed=D("100.00"), texts=["Spring", "{not closed"]) == []


@pytest.mark.parametrize(("claimed", "share"), [("100.01", "1.00"), ("150.00", "1.50"), ("100.00", "")])
def test_claims_above_all_that_was_placed(claimed: str, share: str) -> None:
    said = found(claimed=D(claimed))
    assert [kind for kind, *_ in said] == (["claims_above_orders"] if share else [])
    assert share in "".join(text for *_, text in said)


@pytest.mark.parametrize(
    ("macro", "platform"), [("{{ad.id}}", "meta"), ("__CID__", "tiktok"), ("{creative}", "google")]
)
def test_a_macro_that_nobody_filled_in(macro: str, platform: str) -> None:
    """Whose it is shows in its form, and so which line is to be pasted."""
    assert found(texts=[macro]) == [
        ("macro", macro, f"a macro that nobody filled in; end its address with {RECOMMENDED[platform]}")
    ]


def test_an_address_that_two_tools_tagged() -> None:
    ((kind, of, text),) = found(double_tags=[DoubleTag("google", "newsletter/email", 3)])
    assert (kind, of) == ("double_tag", "newsletter/email")
    assert text.startswith("3 orders came under a click id of google")
    assert text.endswith(RECOMMENDED["google"])
    ((_, _, text),) = found(double_tags=[DoubleTag("snapchat", "mail", 1)])
    assert text.startswith("one order came")
    assert text.endswith("the click id decides")  # nobody's line is known for it


def test_campaigns_without_a_tag() -> None:
    """Paid visits that name no campaign, and spend that no visit names."""
    nameless = Line(group=Group("meta:", "meta without campaign", "meta", "no_tag"), orders=Fraction(1))
    assert found([nameless]) == [
        (
            "no_tag",
            "meta without campaign",
            f"paid visits whose address names no campaign; end its address with {RECOMMENDED['meta']}",
        )
    ]
    ((kind, of, text),) = found(spend=[SPENT])
    assert (kind, of) == ("spend_without_touches", "Spring")
    assert text == f"9.00 GEL were spent and no visit names it; end its address with {RECOMMENDED['meta']}"
    assert found(spend=[SPENT], seen=Seen([("meta", "11111", "", "", "", "", "")])) == []


def test_spend_without_orders_and_ids_without_spend() -> None:
    quiet = Line(group=Group("meta:11111", "Spring", "meta"), cost=Cost(spend=D(9)))
    quiet.verdict = Verdict(says=Says.UNSURE, contribution=D(0), interval=None)
    assert [one[:2] for one in found([quiet])] == [("spend_without_orders", "Spring")]
    unnamed = Line(
        group=quiet.group, cost=quiet.cost, verdict=Verdict(says=Says.NO_TOUCHES, contribution=D(0), interval=None)
    )
    assert found([unnamed]) == []  # it is said of the spend already
    marked = [Line(group=Group("meta:1", "1", "meta", mark), orders=Fraction(1)) for mark in (NO_SPEND, BY_NAME)]
    assert [one[:2] for one in found(marked)] == [(NO_SPEND, "1"), (BY_NAME, "1")]


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("utm_source=facebook&utm_medium=cpc&utm_source=fb&UTM_Medium=cpc", ["utm_source stands 2 times"]),
        ("utm_source=facebook&utm_source=facebook&utm_medium=cpc", []),
        ("utm_source=a&utm_source=b&utm_source=c&utm_medium=email", ["utm_source stands 3 times"]),
    ],
)
def test_an_address_that_says_a_word_twice(query: str, said: list[str]) -> None:
    findings = explained(f"https://shop.example/?{query}", "")["findings"]
    assert [one[: len(word)] for one, word in zip([f for f in findings if "stands" in f], said, strict=True)] == said
