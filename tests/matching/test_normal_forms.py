"""Contact values to their documented form and hash: Meta's own vectors, the disputed inputs, and the laws."""

from __future__ import annotations

import hashlib
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.strategies import any_text, emails, external_ids, law, names, spellings, us_phones
from twofold.event.addresses import read_address
from twofold.event.model import Hashed
from twofold.matching.normalise import FORMS, NEEDS_COUNTRY, normalise_phone
from twofold.matching.user_data import hash_user_data

# Meta for Developers, "Customer information parameters", September 2026: normal form and its SHA-256, as printed.
VECTORS = [
    ("em", "john_smith@gmail.com", "62a14e44f765419d10fea99367361a727c12365e2520f32218d505ed9aa0f62f"),
    ("ph", "16505551212", "e323ec626319ca94ee8bff2e4c87cf613be6ea19919ed1364124e16807ab3176"),
    ("fn", "mary", "6915771be1c5aa0c886870b6951b03d7eafc121fea0e80a5ea83beb7c449f4ec"),
    ("fn", "정", "8fa8cd9c440be61d0151429310034083132b35975c4bea67fdd74158eb51db14"),
    ("fn", "valéry", "08e1996b5dd49e62a4b4c010d44e4345592a863bb9f8e3976219bac29417149c"),
    ("ln", "smith", "6627835f988e2c5e50533d491163072d3f4f41f5c8b04630150debb3722ca2dd"),
    ("db", "19970216", "01acdbf6ec7b4f478a225f1a246e5d6767eeab1a7ffa17f025265b5b94f40f0c"),
    ("ge", "f", "252f10c83610ebca1a059c0bae8255eba2f95be4d1d7bcfa89d7248a82d9f111"),
    ("ct", "menlopark", "0007a3d64c01e23d5075203c5977c14e4f7e01a3fc570686fcc50b5e1dd42685"),
    ("st", "ca", "6959097001d10501ac7d54c0bdb8db61420f658f2922cc26e46d536119a31126"),
    ("zp", "94025", "b9a9cf3cd3723a2e91b7c23ecf68456e872b6e5d86e5cab7f3d45a7302da32c7"),
    ("country", "us", "79adb2a2fce5c6ba215fe5f27f532d4e7edbac4b6a5e09e1ef3a08084a904621"),
]

# field, as a sender writes it, country it states, documented form by hand (None: left out)
DOCUMENTED = [
    # e-mail: trim and lower-case, nothing else
    ("em", "  John_Smith@GMAIL.com\n", None, "john_smith@gmail.com"),
    ("em", "Jörg@example.de", None, "jörg@example.de"),
    ("em", "jo\u0308rg@example.de", None, "jörg@example.de"),
    ("em", "jane+news.letter@example.co.uk", None, "jane+news.letter@example.co.uk"),
    ("em", "ｊａｎｅ@example.com", None, "jane@example.com"),
    ("em", "jane\u200b@example.com", None, "jane@example.com"),
    ("em", "john doe@example.com", None, None),
    ("em", "a@b", None, None),
    ("em", "a@b@example.com", None, None),
    ("em", "jane@.example.com", None, None),
    ("em", "@example.com", None, None),
    ("em", "nobody", None, None),
    # phone: digits, country code always, no leading zeros
    ("ph", "+1 (650) 555-1212", None, "16505551212"),
    ("ph", "1-650-555-1212", None, "16505551212"),
    ("ph", "0016505551212", None, "16505551212"),
    ("ph", "650.555.1212", "us", "16505551212"),
    ("ph", "(650) 555 1212", "US", "16505551212"),
    ("ph", "16505551212", "us", "16505551212"),
    ("ph", "16505551212", "de", "16505551212"),
    ("ph", "+44 (0)20 7946 0958", None, "442079460958"),
    ("ph", "+44 (0)20 7946 0958", "de", "442079460958"),
    ("ph", "020 7946 0958", "gb", "442079460958"),
    ("ph", "030 901820", "de", "4930901820"),
    ("ph", "+39 06 6982 1234", None, "390669821234"),  # Italy keeps its zero
    ("ph", "٠٣٠ ٩٠١٨٢٠", "de", "4930901820"),
    ("ph", "0555 00 00 07", "ge", "995555000007"),
    ("ph", "(415) 555-2671 ext. 5", "us", "14155552671"),
    ("ph", "+1 415 555 2671 x5", None, "14155552671"),
    ("ph", "8 (495) 123-45-67 доб. 12", "ru", "74951234567"),
    ("ph", "00 995 555 00 00 07", "us", "995555000007"),
    ("ph", "＋１ ４１５ ５５５ ２６７１", None, "14155552671"),
    ("ph", "۰۹۱۲ ۳۴۵ ۶۷۸۹", "ir", "989123456789"),
    ("ph", "0555 00 00 07", None, None),
    ("ph", "020 7946 0958", None, None),
    ("ph", "0650 555 1212", None, None),
    ("ph", "555-1212", "us", None),  # the area is missing
    ("ph", "1-800-FLOWERS", None, None),
    ("ph", "n/a", None, None),
    ("ph", "0000000000", "us", None),
    # names: lower-case, no punctuation, letters of any script kept
    ("fn", "Mary-Ann", None, "maryann"),
    ("fn", "Jean  Luc", None, "jeanluc"),
    ("fn", "O'Brien", None, "obrien"),
    ("fn", "O’Brien", None, "obrien"),
    ("fn", "VALÉRY", None, "valéry"),
    ("ln", "Smith, Jr.", None, "smithjr"),
    ("ln", "Müller", None, "müller"),
    ("ln", "Mu\u0308ller", None, "müller"),
    ("ln", "ИВАНОВ", None, "иванов"),
    ("ln", "...", None, None),
    # what Unicode can write in two ways is one: composed letters, width, presentation forms, invisible characters
    ("fn", "Ｊａｎｅ", None, "jane"),
    ("fn", "ﾔﾏﾀﾞ", None, "ヤマダ"),
    ("fn", "ﬁona", None, "fiona"),
    ("fn", "ﻣﺤﻤﺪ", None, "محمد"),
    ("fn", "Ja\u00adne\u200b", None, "jane"),
    ("fn", "\u202bדוד\u202c", None, "דוד"),
    ("fn", "علی\u200cرضا", None, "علی\u200cرضا"),  # the joiner is how Persian spells it
    ("fn", "ශ්\u200dරීමා", None, "ශ්\u200dරීමා"),
    ("fn", "Jane\u200cDoe", None, "janedoe"),
    ("fn", "Jane\u00a0Doe", None, "janedoe"),
    ("fn", "王\u3000小明", None, "王小明"),
    # ... and what is a letter of its own stays one
    ("fn", "สำราญ", None, "สำราญ"),
    ("fn", "Սևակ", None, "սևակ"),
    ("fn", "Mª", None, "mª"),
    ("fn", "ĳsbrand", None, "ĳsbrand"),
    # case is Unicode's, of no language
    ("fn", "İbrahim", None, "i̇brahim"),
    ("fn", "IŞIK", None, "işik"),
    ("fn", "ışık", None, "ışık"),
    ("fn", "ΓΙΩΡΓΟΣ", None, "γιωργος"),
    ("fn", "ΝΙΚΟΣ ΠΑΠΑΣ", None, "νικοςπαπας"),
    ("fn", "ᲒᲘᲝᲠᲒᲘ", None, "გიორგი"),
    ("fn", "STRAẞE", None, "straße"),
    # punctuation of any script goes, a symbol in a name stays, a symbol in a place goes
    ("fn", "阿里·木江", None, "阿里木江"),
    ("fn", "ג׳ורג׳", None, "גורג"),
    ("fn", "Anna♥", None, "anna♥"),
    ("ct", "Anna♥", None, "anna"),
    # birth date: YYYYMMDD
    ("db", "2/16/1997", None, "19970216"),
    ("db", "16/2/1997", None, "19970216"),
    ("db", "1997-02-16", None, "19970216"),
    ("db", "1997-2-16T00:00:00Z", None, "19970216"),
    ("db", "16.02.1997", None, "19970216"),
    ("db", "19970216", None, "19970216"),
    ("db", "02/03/1997", None, "19970203"),  # month first where both readings are possible
    ("db", "1997-13-40", None, None),
    ("db", "16 February", None, None),
    ("db", "02/16/97", None, None),
    # gender
    ("ge", "Female", None, "f"),
    ("ge", "woman", None, "f"),
    ("ge", " M ", None, "m"),
    ("ge", "male", None, "m"),
    ("ge", "divers", None, None),
    # city, state
    ("ct", "Menlo Park", None, "menlopark"),
    ("ct", "São Paulo", None, "sãopaulo"),
    ("ct", "St. John's", None, "stjohns"),
    ("ct", "Zürich", None, "zürich"),
    ("ct", "Paris 15", None, "paris15"),
    ("ct", "東京", None, "東京"),
    ("st", "CA", None, "ca"),
    ("st", "California", None, "ca"),
    ("st", "New York", "us", "ny"),
    ("st", "Île-de-France", "fr", "îledefrance"),
    ("st", "D.C.", "us", "dc"),
    ("st", "NSW", "au", "nsw"),
    ("st", "Québec", "ca", "québec"),
    ("st", "New South Wales", "au", "newsouthwales"),
    # zip
    ("zp", "94025-1234", "us", "94025"),
    ("zp", "94025-1234", None, "94025"),
    ("zp", "M1 1AE", "gb", "m11ae"),
    ("zp", "m11ae", None, "m11ae"),
    ("zp", "NR-3 2AB", "gb", "nr32ab"),
    ("zp", "1012 AB", "nl", "1012ab"),
    ("zp", "123-4567", "jp", "1234567"),
    ("zp", "   ", None, None),
    # country
    ("country", "US", None, "us"),
    ("country", "USA", None, "us"),
    ("country", "United States", None, "us"),
    ("country", "UK", None, "gb"),
    ("country", "united kingdom", None, "gb"),
    ("country", "DEU", None, "de"),
    ("country", "Germany", None, "de"),
    ("country", "XK", None, "xk"),
    ("country", "Narnia", None, None),
    # external id: the genuine pixel's rule
    ("external_id", "User 42", None, "user42"),
    ("external_id", " ABC-def ", None, "abc-def"),
    ("external_id", " ", None, None),
]  # fmt: skip


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def hashes_of(field: str, value: object, country: str | None = None) -> list[str]:
    """The hashes that a plain value leaves with, through the door that every copy takes."""
    user, _warnings = hash_user_data({field: value} if field == "country" else {field: value, "country": country})
    return [h.hex for h in getattr(user, field)]


@pytest.mark.parametrize(("field", "form", "expected"), VECTORS)
def test_the_printed_vectors(field, form, expected):
    """What Meta prints as normal form leaves with the hash that Meta prints beside it."""
    assert hashes_of(field, form) == [expected]


@pytest.mark.parametrize(("field", "given_as", "country", "form"), DOCUMENTED)
def test_the_documented_form(field, given_as, country, form):
    """The hash is that of the form which the documentation's sentence gives, worked out by hand."""
    assert hashes_of(field, given_as, country) == ([sha256(form)] if form else [])


@pytest.mark.parametrize(("field", "form", "expected"), VECTORS)
def test_white_space_and_case_do_not_matter(field, form, expected):
    """Each printed vector, shouted and padded, is the same hash."""
    assert hashes_of(field, f" \t{form.upper()}\u00a0\n") == [expected]


def test_every_contact_field_has_a_vector_or_a_documented_row():
    """A new field without expected values by hand fails here."""
    assert {row[0] for row in VECTORS} | {row[0] for row in DOCUMENTED} == set(FORMS)


def test_a_country_in_the_event_beats_the_configured_one():
    """The default country is used only where the event names none."""
    local = {"ph": "650 555 1212"}
    assert hash_user_data(local, default_country="us")[0].ph[0].hex == sha256("16505551212")
    german = {"ph": "030 901820", "country": "DE"}
    assert hash_user_data(german, default_country="us")[0].ph[0].hex == sha256("4930901820")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("203.0.113.9", "203.0.113.9"),
        (" 203.0.113.9 ", "203.0.113.9"),
        ("2001:0DB8:0:0:0:0:0:1", "2001:db8::1"),
        ("2001:db8::1", "2001:db8::1"),
        ("203.0.113", None),
        ("203.0.113.256", None),
        ("203.0.113.09", None),
        ("2001:db8::1::2", None),
        ("shop.example", None),
        ("", None),
    ],
)
def test_addresses(text, expected):
    """A whole valid address in canonical text, or nothing; never a shortened one."""
    assert read_address(text) == expected


# -- laws


def form(field: str, text: str, country: str | None) -> str | None:
    return FORMS[field](text, country) if field in NEEDS_COUNTRY else FORMS[field](text)


@pytest.mark.parametrize("field", FORMS)
@law
@given(text=any_text(), country=st.sampled_from([None, "us", "de", "gb", "it"]))
def test_normalising_twice_is_normalising_once(field, text, country):
    """A normal form is its own normal form, whatever the text was."""
    once = form(field, text, country)
    if once is not None:
        assert form(field, once, None if field == "ph" else country) == once


@law
@given(
    digits=st.text("0123456789", min_size=6, max_size=12),
    head=st.sampled_from(["", "0", "00", "+", "+49 (0)", "+1 650 555 1"]),
    country=st.sampled_from([None, "us", "de", "gb", "it"]),
)
def test_normalising_a_phone_twice_is_normalising_it_once(head, digits, country):
    """No country code is put twice. With its plus, because 49201000 alone may also be a number in Leer, Germany;
    without it the digits stay or, where they are no valid number with their country code, are left out."""
    once = form("ph", head + digits, country)
    if once is not None:
        assert once.isdigit()
        assert once[0] != "0"
        assert form("ph", f"+{once}", country) == once
        assert form("ph", once, None) in (once, None)


@pytest.mark.parametrize(
    ("digits", "expected"),
    [
        ("16505551212", "16505551212"),  # the documented example: with country code
        ("491711234567", "491711234567"),
        ("6505551212", None),  # the same American number as people write it: +65 is Singapore, and no such number
        ("2079460958", None),
    ],
)
def test_digits_without_a_plus_must_be_a_whole_number(digits, expected):
    """With no country known, a number that lacks its country code is left out rather than sent wrong."""
    assert form("ph", digits, None) == expected


@law
@given(data=st.data(), value=emails())
def test_spellings_of_an_email_hash_alike(data, value):
    """Case and white space around an address change nothing."""
    assert hashes_of("em", data.draw(spellings(value))) == [sha256(value)]


@law
@given(data=st.data(), value=names(), field=st.sampled_from(["fn", "ln", "ct"]))
def test_spellings_of_a_name_hash_alike(data, value, field):
    """Case, spaces, hyphens, dots and apostrophes inside a name change nothing, in any script."""
    assert hashes_of(field, data.draw(spellings(value, " -.'’"))) == [sha256(value)]


@law
@given(data=st.data(), value=external_ids())
def test_spellings_of_an_external_id_hash_alike(data, value):
    """Case and white space, and nothing else."""
    assert hashes_of("external_id", data.draw(spellings(value, " \t"))) == [sha256(value)]


@law
@given(data=st.data(), value=us_phones(), prefix=st.sampled_from(["+1", "001", "1", ""]))
def test_spellings_of_a_phone_hash_alike(data, value, prefix):
    """With or without country code, with any separators: one number, one hash."""
    written = data.draw(spellings(value, " -.")).strip(" \t\n\u00a0\u200b")
    assert hashes_of("ph", prefix + written, "us") == [sha256("1" + value)]


@pytest.mark.parametrize("field", FORMS)
@law
@given(hexes=st.text("0123456789abcdefABCDEF", min_size=64, max_size=64))
def test_a_hash_is_never_hashed_again(field, hexes):
    """64 hexadecimal characters leave as they came, lower-case, marked as the sender's."""
    user, _ = hash_user_data({field: hexes})
    assert getattr(user, field) == (Hashed("sent", hexes.lower()),)
    again, _ = hash_user_data({field: [h.hex for h in getattr(user, field)]})
    assert getattr(again, field) == getattr(user, field)


@pytest.mark.parametrize("between", ["", " ", ", ", " ;" * 3, " ," * 4_000])
@pytest.mark.parametrize("word", ["ext", "ext.", "x", "Extension ", "доб. "])
def test_an_extension_is_no_part_of_a_number_whatever_stands_before_it(word: str, between: str) -> None:
    """Four thousand blanks and commas, too, which took a second and more of whoever read them."""
    assert normalise_phone(f"+995 555 00 00 07{between}{word}123") == "995555000007"


def test_a_country_that_no_table_knows_is_looked_up_once() -> None:
    """Whoever sends another word each time costs no walk through all names of countries."""
    FORMS["country"]("warm")
    entered = 0

    def count(_frame: object, event: str, _arg: object) -> None:
        nonlocal entered
        entered += event == "call"

    sys.setprofile(count)
    try:
        found = FORMS["country"]("Absurdistan of the North")
    finally:
        sys.setprofile(None)
    assert entered < 40
    assert found is None
