"""The browser pixel 2.9.178: what was recorded from running it, and its table of types read by hand."""

from __future__ import annotations

import hashlib

import pytest

from twofold.matching.profiles import FormOutcome, Given, form

# Recorded from the genuine library in a browser engine: field, text given to init, text that was hashed (None: not sent).
RECORDED = [
    ("em", "john doe@example.com", None),
    ("em", "a@b", None),
    ("em", "Jörg@example.de", None),
    ("ph", "650.555.1212", "650.555.1212"),
    ("ph", "+44 (0)20 7946 0958", "4402079460958"),
    ("ph", "020 7946 0958", "2079460958"),
    ("ph", "1-800-FLOWERS", "1800"),
    ("fn", "Mary-Ann", "maryann"),
    ("fn", "Jean  Luc", "jeanluc"),
    ("fn", "O'Brien", "obrien"),
    ("db", "2/16/1997", "2/16/1997"),
    ("ge", "Female", "Female"),
    ("ge", "woman", "woman"),
    ("ct", "São Paulo", "sopaulo"),
    ("ct", "St. John's", "stjohns"),
    ("ct", "Zürich", "zrich"),
    ("ct", "Paris 15", "paris15"),
    ("st", "California", "ca"),
    ("st", "New York", "ne"),
    ("st", "Île-de-France", "le"),
    ("st", "NSW", "ns"),
    ("zp", "M1 1AE", "m1 1ae"),
    ("zp", "1", "1"),
    ("country", "United States", "unitedstates"),
    ("country", "USA", "usa"),
    ("country", "UK", "uk"),
    ("external_id", "User 42", "user42"),
]

# By hand from its table of types: string without white space and punctuation, postal_code, enum f or m, ...; what a type
# cannot read is hashed as it was typed.
READ = [
    ("em", " John_Smith@GMAIL.com\n", "john_smith@gmail.com"),
    ("fn", "О’Брайен", "о’брайен"),
    ("fn", " ... ", " ... "),
    ("ln", "ИВАНОВ", "иванов"),
    ("ph", "+995 555 00 00 07", "995555000007"),
    ("ph", "ext", "ext"),
    ("ct", "Москва", "Москва"),
    ("ct", "東京", "東京"),
    ("st", "東京", "東京"),
    ("zp", "94025-1234", "94025"),
    ("zp", "-1", "-1"),
    ("ge", " F ", "f"),
    ("ge", " Frau ", " Frau "),
    ("db", " 1997 02 16 ", "19970216"),
    ("external_id", "İD 7", "i̇d7"),
]


@pytest.mark.parametrize(("field", "text", "expected"), RECORDED + READ)
def test_what_the_pixel_hashes(field, text, expected):
    """The text that the pixel hashes, or nothing where it sends nothing."""
    answer = form("meta_pixel", field, text, Given())
    assert answer.value == expected
    assert answer.outcome is (FormOutcome.HASHED if expected else FormOutcome.DROPPED)


@pytest.mark.parametrize("field", ["em", "ph", "fn", "external_id"])
@pytest.mark.parametrize("text", ["AB" * 32, "cd" * 16])
def test_a_hash_passes_in_small_letters(field, text):
    """64 or 32 hexadecimal characters are sent as they are, lower-case."""
    answer = form("meta_pixel", field, text, Given())
    assert (answer.outcome, answer.value) == (FormOutcome.KEPT, text.lower())


def test_a_hash_with_spaces_around_is_hashed_again():
    """It tests before it trims, so a padded hash is hashed a second time: why hashes must be trimmed by the shop."""
    answer = form("meta_pixel", "external_id", f" {'ab' * 32}", Given())
    assert (answer.outcome, answer.value) == (FormOutcome.HASHED, "ab" * 32)
    assert hashlib.sha256(answer.value.encode()).hexdigest() != "ab" * 32
