"""What an answer may leave behind: no secret, no person, one line."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twofold.deliver.redact import MAX_NOTE, redact

ROWS = [
    ("Invalid parameter", "Invalid parameter"),
    ("mary@shop.example is wrong", "… is wrong"),
    ("em=mary%40shop.example", "em=…"),
    ("call +44 (0)20 7946 0958 now", "call … now"),
    ("id 1234567890123456", "id …"),
    ("hash 62a14e44f765419d10fea99367361a727c12365e2520f32218d505ed9aa0f62f.", "hash …"),
    ("short-secret inside", "… inside"),
    ("two\nlines\x1b[31m and\u202e more", "two lines [31m and  more"),
    ("(#100) Missing Permission", "(#100) Missing Permission"),
]


@pytest.mark.parametrize(("text", "kept"), ROWS)
def test_a_note_keeps_the_words_and_hides_the_rest(text, kept):
    """Addresses, numbers, tokens, hashes and control characters do not survive."""
    assert redact(text, "short-secret", "") == kept


def test_a_secret_that_begins_another_leaves_nothing_of_it():
    """The longer one is taken out first, in whatever order they are named."""
    assert (
        redact("key abc-12345 end", "abc", "abc-12345")
        == redact("key abc-12345 end", "abc-12345", "abc")
        == "key … end"
    )


@given(st.text(max_size=2_000), st.text("abcdef0123456789", min_size=24, max_size=64))
def test_no_secret_survives_anywhere(text, secret):
    """A token inside any text is gone, and the note is one short line."""
    note = redact(text + secret + text, secret)

    assert secret not in note
    assert len(note) <= MAX_NOTE
    assert "\n" not in note


def test_no_text_is_slow():
    """The worst texts for a pattern that hunts addresses still end (a test that hangs has failed)."""
    for text in ("a" * 10**6, "1(" * 10**6, "a." * 10**6 + "@", "@" * 10**6):
        redact(text)
