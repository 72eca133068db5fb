"""Consent: how a word is read, that the strictest copy wins, and what may then be sent."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.strategies import law
from twofold.event.consent import may_send, read_consent, strictest
from twofold.event.model import Consent

GRANTED, DENIED, UNSTATED = Consent.GRANTED, Consent.DENIED, Consent.UNSTATED

WORDS = [
    ("granted", GRANTED), ("GRANT", GRANTED), (" yes ", GRANTED), ("true", GRANTED), ("1", GRANTED), (True, GRANTED),
    ("denied", DENIED), ("Revoke", DENIED), ("no", DENIED), ("0", DENIED), (False, DENIED), (0, DENIED),
    ("maybe", DENIED), ("unknown", DENIED), ("granted?", DENIED), ({"ads": "granted"}, DENIED), ([], DENIED),
    (None, UNSTATED), ("", UNSTATED),
]  # fmt: skip


@pytest.mark.parametrize(("word", "expected"), WORDS)
def test_how_a_word_is_read(word, expected):
    """What is stated but not understood counts as denied; only silence is unstated."""
    assert read_consent(word) is expected


STRICTEST = [
    ([GRANTED], GRANTED),
    ([GRANTED, GRANTED], GRANTED),
    ([GRANTED, UNSTATED], GRANTED),
    ([GRANTED, DENIED], DENIED),
    ([UNSTATED, DENIED], DENIED),
    ([UNSTATED, UNSTATED], UNSTATED),
    ([], UNSTATED),
]


@pytest.mark.parametrize(("copies", "expected"), STRICTEST)
def test_the_strictest_copy_wins(copies, expected):
    """One denial denies the action; silence beside a grant is a grant."""
    assert strictest(copies) is expected
    assert strictest(reversed(copies)) is expected


MAY = [
    (GRANTED, False, True),
    (GRANTED, True, True),
    (UNSTATED, False, True),
    (UNSTATED, True, False),
    (DENIED, False, False),
    (DENIED, True, False),
]


@pytest.mark.parametrize(("consent", "required", "expected"), MAY)
def test_what_may_be_sent(consent, required, expected):
    """Denied never leaves; silence leaves only where the dataset does not require a grant."""
    assert may_send(consent, required) is expected


@law
@given(copies=st.lists(st.sampled_from(Consent)), more=st.lists(st.sampled_from(Consent)), required=st.booleans())
def test_a_further_copy_never_undoes_a_denial(copies, more, required):
    """Folding in any order and grouping gives the same, and a denied action stays denied."""
    whole = strictest([*copies, *more])
    assert whole is strictest([strictest(copies), strictest(more)])
    if DENIED in copies:
        assert not may_send(whole, required)
