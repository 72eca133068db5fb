"""Click and browser ids: their parts, the parameter builder's appendix, and what is built from an fbclid."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.strategies import law
from twofold.event.click_ids import (
    MAX_FBCLID,
    ClickId,
    build_fbc,
    fbclid_of,
    is_appendix,
    parse_fbc,
    parse_fbp,
    strip_appendix,
)

MS = 1_554_763_741_205

# language, change: the appendixes that Meta's builders of version 1.3.2 and 1.3.1 write
VERSION_2 = [
    "AQIAAQMC",  # Python, unchanged
    "AQICAQMC",  # Python, net-new
    "AQIDAQMC",  # Python, modified
    "AQQAAQMC",  # Node, unchanged
    "AQQCAQMC",
    "AQQDAQMC",
    "AQYCAQMB",  # client JS 1.3.1, net-new
]
VERSION_1 = ["AQ", "Ag", "Aw", "BA", "BQ", "Bg"]
NONE = ["", "A", "aq", "AA", "Bw", "CA", "AQI", "AQICAQM", "AQICAQMCA", "AgICAQMC", "BBBBBBBB", "XyZ12345", "AQIC QMC"]


@pytest.mark.parametrize("text", VERSION_1 + VERSION_2)
def test_an_appendix_is_known(text):
    """Six two-letter codes, or eight base64url characters whose first byte is 1; it is stripped from any value."""
    assert is_appendix(text)
    assert strip_appendix(f"fb.1.{MS}.AbC123.{text}") == f"fb.1.{MS}.AbC123"


@pytest.mark.parametrize("text", NONE)
def test_what_is_no_appendix_stays(text):
    """Anything else after the last dot is part of the value."""
    assert not is_appendix(text)
    assert strip_appendix(f"AbC123.{text}") == f"AbC123.{text}"


@law
@given(rest=st.binary(min_size=5, max_size=5), first=st.integers(0, 255))
def test_the_first_byte_decides(rest, first):
    """Version 2 is six bytes of which the first is 1, whatever the others are."""
    text = base64.urlsafe_b64encode(bytes([first]) + rest).decode()
    assert is_appendix(text) == (first == 1)


def test_a_value_without_a_dot_keeps_all_its_letters():
    """An appendix needs something it was appended to."""
    assert [strip_appendix(t) for t in ("AQ", ".AQ", "AQICAQMC")] == ["AQ", ".AQ", "AQICAQMC"]


FBC = [
    (f"fb.1.{MS}.AbCdEfGhIjKlMnOpQrStUvWxYz1234567890", (1, MS, "AbCdEfGhIjKlMnOpQrStUvWxYz1234567890")),
    (f"fb.0.{MS}.a", (0, MS, "a")),
    (f"fb.2.{MS}.a-b_c", (2, MS, "a-b_c")),
    (f"fb.1.{MS}.AbC123.AQICAQMC", (1, MS, "AbC123")),
    (f"fb.1.{MS}.AbC123.Bg", (1, MS, "AbC123")),
    (f"fb.1.{MS}.AQICAQMC", (1, MS, "AQICAQMC")),  # a payload that looks like an appendix is the payload
    (f"fb.1.{MS}.AQ", (1, MS, "AQ")),
    (f"fb.1.{MS}.IwAR0_aem_Xy", (1, MS, "IwAR0_aem_Xy")),
    (f"fb.1.{MS}.with.dots", (1, MS, "with.dots")),
    ("", None),
    ("AbC123", None),
    (f"fb.1.{MS}.", None),
    (f"fb.1.{MS}", None),
    ("fb.1.now.AbC123", None),
    (f"fb.x.{MS}.AbC123", None),
    (f"FB.1.{MS}.AbC123", None),
    (f"fb.1.{MS}.Ab C", None),
    (f"fb.1.{MS}.AbC\n", None),
    ("fb.1.١٢٣.AbC", None),
]


@pytest.mark.parametrize(("text", "expected"), FBC)
def test_the_parts_of_fbc(text, expected):
    """Subdomain index, creation time in ms, and the click id with its case."""
    assert parse_fbc(text) == (ClickId(*expected) if expected else None)


FBP = [
    ("fb.1.1596403881668.1116446470", (1, 1_596_403_881_668, "1116446470")),
    ("fb.1.1596403881668.111644647012345678", (1, 1_596_403_881_668, "111644647012345678")),
    ("fb.1.1596403881668.1116446470.AQQAAQMC", (1, 1_596_403_881_668, "1116446470")),
    ("fb.1.1596403881668.AQ", None),
    ("fb.1.1596403881668.11164x", None),
    ("fb.1.1596403881668.١٢٣", None),
    ("1116446470", None),
]


@pytest.mark.parametrize(("text", "expected"), FBP)
def test_the_parts_of_fbp(text, expected):
    """As fbc, but the payload is a number in plain digits."""
    assert parse_fbp(text) == (ClickId(*expected) if expected else None)


BUILT = [
    ("AbC123", f"fb.1.{MS}.AbC123"),
    ("IwAR0-_aem_XyZ", f"fb.1.{MS}.IwAR0-_aem_XyZ"),
    ("a" * MAX_FBCLID, f"fb.1.{MS}." + "a" * 500),
    ("a" * 501, None),
    ("", None),
    ("a b", None),
    ("a;b", None),
    ("a\nb", None),
]


@pytest.mark.parametrize(("fbclid", "expected"), BUILT)
def test_fbc_from_an_fbclid(fbclid, expected):
    """fb.1.ms.fbclid with nothing altered; ids that the pixel ignores give none."""
    assert build_fbc(fbclid, MS) == expected


URLS = [
    ("https://shop.example/?fbclid=AbC123", "AbC123"),
    ("https://shop.example/p?a=1&fbclid=IwAR0-_x&b=2", "IwAR0-_x"),
    ("https://shop.example/?fbclid=a%2Bb", "a+b"),
    ("https://shop.example/?fbclid=first&fbclid=second", "first"),
    ("https://shop.example/?fbclid=AbC123.AQICAQMC", "AbC123"),  # the builder appends to the whole URL
    ("https://shop.example/?fbclid=", None),
    ("https://shop.example/?FBCLID=x", None),
    ("https://shop.example/?xfbclid=x", None),
    ("https://shop.example/#fbclid=x", None),
    ("https://[bad/?fbclid=x", None),
    ("", None),
    (None, None),
]


@pytest.mark.parametrize(("url", "expected"), URLS)
def test_the_fbclid_of_a_url(url, expected):
    """Exactly as the query has it, case included; none where there is none."""
    assert fbclid_of(url) == expected


@law
@given(fbclid=st.text("ABCabc019-_", min_size=1, max_size=60), ms=st.integers(1, 10**15), index=st.integers(0, 2))
def test_what_is_built_reads_back(fbclid, ms, index):
    """build, then parse: the same parts; with an appendix: still the same."""
    built = build_fbc(fbclid, ms, index)
    assert built is not None
    assert parse_fbc(built) == parse_fbc(f"{built}.AQICAQMC") == ClickId(index, ms, fbclid)
