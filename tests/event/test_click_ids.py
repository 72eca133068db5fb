"""Click and browser ids: their parts, the parameter builder's appendix, and what is built from an fbclid."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.strategies import law
from twofold.event.click_ids import (
    KNOWN,
    LIFETIME_S,
    MAX_FBCLID,
    ClickId,
    build_fbc,
    click_ids_of,
    fbclid_of,
    is_appendix,
    is_expired,
    parse_fbc,
    parse_fbp,
    read_click_ids,
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
    ("mary@mail.example", None),
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
    ("https://shop.example/#fbclid=x", "x"),
    ("https://[bad/?fbclid=x", "x"),
    ("", None),
    (None, None),
]


@pytest.mark.parametrize(("url", "expected"), URLS)
def test_the_fbclid_of_a_url(url, expected):
    """Exactly as sent, case included; as in Meta's parameter builder also behind a #. None where there is none."""
    assert fbclid_of(url) == expected


@law
@given(
    fbclid=st.text("ABCabc019-_", min_size=1, max_size=60).filter(lambda text: text.strip("0-")),
    ms=st.integers(1, 10**15),
    index=st.integers(0, 2),
)
def test_what_is_built_reads_back(fbclid, ms, index):
    """build, then parse: the same parts; with an appendix: still the same."""
    built = build_fbc(fbclid, ms, index)
    assert built is not None
    assert parse_fbc(built) == parse_fbc(f"{built}.AQICAQMC") == ClickId(index, ms, fbclid)


# -- other platforms


PAGE = "https://shop.example/p?a=1&"
OTHERS: list[tuple[str, dict[str, str]]] = [
    ("gclid=Cj0KCQ_aB-c", {"gclid": "Cj0KCQ_aB-c"}),
    ("gbraid=0AAAA_b&wbraid=CkQ-c", {"gbraid": "0AAAA_b", "wbraid": "CkQ-c"}),
    ("dclid=CN-x&gclsrc=aw.ds", {"dclid": "CN-x", "gclsrc": "aw.ds"}),
    ("srsltid=Af-x&gad_source=1&gad_campaignid=2", {"srsltid": "Af-x", "gad_source": "1", "gad_campaignid": "2"}),
    ("msclkid=ab12", {"msclkid": "ab12"}),
    ("ttclid=E.C.P.x", {"ttclid": "E.C.P.x"}),
    ("epik=dj0y", {"epik": "dj0y"}),
    ("ScCid=8f-E", {"ScCid": "8f-E"}),
    ("sccid=8f-E", {"ScCid": "8f-E"}),
    ("SCCID=8f-E", {"ScCid": "8f-E"}),
    ("sclid=8f-E", {"sclid": "8f-E"}),
    ("rdt_cid=5x&li_fat_id=6x&twclid=7x", {"rdt_cid": "5x", "li_fat_id": "6x", "twclid": "7x"}),
    ("yclid=1&ysclid=2&qclid=3", {"yclid": "1", "ysclid": "2", "qclid": "3"}),
    ("obclid=1&dicbo=2&tblci=3", {"obclid": "1", "dicbo": "2", "tblci": "3"}),
    ("irclickid=1&cjevent=2&mc_cid=3&_kx=4&_hsenc=5", {"irclickid": "1", "cjevent": "2", "mc_cid": "3", "_kx": "4", "_hsenc": "5"}),
    ("oppref=1", {"oppref": "1"}),
    ("gclid=Ab.AQICAQMC", {"gclid": "Ab"}),  # the builder appends to the whole address
    ("gclid=first&gclid=second", {"gclid": "first"}),
    ("gclid=a%2Bb", {"gclid": "a+b"}),
    ("GCLID=x", {}),  # only Snap's is written in any case
    ("gclid=", {}),
    ("gclid=a%20b", {}),
    ("gclid=mary%40mail.example", {}),
    ("gclid=%C3%A9", {}),
    ("gclid=" + "x" * 500, {"gclid": "x" * 500}),
    ("gclid=" + "x" * 501, {}),
    ("_ttp=1&_ga=2", {}),  # cookies' names are no parameters
    ("fbclid=IwAR0", {}),  # travels as fbc
    ("", {}),
]  # fmt: skip


@pytest.mark.parametrize(("query", "expected"), OTHERS)
def test_click_ids_of_an_address(query, expected):
    """Each platform's parameters under their own names, values in their own case, of bounded length, no contact data."""
    assert click_ids_of(PAGE + query) == expected


COOKIE_ROWS = [
    ("_gcl_aw", "GCL.1790000000.Cj0KCQ_aB-c"), ("_gcl_gb", "GCL.1.x"), ("_gcl_dc", "GCL.1.x"), ("FPGCLAW", "GCL.1.x"),
    ("_ga", "GA1.1.1418143823.1643992155"), ("_uetmsclkid", "_uet12"), ("_uetvid", "ab"), ("_uetsid", "ab"),
    ("_ttp", "2aB_c"), ("ttclid", "E.C.P.x"), ("_epik", "dj0y"), ("_scid", "8f-E"), ("_scclid", "8f"),
    ("_rdt_uuid", "1.2"), ("_rdt_cid", "5x"), ("li_fat_id", "6x"), ("_twclid", "7x"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "value"), COOKIE_ROWS)
def test_click_ids_of_cookies(name, value):
    """Each platform's first-party cookies, whatever else a page has."""
    cookies = {name: value, "session": "secret", "_GA": "x", "_fbp": "fb.1.1.1"}
    assert click_ids_of(None, cookies) == click_ids_of("https://shop.example/", cookies) == {name: value}


def test_the_address_is_newer_than_a_cookie():
    """The click that opened the page wins over one of an earlier day."""
    assert click_ids_of(PAGE + "ttclid=New", {"ttclid": "Old", "_ttp": "T"}) == {"ttclid": "New", "_ttp": "T"}


BROKEN = [{"gclid": 7}, {"gclid": None}, {"gclid": ["x"]}, {"gclid": "a;b"}, {"gclid": "a\nb"}, {"unknown": "x"}]


@pytest.mark.parametrize("given", BROKEN)
def test_what_is_no_click_id_is_left_out(given):
    """Other types, unknown names and what could be no cookie's value."""
    assert read_click_ids(given) == {}


@law
@given(url=st.text(max_size=300), query=st.text(max_size=200))
def test_any_address_is_read(url, query):
    """No text makes it fail, and nothing comes back that is not in the address, up to its percent signs."""
    for address in (url, PAGE + query, PAGE + "gclid=" + query):
        for name, value in click_ids_of(address).items():
            assert name in KNOWN
            assert value.isascii()
            assert len(value) <= 500


AGES = [(0, False), (LIFETIME_S * 1000, False), (LIFETIME_S * 1000 + 1, True), (-5, False)]


@pytest.mark.parametrize(("age_ms", "expired"), AGES)
def test_a_click_counts_for_ninety_days(age_ms, expired):
    """7,776,000 seconds after its time, not a millisecond more."""
    assert LIFETIME_S == 7_776_000
    assert is_expired(MS, MS + age_ms) is expired


ID = "IwAR0AbC_dEf-12345xyz_aem_Q-r"
SHAPES = [
    f"?next=/list?sort=asc&{{}}={ID}",
    f"?utm_source=fb?{{}}={ID}",
    f"?{{}}={ID}?utm_source=fb",
    f"?a=1&amp;{{}}={ID}&amp;b=2",
    f"?a=1&{{}}={ID}&b=2",
]
NESTED = [
    f"?next=%2Flist%3Fsort%3Dasc%26fbclid%3D{ID}",
    f"?u=https%253A%252F%252Fshop.example%252F%253Ffbclid%253D{ID}",
    f"#/list?fbclid={ID}",
    f"?a=1;fbclid={ID};b=2",
    "?fbclid=" + ID.replace("I", "%49"),
    f"?fbclid=&fbclid={ID}",
    f"?bad=%E0%A4%A&fbclid={ID}",
]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", ["fbclid", "gclid", "ttclid", "msclkid"])
def test_an_address_that_was_put_together_wrongly(shape: str, name: str) -> None:
    """A second question mark and an ampersand written for HTML hide no click, Meta's or another's."""
    url = "https://shop.example/p" + shape.format(name)
    found = fbclid_of(url) if name == "fbclid" else click_ids_of(url).get(name)
    assert found == ID


@pytest.mark.parametrize("query", NESTED)
def test_a_click_inside_another_address(query: str) -> None:
    """As the tag reads it (tests/tag/test_tag_clicks.py)."""
    assert fbclid_of("https://shop.example/p" + query) == ID


@pytest.mark.parametrize("query", ["?fbclid=", "?xfbclid=a", "?fbclid_old=a", "/fbclid=a"])
def test_what_only_looks_like_one(query: str) -> None:
    """Another parameter's name, or a part of the path."""
    assert fbclid_of("https://shop.example/p" + query) is None


def test_the_session_cookie_of_a_stream_is_known_by_its_form():
    """Google Analytics names it after the stream; another name that begins alike is no id."""
    session = "GS2.1.s1795773012$o3$g1$t1795773590$j12$l0$h0"
    given = {"_ga": "GA1.1.1184022741.1795771021", "_ga_ABC123XY": session, "_ga_": "1", "_ga_lower": "1", "_gat": "1"}
    assert read_click_ids(given) == {"_ga": "GA1.1.1184022741.1795771021", "_ga_ABC123XY": session}
