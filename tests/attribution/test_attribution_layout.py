"""The tables of attribution for people: each figure where it belongs, in a terminal of 80 characters and in a wide one."""

from __future__ import annotations

from typing import Any

import pytest

from twofold.commands.attribution.layout import Asking, show_table

CAMPAIGN = {
    "by": "campaign", "group": "Kitchen, new customers", "id": "meta:1", "platform": "meta", "mark": "by_name", "orders": "12.0000",
    "by_shop": "0.0000", "customers_new": 7, "customers_new_unsure": 2, "customers_returning": 3, "placed": "1250.00", "confirmed": "1200.00",
    "delivered": "1100.00", "true": "1000.00", "banked": "950.00", "margin": "430.00", "spend": "400.00", "claimed_count": "15.0000",
    "claimed_value": "1875.00", "platform_roas": "4.6875", "placed_roas": "3.1250", "delivered_roas": "2.7500", "true_roas": "2.5000",
    "true_roas_low": "1.2000", "true_roas_high": "3.9000", "banked_roas": "2.3750", "poas": "1.0750", "cm4": "30.00",
    "break_even_roas": "2.5581", "overclaim": "1.5000", "cost_per_order": "33.33", "cac_placed": "57.14", "cac": "80.00",
    "open": "150.00", "young": "300.00", "expected": "120.00", "expected_low": "90.00", "expected_high": "140.00", "few": True,
    "verdict": "unsure", "more_orders": 1234, "compared_model": None, "compared": None,
}  # fmt: skip
NOBODY = CAMPAIGN | {
    "group": "unattributed", "id": "unattributed:consent", "platform": "", "mark": "consent", "spend": "0.00", "open": "0.00", "young": "0.00",
    "verdict": None, "more_orders": None, "customers_new": 0, "customers_new_unsure": 0,
} | dict.fromkeys(
    ("claimed_count", "claimed_value", "platform_roas", "true_roas", "true_roas_low", "true_roas_high", "poas", "cm4", "break_even_roas",
     "overclaim", "cost_per_order", "cac_placed", "cac", "expected", "expected_low", "expected_high")
)  # fmt: skip
TOTAL = {
    "orders": "24.0000", "placed": "2500.00", "confirmed": "2400.00", "delivered": "2200.00", "true": "2000.00", "banked": "1900.00",
    "margin": "860.00", "spend": "400.00", "open": "150.00", "young": "300.00", "compared": None, "claimed_value": "1875.00",
    "claimed_of_placed": "0.7500", "young_since": "2026-11-13", "young_days": 17,
}  # fmt: skip


def shown(capsys: pytest.CaptureFixture[str], rows: list[dict[str, Any]], asked: Asking, **total: Any) -> list[str]:
    show_table(rows, TOTAL | total, asked)
    return capsys.readouterr().out.splitlines()


def under(lines: list[str], title: str) -> list[list[str]]:
    """The lines of a table, each as its words."""
    start = next(n for n, line in enumerate(lines) if line.startswith(title))
    end = next((n for n in range(start, len(lines)) if not lines[n].strip()), len(lines))
    return [line.split() for line in lines[start + 1 : end]]


@pytest.fixture(autouse=True)
def narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")


def test_each_figure_stands_in_its_table(capsys: pytest.CaptureFixture[str]) -> None:
    lines = shown(capsys, [CAMPAIGN, NOBODY], Asking("campaign", "true"))
    assert under(lines, "Does it earn?") == [
        ["campaign", "spent", "true", "return", "POAS", "after", "ads", "verdict", "more"],
        ["Kitchen,", "new", "400.00", "2.50", "(1.20-3.90)", "1.08", "30.00", "cannot", "be", "1,234"],
        ["customers", "said", "yet"],
        ["(joined", "by"],
        ["name)"],
        ["total", "400.00"],
    ]
    claims = under(lines, "What its platform claims")
    assert claims[1] == ["campaign", "claimed", "claim", "return", "return", "return", "return", "even"]
    assert claims[2][2:] == ["1,875.00", "1.50", "4.69", "3.12", "2.75", "2.38", "2.56"]
    assert claims[-1] == ["total", "1,875.00"]
    assert under(lines, "How far the money")[0] == ["campaign", "true", "placed", "delivered", "banked"]
    assert under(lines, "How far the money")[-1] == ["total", "2,000.00", "2,500.00", "2,200.00", "1,900.00"]
    late = under(lines, "What is still to come")
    assert late[2][2:] == ["150.00", "120.00", "90.00", "140.00", "300.00"]
    assert "consent" not in str(late)
    bought = under(lines, "Orders and customers")
    assert bought[2][2:] == ["12.00", "7", "3", "15", "33.33", "57.14", "80.00"]
    assert ["unattributed", "12.00", "0", "3"] in bought
    said = " ".join(lines)
    assert "All platforms together claim 1,875.00: 0.75 of all that was placed." in said
    assert "Not for certain new: 2 of 7 new buyers; earlier orders of theirs may be unknown." in said
    assert "Days since 2026-11-13 are young: nine tenths of the money take up to 17 days" in said


@pytest.mark.parametrize("columns", [80, 140])
def test_every_table_fits(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, columns: int) -> None:
    """Of a shop with amounts of six digits; what is said beneath is text that a terminal breaks by itself."""
    monkeypatch.setenv("COLUMNS", str(columns))
    large = CAMPAIGN | dict.fromkeys(
        ("spend", "claimed_value", "placed", "true", "banked", "delivered", "cm4"), "12345.67"
    )
    lines = shown(capsys, [large | {"by_shop": "2.0000"}, NOBODY], Asking("campaign", "true"))
    tables = lines[: next(n for n, line in enumerate(lines) if line.startswith("true return:"))]
    assert max(len(line.rstrip()) for line in tables) <= columns
    assert any("Kitchen, new customers (joined by name)" in line for line in lines) == (columns == 140)


def test_a_name_is_broken_and_never_cut(capsys: pytest.CaptureFixture[str]) -> None:
    name = "x" * 70
    lines = shown(capsys, [CAMPAIGN | {"group": name, "mark": ""}], Asking("campaign", "true"))
    assert sum(line.count("x") for line in lines if line.strip("x ")[:1] != "C") >= 5 * 70


def test_what_is_asked_for_stands_first(capsys: pytest.CaptureFixture[str]) -> None:
    rows = [row | {"compared": "7.00", "compared_model": "time_decay"} for row in (CAMPAIGN, NOBODY)]
    lines = shown(capsys, rows, Asking("campaign", "margin", "time_decay"), compared="14.00")
    heads = under(lines, "How far the money")
    assert heads[:2] == [["time"], ["campaign", "margin", "placed", "delivered", "true", "banked", "decay"]]
    assert heads[-1] == ["total", "860.00", "2,500.00", "2,200.00", "2,000.00", "1,900.00", "14.00"]


def test_groups_that_cost_nothing_have_no_returns(capsys: pytest.CaptureFixture[str]) -> None:
    lines = shown(capsys, [NOBODY | {"by": "country", "id": "none", "group": "none", "mark": ""}], Asking("country", "true"),
                  claimed_value=None, claimed_of_placed=None)  # fmt: skip
    said = "\n".join(lines)
    assert "no country is" in said
    assert not any(word in said for word in ("spent", "verdict", "CAC", "platforms", "Bring it"))


def test_days_say_that_they_are_young(capsys: pytest.CaptureFixture[str]) -> None:
    days = [CAMPAIGN | {"by": "day", "group": day, "id": day, "mark": ""} for day in ("2026-11-12", "2026-11-13")]
    lines = shown(capsys, days, Asking("day", "true"))
    text = " ".join(" ".join(words) for words in under(lines, "How far the money"))
    assert "2026-11-13 1" in text
    assert text.count("(young)") == 1
    assert text.index("2026-11-13") < text.index("(young)")
    lines = shown(capsys, days, Asking("day", "true"), young_since=None, young_days=0)
    assert "young)" not in "\n".join(lines)
    assert "are young" not in "\n".join(lines)


def test_where_nothing_was_spent_it_says_what_to_bring(capsys: pytest.CaptureFixture[str]) -> None:
    lines = shown(capsys, [NOBODY], Asking("campaign", "true"))
    assert "Does it earn?" not in "\n".join(lines)
    assert "twofold import spend FILE" in "\n".join(lines)


def test_a_model_of_a_period_has_neither_verdict_nor_customers(capsys: pytest.CaptureFixture[str]) -> None:
    lines = shown(capsys, [CAMPAIGN | {"verdict": None}], Asking("campaign", "true", of_period=True))
    assert under(lines, "Does it earn?")[0] == ["campaign", "spent", "true", "return", "POAS", "after", "ads"]
    assert not any(word in "\n".join(lines[: len(lines) - 5]) for word in ("verdict", "buyers", "CAC"))


def test_a_campaign_of_a_stranger_cannot_speak_to_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    lines = shown(capsys, [CAMPAIGN | {"group": "[red]\x1b[31m:smile:", "mark": ""}], Asking("campaign", "true"))
    assert "\x1b" not in "\n".join(lines)
    assert "[red]" in "".join("".join(words) for words in under(lines, "How far the money"))
