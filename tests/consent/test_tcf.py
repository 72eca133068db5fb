"""Consent strings of the IAB: strings made by others are read as their makers say, and damaged ones never grant."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.strategies import law
from twofold.consent.bits import Bits, Unreadable
from twofold.consent.gpp import OptOuts, read_gpp, read_us_privacy
from twofold.consent.tcf import read_tcf

ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

# The example string that many decoders are tested with (cmp 27, vendor list 15, purposes 1 to 3, vendors 2, 6 and 8),
# with the segments that its publisher gives it.
EXAMPLE = (
    "COvFyGBOvFyGBAbAAAENAPCAAOAAAAAAAAAAAEEUACCKAAA.IFoEUQQgAIQwgIwQABAEAAAAOIAACAIAAAAQAIAgEAACEAAAAAgAQBAAAAAAAGBAAgAA"
    "AAAAAFAAECAAAgAAQARAEQAAAAAJAAIAAgAAAYQEAAAQmAgBC3ZAYzUw"
)
# What IAB Tech Lab's own encoder makes of its defaults, and of service-specific consent.
DEFAULTS = "CAAAAAAAAAAAAAAAAAENAACAAAAAAAAAAAAAAAAAAAAA.QAAA.IAAA"
SPECIFIC = "CPSG_8APSG_8AAAAAAENAACgAAAAAAAAAAAAAAAAAAAA.YAAAAAAAAAAA"


def test_the_known_example():
    tc = read_tcf(EXAMPLE)
    assert (tc.cmp_id, tc.policy_version, tc.service_specific, tc.publisher_country) == (27, 2, False, "AA")
    assert (tc.consents, tc.interests) == ({1, 2, 3}, set())
    assert (tc.vendor_consents, tc.vendor_interests) == ({2, 6, 8}, {2, 6, 8})
    assert tc.allows(3)
    assert not tc.allows(7, interest=True)


def test_the_official_encoders_strings():
    empty, specific = read_tcf(DEFAULTS), read_tcf(SPECIFIC)
    assert (empty.consents, empty.vendor_consents, empty.service_specific) == (set(), set(), False)
    assert specific.service_specific


class Written:
    """Bits put together by hand, in the order of the specification."""

    def __init__(self) -> None:
        self.bits = ""

    def add(self, value: int, width: int) -> Written:
        self.bits += format(value, f"0{width}b")
        return self

    def places(self, numbers: set[int], width: int) -> Written:
        self.bits += "".join("1" if n in numbers else "0" for n in range(1, width + 1))
        return self

    @property
    def text(self) -> str:
        padded = self.bits + "0" * (-len(self.bits) % 6)
        return "".join(ALPHABET[int(padded[n : n + 6], 2)] for n in range(0, len(padded), 6))


def tc_core(
    consents: set[int],
    interests: set[int] = frozenset(),
    vendors: set[int] = frozenset(),
    ranges: list[tuple[int, int]] | None = None,
    hidden: bool = False,
    version: int = 2,
) -> str:
    """A core segment; vendors as a field of bits, or as ranges."""
    w = Written().add(version, 6).add(0, 36).add(0, 36).add(300, 12).add(1, 12).add(1, 6).add(0, 12).add(99, 12)
    w.add(4, 6).add(1, 1).add(0, 1).add(0, 12).places(consents, 24).places(interests, 24).add(hidden, 1)
    w.add(3, 6).add(4, 6)
    if ranges is None:
        highest = max(vendors, default=0)
        w.add(highest, 16).add(0, 1).places(vendors, highest)
    else:
        w.add(max(last for _, last in ranges), 16).add(1, 1).add(len(ranges), 12)
        for first, last in ranges:
            w.add(first != last, 1).add(first, 16)
            if first != last:
                w.add(last, 16)
    return w.add(0, 16).add(0, 1).add(0, 12).text


PURPOSES = st.sets(st.integers(1, 24))


@law
@given(consents=PURPOSES, interests=PURPOSES, vendors=st.sets(st.integers(1, 900), max_size=40), hidden=st.booleans())
def test_what_is_written_is_read(consents, interests, vendors, hidden):
    """Both ways of writing vendors name the same ones."""
    ranges = [(v, v) for v in sorted(vendors)]
    texts = [tc_core(consents, interests, vendors, None, hidden)]
    texts += [tc_core(consents, interests, vendors, ranges, hidden)] if ranges else []
    for text in texts:
        tc = read_tcf(text)
        assert (tc.consents, tc.interests, tc.vendor_consents) == (consents, interests, vendors)
        assert (tc.purpose_one_hidden, tc.publisher_country) == (hidden, "DE")


def test_a_range_is_all_between():
    assert read_tcf(tc_core({1}, ranges=[(3, 5), (9, 9)])).vendor_consents == {3, 4, 5, 9}


DAMAGED = [
    "", ".", "C", "xx!", "COvFyGBOvFyGBAbAAAENAPCAAOAA", EXAMPLE[:30], tc_core({1}, version=1), tc_core({1})[:-3], tc_core({1})[:-1],
    EXAMPLE.replace(".", ".%"), tc_core({1}) + "_", "C" * 9000, tc_core({1}, ranges=[(5, 3)]), "granted",
]  # fmt: skip


@pytest.mark.parametrize("text", DAMAGED, ids=range(len(DAMAGED)))
def test_a_damaged_string_is_not_read(text):
    """Cut, another version, foreign characters, a range that runs backwards, or something behind the end."""
    with pytest.raises(Unreadable):
        read_tcf(text)


# -- Global Privacy Platform. Strings and what they hold: IAB Tech Lab's own encoder.


HEADERS = [("DBAA", ()), ("DBABMA~" + DEFAULTS, (2,)), ("DBABTA~1YNN", (6,)), (f"DBACNYA~{DEFAULTS}~1YNN", (2, 6))]


@pytest.mark.parametrize(("text", "sections"), HEADERS, ids=[h[0][:8] for h in HEADERS])
def test_the_sections_of_a_header(text, sections):
    assert read_gpp(text).sections == sections


def gpp(section: int, body: str) -> str:
    """A string of one section, its number in Fibonacci coding."""
    parts, numbers, left = [], [1, 2, 3, 5, 8, 13, 21], section
    for n in reversed(numbers):
        if n <= left:
            left -= n
            parts.append(n)
    highest = numbers.index(max(parts))
    code = "".join("1" if numbers[n] in parts else "0" for n in range(highest + 1)) + "1"
    header = Written().add(3, 6).add(1, 6).add(1, 12).add(0, 1)
    header.bits += code
    return f"{header.text}~{body}"


SECTIONS = [
    ("national, all opted out, with the browser's signal", 7, "BVVVkkkkkpFY.YA", OptOuts(sale=True, sharing=True, targeted=True, gpc=True)),
    ("national, nothing said", 7, "BAAAAAAAAABA.QA", OptOuts()),
    ("national, none opted out", 7, "BVQqAAAACg", OptOuts(sale=False, sharing=False, targeted=False)),
    ("California, opted out", 8, "BVWSSSVY.YA", OptOuts(sale=True, sharing=True, gpc=True)),
    ("California, nothing said", 8, "BAAAAABA", OptOuts()),
    ("California, sale only", 8, "BbYbGwXY.QA", OptOuts(sale=True, sharing=False)),
    ("Utah, opted out", 11, "BVVkklW", OptOuts(sale=True, targeted=True)),
    ("the old string", 6, "1YYN", OptOuts(sale=True)),
]  # fmt: skip


@pytest.mark.parametrize(("section", "body", "expected"), [s[1:] for s in SECTIONS], ids=[s[0] for s in SECTIONS])
def test_what_the_united_states_sections_say(section, body, expected):
    assert read_gpp(gpp(section, body)).opt_outs == (expected,)


LAYOUTS = [
    # section, fields of two bits before the sale's, whether the targeted advertising follows it
    (9, 3), (10, 3), (11, 4), (12, 3), (13, 3), (14, 3), (15, 3), (16, 3), (17, 3), (18, 4), (19, 3), (20, 3), (21, 3),
    (22, 3), (23, 3), (24, 5), (25, 5), (26, 5), (27, 5),
]  # fmt: skip


@pytest.mark.parametrize(("section", "before"), LAYOUTS, ids=[str(s) for s, _ in LAYOUTS])
@pytest.mark.parametrize("value", [0, 1, 2])
def test_every_state_has_its_place(section, before, value):
    """Notices before and other fields behind do not change what the two opt-outs say."""
    w = Written().add(1, 6)
    for _ in range(before):
        w.add(2 if section < 24 else 1, 2)
    body = w.add(value, 2).add(1, 2).add(0b101010, 6).text
    (found,) = read_gpp(gpp(section, body)).opt_outs
    assert found == OptOuts(sale={0: None, 1: True, 2: False}[value], targeted=True)


BROKEN = [
    "", "DBAB", "DBABTA", "DBABTA~1YNN~1YNN", "DBABTA~1YN", "DBABTA~2YNN", "DBABTA~1YXN", "CBABTA~1YNN", "DBABMA~xx",
    gpp(8, "B"), gpp(8, "CVWSSSVY"), gpp(9, "B_"), gpp(7, "BVVVkkk!"),
]  # fmt: skip


@pytest.mark.parametrize("text", BROKEN)
def test_a_damaged_platform_string_is_not_read(text):
    with pytest.raises(Unreadable):
        read_gpp(text)


def test_an_unknown_section_is_named():
    assert read_gpp(gpp(31, "BAAA")).unread == (31,)


def test_the_us_privacy_string():
    assert [read_us_privacy(t).sale for t in ("1YNN", "1YYN", "1---", "1yyn")] == [False, True, None, True]


@law
@given(n=st.integers(1, 5_000))
def test_fibonacci_numbers(n):
    """The greedy sum of Fibonacci numbers, lowest first, closed by a second 1."""
    numbers = [1, 2]
    while numbers[-1] <= n:
        numbers.append(numbers[-1] + numbers[-2])
    bits, left = "", n
    for f in reversed([x for x in numbers if x <= n]):
        bits = ("1" if f <= left else "0") + bits
        left -= f if f <= left else 0
    padded = bits + "1" + "0" * (-(len(bits) + 1) % 6)
    text = "".join(ALPHABET[int(padded[i : i + 6], 2)] for i in range(0, len(padded), 6))
    assert Bits(text).fibonacci() == n
