"""Cells to money, times and ids: exact, or refused; never guessed."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twofold.importing.readers.values import (
    DateStyle,
    NumberStyle,
    currency_of,
    date_order,
    number_style,
    read_id,
    read_label,
    shape,
    unquoted,
)

# text, decimal sign, the number
AMOUNTS = [
    ("0", ".", "0"),
    ("12.50", ".", "12.50"),
    ("1,234.50", ".", "1234.50"),
    ("1,23,456.70", ".", "123456.70"),  # Indian groups
    ("1.234,50", ",", "1234.50"),
    ("1.234.567", ",", "1234567"),
    ("1'234.50", ".", "1234.50"),
    ("1 234,50", ",", "1234.50"),  # a space that does not break
    ("1 234,50 €", ",", "1234.50"),
    ("€ 12.00", ".", "12.00"),
    ("$1,000", ".", "1000"),
    ("12.00 USD", ".", "12.00"),
    ("EUR12.00", ".", "12.00"),
    ("Rs. 1,200.00", ".", "1200.00"),
    ("12 kr.", ",", "12"),
    ("12,00 zł", ",", "12.00"),
    ("C$ 12.00", ".", "12.00"),
    ("12 Kč", ",", "12"),
    ("CHF 12.00", ".", "12.00"),
    ("12.00 din", ".", "12.00"),
    ("-12.00", ".", "-12.00"),
    ("(12.00)", ".", "-12.00"),
    ("-$12.00", ".", "-12.00"),
    ("$-12.00", ".", "-12.00"),
    ("12.00-", ".", "-12.00"),  # as bookkeeping systems write it
    ("1.234,50-", ",", "-1234.50"),
    ("12.00- EUR", ".", "-12.00"),
    ("\u221212.00", ".", "-12.00"),  # the sign for minus, and a dash that an office program made of it
    ("\u20131\u202f234,50 €", ",", "-1234.50"),
    ("+12.00", ".", "12.00"),
    ("€ +12.00", ".", "12.00"),
    ("99999999999999.99", ".", "99999999999999.99"),
]  # fmt: skip
NOT_AMOUNTS = [
    ("1,5", "."), ("1.5", ","), ("1,2345", "."), ("1.2.3", "."), ("1,23.45", "."), ("12,34,5", "."), ("twelve", "."),
    ("12%", "."), ("1e5", "."), ("1.2E+3", "."), ("--5", "."), ("", "."), ("1/2", "."), ("12-5", "."), ("NaN", "."),
    ("Infinity", "."), ("0x10", "."), ("1234567890123456.00", "."), ("٣.٥", "."),
    ("60.00 DR", "."), ("60.00CR", "."), ("DR 60.00", "."), ("D60", "."), ("60,00 S", ","), ("60,00 H", ","), ("1.5K", "."), ("1,5 Mio", ","),
    ("2 mil", "."), ("$1.2M", "."), ("(60.00) DR", "."), ("-12.00-", "."), ("+-12.00", "."), ("(12.00-)", "."), ("60.00 DR-", "."),
    ("12.00+", "."), ("\u2212-12.00", "."),
]  # fmt: skip


@pytest.mark.parametrize(("text", "sign", "number"), AMOUNTS)
def test_an_amount_is_read_exactly(text: str, sign: str, number: str) -> None:
    """Digits and places are those of the text, whatever currency and grouping stand around them."""
    found = NumberStyle(sign).read(text)
    assert found is not None
    assert str(found) == number


@pytest.mark.parametrize(("text", "sign"), NOT_AMOUNTS)
def test_what_is_no_amount_in_the_columns_style_is_refused(text: str, sign: str) -> None:
    """Above all a number that another decimal sign would make a hundredfold."""
    assert NumberStyle(sign).read(text) is None


@given(st.decimals(0, 10**12, places=2), st.sampled_from(".,"))
def test_any_grouped_amount_survives(amount: Decimal, sign: str) -> None:
    """Written with groups in either style, an amount comes back as it was."""
    text = f"{amount:,.2f}"
    if sign == ",":
        text = text.translate(str.maketrans(",.", ".,"))
    assert NumberStyle(sign).read(text) == amount


# cells of a column, the format's usual sign -> sign found, or None
STYLES = [
    (["1.50", "1,234.00"], "", "."),
    (["1,50", "1.234,00"], "", ","),
    (["1.234"], "", None),  # a thousand, or one and a bit
    (["1.234"], ".", None),  # and a habit would make a thousandth of it
    (["150.000", "75.500"], ".", None),
    (["1,234"], ".", None),
    (["1,234"], "", None),
    (["1,234", "5,5"], "", ","),
    (["1.234", "0.500"], "", "."),
    (["1,234,567"], "", "."),
    (["1.50", "1,50"], "", None),  # both in one column
    (["1.50", "1,50"], ".", "."),
    (["1.50"] * 10 + ["1,50"], "", "."),  # one stray cell is a bad cell
    (["twelve", "1.50", "n/a"], "", "."),
    (["12", "5"], "", ""),  # nothing to find
    (["1.234,50 €"], ".", ","),  # evidence beats the habit
]


@pytest.mark.parametrize(("cells", "usual", "sign"), STYLES)
def test_the_decimal_sign_is_found_from_the_whole_column(cells: list[str], usual: str, sign: str | None) -> None:
    """One clear cell decides for all; contradiction and doubt do not."""
    found = number_style(cells, usual=usual)
    assert (None if found is None else found.decimal) == sign


BERLIN = ZoneInfo("Europe/Berlin")
# text, order of days, the moment in UTC
TIMES = [
    ("2026-05-14T11:23:45Z", "", "2026-05-14T11:23:45"),
    ("2026-05-14 11:23:45 +0100", "", "2026-05-14T10:23:45"),  # Shopify
    ("2012-01-01 11:13:25 -0500", "", "2012-01-01T16:13:25"),
    ("2026-05-14 11:23:45 UTC", "", "2026-05-14T11:23:45"),
    ("2026-05-14 11:23:45+00", "", "2026-05-14T11:23:45"),  # Parquet
    ("2026-05-14 11:23:45", "", "2026-05-14T09:23:45"),  # summer in Berlin
    ("2026-01-14 11:23:45", "", "2026-01-14T10:23:45"),  # winter
    ("2026-05-14", "", "2026-05-13T22:00:00"),
    ("14.05.2026", "", "2026-05-13T22:00:00"),
    ("14.05.2026 11:23", "", "2026-05-14T09:23:00"),
    ("05/14/2026", "mdy", "2026-05-13T22:00:00"),
    ("9/6/2016  6:29:00", "mdy", "2016-09-06T04:29:00"),
    ("6/9/2016 6:29 PM", "dmy", "2016-09-06T16:29:00"),
    ("14 Mar 2026", "", "2026-03-13T23:00:00"),  # winter still
    ("14-Mar-26", "", "2026-03-13T23:00:00"),
    ("14-MAY-2026 11:23:45", "", "2026-05-14T09:23:45"),
    ("Mar 14, 2026", "", "2026-03-13T23:00:00"),
    ("Thu, May 14, 2026, 6:29 PM", "", "2026-05-14T16:29:00"),
    ("14 Mal 2026", "", None),
    ("31 Feb 2026", "", None),
    ("14/3/26", "dmy", None),  # or the third of 2014
    ("46156", "", None),  # a day in a workbook only
    ("12:00 AM", "", None),
    ("9/6/2016", "", None),  # the ninth of June, or the sixth of September
    ("31/02/2026", "dmy", None),
    ("1778757825", "", "2026-05-14T11:23:45"),
    ("1778757825123", "", "2026-05-14T11:23:45"),
    ("45384.34", "", None),
    ("yesterday", "", None),
    ("0026-05-14", "", None),
]


@pytest.mark.parametrize(("text", "order", "moment"), TIMES)
def test_a_time_is_a_moment(text: str, order: str, moment: str | None) -> None:
    """With its own offset, else in the zone that was set; what can be read two ways is not read."""
    found = DateStyle(BERLIN, order).read(text)
    expected = None if moment is None else int(datetime.fromisoformat(moment).replace(tzinfo=UTC).timestamp())
    assert found == expected


@pytest.mark.parametrize(("text", "moment"), [("46156", "2026-05-13T22:00:00"), ("46156.4747106481", "2026-05-14T09:23:35"),
                                              ("12.5", None), ("146156", None), ("20260514", "2026-05-13T22:00:00")])  # fmt: skip
def test_a_workbooks_day_that_nobody_formatted_is_its_number(text: str, moment: str | None) -> None:
    """Days since the end of 1899: 46,156 is 14 May 2026 (2026-01-01 is 46,023), and its part is the time of the day."""
    expected = None if moment is None else int(datetime.fromisoformat(moment).replace(tzinfo=UTC).timestamp())
    assert DateStyle(BERLIN, serial=True).read(text) == expected


@pytest.mark.parametrize(
    ("cells", "order"),
    [
        (["2026-05-14"], ""),
        (["05/04/2026"], None),
        (["05/04/2026", "25/04/2026"], "dmy"),
        (["05/04/2026", "04/25/2026"], "mdy"),
        (["25/04/2026", "04/25/2026"], None),
        (["05.04.2026"], ""),  # with dots the day is first everywhere
    ],
)
def test_days_and_months_are_told_apart_by_the_column(cells: list[str], order: str | None) -> None:
    """A thirteenth month shows which is which; without one, or with both, nothing does."""
    assert date_order(cells) == order


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("5204621234567", "5204621234567"),
        ("5204621234567.0", "5204621234567"),  # a table of floats
        ("820982911946154508", "820982911946154508"),  # above 2^53, as text
        ("5.20462E+12", None),  # a spreadsheet rounded it
        ("5,20462E+12", None),
        ("1E5", None),
        ("A1E5", "A1E5"),
        ("#1001", "#1001"),
        ("a@b.example", None),
        ("x" * 257, None),
    ],
)
def test_an_id_is_exact_text_or_none(text: str, found: str | None) -> None:
    """An id that lost its digits would join two orders."""
    assert read_id(text) == found


def test_what_is_shown_of_a_cell_is_its_shape() -> None:
    """The report is passed on, so it holds no name, no address and no number."""
    assert shape("Maria López, +49 151 234") == "xxxxx xxxxx, +99 999 999"
    assert shape("\x1b[31m") == "?[99x"
    assert read_label("refused by maria@shop.example +49 151 2345678") == "refused by masked masked"


def test_an_apostrophe_against_formulas_is_taken_off_again() -> None:
    """What our own CSV or another tool protected comes back as it was; a real apostrophe stays."""
    assert unquoted("'+49151") == "+49151"
    assert unquoted("'10115") == "10115"
    assert unquoted("'s-Hertogenbosch") == "'s-Hertogenbosch"


@pytest.mark.parametrize(
    ("text", "code"), [("12 €", "EUR"), ("£5", "GBP"), ("USD 5", "USD"), ("$5", None), ("5", None)]
)
def test_a_currency_is_read_off_an_amount_only_when_it_is_unmistakable(text: str, code: str | None) -> None:
    """A dollar sign is twenty currencies."""
    assert currency_of(text) == code
