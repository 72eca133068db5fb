"""One reader for each kind of value, at both strictnesses: what is read, to which value, and what never is."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.strategies import law
from twofold.event.contact import has_sign
from twofold.event.scalars import (
    CURRENCIES,
    HASHES_OF_NOTHING,
    LONGEST_PLACE,
    NO_ID,
    as_list,
    as_object,
    exact_amount,
    exact_integer,
    id_text,
    is_no_id,
    is_plain_id,
    is_unfilled,
    lenient_amount,
    names_nobody,
    read_boolean,
    read_currency,
    read_decimal,
    read_integer,
    read_lifetime_s,
    read_time_ms,
    says_nothing,
    without_noise,
)
from twofold.event.vocabulary import PIXEL_CURRENCIES

D = Decimal
# as it stands in a body -> exact, lenient, Conversions API; None: no amount
AMOUNTS: list[tuple[Any, Any, Any, Any]] = [
    ("48.10", "48.10", "48.10", "48.10"),
    (D("48.10"), "48.10", "48.10", "48.10"),
    (48, "48", "48", "48"),
    ("0", "0", "0", "0"),
    (" 12.50 ", None, "12.50", "12.50"),
    ("+5", None, "5", "5"),
    (".5", None, "0.5", "0.5"),
    ("5.", None, "5", "5"),
    ("1e3", None, "1000", "1000"),
    (D("1E+3"), "1000", "1000", "1000"),
    ("-3.20", None, "-3.20", "-3.20"),
    # what PHP and JavaScript write for 48.10, 0.30 and 19.99 * 100 / 100
    (D("48.099999999999994"), "48.1", "48.1", "48.1"),
    ("48.099999999999994", "48.1", "48.1", "48.1"),
    (D("0.30000000000000004"), "0.3", "0.3", "0.3"),
    (D("1998.9999999999998"), "1999", "1999", "1999"),
    (D("99999.990000000005"), "99999.99", "99999.99", "99999.99"),
    # no noise: digits that somebody wrote
    ("1.2345678", None, "1.234568", "1.2345678"),
    ("1.005", "1.005", "1.005", "1.005"),
    ("NaN", None, None, None),
    ("Infinity", None, None, None),
    ("-inf", None, None, None),
    (D("NaN"), None, None, None),
    (D("sNaN"), None, None, None),
    (D("Infinity"), None, None, None),
    ("1_000", None, None, None),
    ("1,50", None, None, None),
    ("1 000", None, None, None),
    ("€5", None, None, None),
    ("١٢", None, None, None),
    ("", None, None, None),
    ("undefined", None, None, None),
    (True, None, None, None),
    (None, None, None, None),
    ([5], None, None, None),
    ({"amount": "5"}, None, None, None),
    (10**15, None, None, "1000000000000000"),
    # minus zero is zero; all digits of a float, as PHP with serialize_precision 100 writes them
    ("-0", None, "0", "0"),
    ("-0.00", None, "0.00", "0.00"),
    (D("-0.0"), "0.0", "0.0", "0.0"),
    (D("-0"), "0", "0", "0"),
    ("-0e5", None, "0", "0"),
    ("48.10000000000000142108547152020037174224853515625", "48.1", "48.1", "48.1"),
    ("0.1000000000000000055511151231257827021181583404541015625", "0.1", "0.1", "0.1"),
    ("9" * 16, None, None, "9" * 16),
]


@pytest.mark.parametrize(("given", "exact", "lenient", "capi"), AMOUNTS, ids=[repr(row[0]) for row in AMOUNTS])
def test_amounts(given: Any, exact: str | None, lenient: str | None, capi: str | None) -> None:
    """The value to the last digit, in each strictness."""
    for read, wanted in ((exact_amount, exact), (lenient_amount, lenient), (read_decimal, capi)):
        found = read(given)
        assert found == (None if wanted is None else D(wanted)), read
        assert found is None or found or not found.is_signed()
        assert found is None or "E" not in str(found) or read is read_decimal


@law
@given(st.integers(0, 10**11), st.integers(1, 9), st.sampled_from([1, 3, 7, 100]))
def test_the_noise_of_sums_of_floats_is_taken_off(cents: int, factor: int, parts: int) -> None:
    """However an amount was added up or divided as floats, the amount itself is read, to the cent."""
    amount = D(cents) / 100
    summed = sum([float(amount) / parts] * parts) * factor / factor
    assert without_noise(D(repr(summed))) == amount


@law
@given(st.decimals(0, 10**6, places=6))
def test_six_digits_are_never_touched(amount: Decimal) -> None:
    """Digits that an amount may have are no noise."""
    assert without_noise(amount) == exact_amount(str(amount)) == lenient_amount(str(amount)) == amount


def test_currencies_are_those_of_the_standard() -> None:
    """Against the list that Meta's Node SDK ships (currency-codes, 2018), and the pixel's own."""
    listed = Path(__file__).parents[1] / "clients/node/node_modules/currency-codes/data.js"
    assert PIXEL_CURRENCIES <= CURRENCIES
    if listed.exists():
        text = listed.read_text(encoding="utf-8").partition("module.exports = ")[2].rstrip().rstrip(";")
        theirs = {row["code"] for row in json.loads(text)}
        # Metals, funds, tests, units of account and "no currency" are no money of a shop.
        assert {code for code in theirs if code[0] != "X"} - CURRENCIES == {
            "BOV", "CHE", "CHW", "COU", "USN", "UYU"} - CURRENCIES  # fmt: skip
        assert {"SLE", "VES", "VED", "XCG", "ZWG"} == {"SLE", "VES", "VED", "XCG", "ZWG"} & (CURRENCIES - theirs)


@pytest.mark.parametrize(
    "word", ["Dhs", "XXX", "XTS", "XAU", "BTC", "EURO", "EU", "€", "$", "", "undefined", "ABC", 978, None]
)
def test_words_that_are_no_currency(word: Any) -> None:
    assert read_currency(word) is None


@pytest.mark.parametrize(("text", "code"), [("eur", "EUR"), (" Usd ", "USD"), ("HRK", "HRK"), ("VEF", "VEF")])
def test_currencies_in_any_case(text: str, code: str) -> None:
    assert read_currency(text) == code


def test_whole_numbers() -> None:
    """Exact ones are numbers without a point; lenient ones also text and 2.0."""
    table = ((2, 2), ("2", 2), (" 2 ", 2), ("2.0", 2), (D("2.0"), 2), ("-3", -3), ("2.5", None), (D("2.5"), None),
             (True, None), ("two", None), (None, None), (D("NaN"), None))  # fmt: skip
    for value, lenient in table:
        assert read_integer(value) == lenient
        assert exact_integer(value) == (value if type(value) is int else None)


def test_how_long_a_token_lasts() -> None:
    """A number of seconds, as text too; a day at most, and five minutes where nothing that can be meant is said."""
    table = ((3599, 3599), ("3600", 3600), (D("1800.0"), 1800), (1, 1), (10**9, 86_400), ("999999999999", 86_400),
             (0, 300), (-5, 300), ("soon", 300), (None, 300), (True, 300), ([], 300), (D("NaN"), 300))  # fmt: skip
    for value, seconds in table:
        assert read_lifetime_s(value) == seconds, value


def test_times() -> None:
    """ISO 8601 with its offset or Unix seconds; text without an offset only where its zone is known."""
    at = int(datetime(2026, 11, 1, 10, tzinfo=UTC).timestamp())
    assert (
        read_time_ms("2026-11-01T11:00:00+01:00")
        == read_time_ms(at)
        == read_time_ms("2026-11-01T10:00:00Z")
        == read_time_ms("2026-11-01t10:00:00z")  # RFC 3339, 5.6
        == at * 1000
    )
    assert read_time_ms("2026-11-01T10:00:00") is None
    assert read_time_ms("2026-11-01T10:00:00", zone=UTC) == at * 1000
    assert [read_time_ms(x) for x in (at * 1000, "now", "", 0, -1, True, None)] == [None] * 7


NOBODY = ["", " ", "undefined", "UNDEFINED", "null", "Null", "none", "None", "(null)", "[object Object]", "NaN", "n/a",
          "0", "000", "00000000-0000-0000-0000-000000000000", "guest", "anonymous", "unknown"]  # fmt: skip


@pytest.mark.parametrize("text", NOBODY)
def test_what_names_nobody_names_nobody_hashed_either(text: str) -> None:
    """The words, and their digests in any case: SHA-256, MD5, SHA-1, SHA-512."""
    assert names_nobody(text)
    if "0000-" in text or text == "000":
        return
    for make in (hashlib.sha256, hashlib.md5, hashlib.sha1, hashlib.sha512):
        digest = make(text.encode()).hexdigest()
        assert digest in HASHES_OF_NOTHING, text
        assert names_nobody(digest)
        assert names_nobody(digest.upper())


@pytest.mark.parametrize("text", ["1001", "order-1001", "10", "Nulla", "noneya", "A0", "0a", "c0ffee-7781"])
def test_real_ids_name_somebody(text: str) -> None:
    assert not names_nobody(text)
    assert text not in NO_ID
    assert not says_nothing(text)


def test_every_usual_spelling_is_among_the_long_list() -> None:
    """The quick list only repeats `names_nobody`."""
    assert all(map(names_nobody, NO_ID))


def test_of_a_plain_id_there_is_nothing_to_say() -> None:
    """The quick look passes nothing that one of the slower ones would stop at: every character alone and inside an id, every word
    for nothing, every place of a template."""
    signs = [chr(n) for n in range(0x300)]
    asked = [*signs, *(f"a{c}1" for c in signs), *NO_ID, *PLACES, *(f"o-{place}" for place in PLACES), "__a__"]
    stops = [t for t in asked if is_no_id(t) or has_sign(t) or " " in t or not t.isprintable()]
    assert len(stops) > 1_000
    assert not any(map(is_plain_id, stops))


@pytest.mark.parametrize(
    "text", ["1001", "3f2b8c1e-9a4d-4c55-8f0e-1d2c3b4a5f6e", "wc_order_AbC", "#1001", "fb.1.17:2/3=", "A|b~"]
)
def test_ids_as_shops_write_them_are_plain(text: str) -> None:
    assert is_plain_id(text)


# as it stands in a body -> as an object
OBJECTS: list[tuple[Any, Any]] = [
    ({"a": 1}, {"a": 1}), ([], {}), ("", {}), ("[]", {}), ('{"a": 1}', {"a": 1}), ({}, {}),
    (None, None), ([1], None), ("text", None), (5, None), ("{broken", None), ('["a"]', None),
]  # fmt: skip
# as it stands in a body -> as a list, and with an item alone
LISTS: list[tuple[Any, Any, Any]] = [
    (["a"], ["a"], ["a"]), ([], [], []), ({}, [], []), ("", [], []), ("[]", [], []), ('["a"]', ["a"], ["a"]),
    ({"0": "a", "1": "b"}, ["a", "b"], ["a", "b"]), ({"0": {"id": 1}, "2": {"id": 2}}, [{"id": 1}, {"id": 2}],
     [{"id": 1}, {"id": 2}]), ('{"0": "a"}', ["a"], ["a"]), ({"id": 1}, None, [{"id": 1}]), ("a", None, ["a"]),
    (7, None, [7]), (True, None, None), (None, None, None),
]  # fmt: skip


@pytest.mark.parametrize(("given", "found"), OBJECTS, ids=repr)
def test_objects_in_the_shapes_that_languages_make(given: Any, found: Any) -> None:
    assert as_object(given) == found


@pytest.mark.parametrize(("given", "found", "alone"), LISTS, ids=repr)
def test_lists_in_the_shapes_that_languages_make(given: Any, found: Any, alone: Any) -> None:
    assert as_list(given) == found
    assert as_list(given, alone=True) == alone


PLACES = ["{{ customer.id }}", "${id}", "%%id%%", "{order_id}", "%ORDER_ID%", "[order_id]", "<order_id>", "__ORDER_ID__",
          "<?= $id ?>", "<%= order.id %>", "#{id}", "[[id]]"]  # fmt: skip
"""As Liquid, JavaScript, mail tools, PHP, ERB and platforms' macros leave them where nobody filled them in."""


@pytest.mark.parametrize("place", PLACES)
def test_a_templates_place_names_nobody(place: str) -> None:
    assert names_nobody(place)
    assert is_no_id(place)


@pytest.mark.parametrize("id_", ["{3f2504e0-4f89-11d3-9a0c-0305e82c3301}", "RE%2F12", "50%", "chk%3D%3D", "[12]", "a__b",
                                 "<12>", "__utmz.123", "E.C.P.x__y", "_fbp", '{"a":{"b":1}}'])  # fmt: skip
def test_signs_in_an_id_make_no_place(id_: str) -> None:
    assert not names_nobody(id_)
    assert not is_no_id(id_)


@pytest.mark.parametrize("text", ["{{ name }}", "${name}", " {% name %} "])
def test_a_place_alone_says_nothing(text: str) -> None:
    assert says_nothing(text)


@pytest.mark.parametrize("text", ["[Sale]", "<b>", "{x}", "50 %", "Dear {{name}}!"])
def test_words_between_signs_say_something(text: str) -> None:
    assert not says_nothing(text)


@pytest.mark.parametrize("place", ["{{ order.id }}", "{% if a %}", "${id}", "<%= id %>", "%%ID%%", "[[id]]"])
def test_a_place_is_looked_for_at_the_begin_of_an_id(place: str) -> None:
    """An id of ten thousand signs that open places took a tenth of a second of whoever reads it; no id begins so late."""
    assert is_unfilled(place + "x" * 10_000)
    assert not is_unfilled("x" * LONGEST_PLACE + place)


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        *((yes, True) for yes in (True, 1, "1", "true", "TRUE", " Yes ", "y", "on", "enabled", 1.0)),
        *((no, False) for no in (False, 0, "0", "false", "No", "n", "OFF", "disabled", 0.0, "0.0")),
        *((neither, None) for neither in (None, "", "maybe", 2, "-1", [], ["no"], {}, {"on": 1})),
    ],
)
def test_a_yes_or_a_no(told: Any, expected: bool | None) -> None:
    assert read_boolean(told) is expected


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ("1001", "1001"), (1001, "1001"), (Decimal("1001.0"), "1001"), (Decimal("1E+3"), "1000"), (Decimal(-7), "-7"), (" a ", " a "),
        (Decimal("1001.5"), None), (Decimal("1E+20"), None), (Decimal("NaN"), None), (Decimal("Infinity"), None), (True, None), (None, None),
        ([1], None), ({}, None),
    ],
)  # fmt: skip
def test_an_id_is_text_or_a_whole_number(told: Any, expected: str | None) -> None:
    assert id_text(told) == expected
