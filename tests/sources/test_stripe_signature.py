"""The Stripe signature: scheme, rotation, tolerance. The signatures below were made with the openssl command."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.strategies import law
from twofold.sources.stripe import STRIPE

NEW, OLD = "whsec_new0123456789", "whsec_old0123456789"
T = 1_790_000_000
BODY = b'{"id":"evt_1"}'
BY_NEW = "90ab7a432be98e91839aabcce9c4b48450a3b13d003b43cece00cd99951e6a44"  # of "1790000000." and the body
BY_OLD = "c4e34d6af65d945f47b2fb26d638220eb2f80dca2a5eb4587f25e8eb9604a16c"
ZERO_IN_FRONT = "b4d1015b022b844d1a81cff45b4fbb5a92a0c19c5395927034e99a073717d0f7"  # of "01790000000." and the body
IN_MS = "28608533d0a6aa48ba327009411643ff5365681f6cb121cb8148422b6f2aad00"  # of "1790000000000." and the body
RIGHT = f"t={T},v1={BY_NEW}"

ROWS = [
    # claim, header, secrets, seconds since it was signed, fits
    ("the right signature", RIGHT, [NEW], 0, True),
    ("with Stripe's test scheme beside it", f"{RIGHT},v0={'0' * 64}", [NEW], 0, True),
    ("the old secret during a rotation", f"t={T},v1={BY_OLD}", [NEW, OLD], 0, True),
    ("signed with both while one is rolled", f"t={T},v1={BY_OLD},v1={BY_NEW}", [NEW], 0, True),
    ("the right one last", f"t={T},v1={'0' * 64},v1={'1' * 64},v1={BY_NEW}", [NEW], 0, True),
    ("the signature before the time", f"v1={BY_NEW},t={T}", [NEW], 0, True),
    ("a leading zero that was signed", f"t=0{T},v1={ZERO_IN_FRONT}", [NEW], 0, True),
    ("299 s old", RIGHT, [NEW], 299, True),
    ("300 s old", RIGHT, [NEW], 300, True),
    ("301 s old", RIGHT, [NEW], 301, False),
    ("eight days old", RIGHT, [NEW], 8 * 86_400, False),
    ("300 s ahead", RIGHT, [NEW], -300, True),
    ("301 s ahead", RIGHT, [NEW], -301, False),
    ("the old secret after the rotation", f"t={T},v1={BY_OLD}", [NEW], 0, False),
    ("another time than the signed one", f"t={T + 1},v1={BY_NEW}", [NEW], 0, False),
    ("a leading zero that was not signed", f"t=0{T},v1={BY_NEW}", [NEW], 0, False),
    ("two times", f"t={T},t={T},v1={BY_NEW}", [NEW], 0, False),
    ("no time", f"v1={BY_NEW}", [NEW], 0, False),
    ("an empty time", f"t=,v1={BY_NEW}", [NEW], 0, False),
    ("a time that is no number", f"t=now,v1={BY_NEW}", [NEW], 0, False),
    ("a negative time", f"t=-{T},v1={BY_NEW}", [NEW], 0, False),
    ("a time with a fraction", f"t={T}.0,v1={BY_NEW}", [NEW], 0, False),
    ("a time in other digits", f"t=١٧٩٠٠٠٠٠٠٠,v1={BY_NEW}", [NEW], 0, False),
    ("a time in milliseconds", f"t={T}000,v1={IN_MS}", [NEW], 0, False),
    ("the right value under another scheme", f"t={T},v0={BY_NEW}", [NEW], 0, False),
    ("no signature", f"t={T}", [NEW], 0, False),
    ("upper-case hex", f"t={T},v1={BY_NEW.upper()}", [NEW], 0, False),
    ("a cut signature", f"t={T},v1={BY_NEW[:-1]}", [NEW], 0, False),
    ("a right one after more than any rotation has", f"t={T}" + f",v1={'0' * 64}" * 8 + f",v1={BY_NEW}", [NEW], 0, False),
    ("white space between", f"t={T}, v1={BY_NEW}", [NEW], 0, False),
    ("an empty secret", RIGHT, [""], 0, False),
    ("no secret", RIGHT, [], 0, False),
    ("an empty header", "", [NEW], 0, False),
]  # fmt: skip


@pytest.mark.parametrize(("claim", "header", "secrets", "age_s", "fits"), ROWS, ids=[row[0] for row in ROWS])
def test_a_signature_fits_by_its_scheme_in_its_five_minutes(claim, header, secrets, age_s, fits):
    """Only lower-case hex under v1, of the time's own text and the body, within 300 s both ways."""
    assert STRIPE.signed(BODY, {"stripe-signature": header}, secrets, (T + age_s) * 1000) is fits


def test_the_tolerance_is_exact_to_the_millisecond():
    """One millisecond after five minutes it is too old."""
    assert STRIPE.signed(BODY, {"stripe-signature": RIGHT}, [NEW], T * 1000 + 300_001) is False


def test_another_body_or_header_does_not_fit():
    """The body is part of what is signed."""
    assert STRIPE.signed(BODY + b" ", {"stripe-signature": RIGHT}, [NEW], T * 1000) is False
    assert STRIPE.signed(BODY, {}, [NEW], T * 1000) is False


@law
@given(st.binary(max_size=60), st.text(max_size=80), st.lists(st.text(max_size=20), max_size=2))
def test_any_input_is_answered_with_a_truth_value(body, header, secrets):
    """Nothing that a header, body or secret can hold makes the check raise."""
    for given_header in (header, f"t={T},{header}", f"t={header},v1={header}"):
        assert STRIPE.signed(body, {"stripe-signature": given_header}, secrets, T * 1000) is False
