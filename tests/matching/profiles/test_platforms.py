"""The other platforms' forms, against the examples and sentences of their own pages."""

from __future__ import annotations

import hashlib

import pytest

from twofold.matching.normalise import FORMS
from twofold.matching.profiles import META_PROFILES, PROFILES, FormOutcome, Given, form

# platform, field, as written, country, what is hashed
HASHED = [
    ("tiktok", "em", " Jane@Example.COM ", None, "jane@example.com"),
    ("tiktok", "ph", "(650) 555-1212", "us", "+16505551212"),
    ("tiktok", "ph", "+1234567890123456", None, None),  # more than E.164 allows
    ("tiktok", "fn", "Mary Ann", None, "maryann"),
    ("tiktok", "ln", "O'Brien", None, "o'brien"),
    ("tiktok", "external_id", " User-42 ", None, "user-42"),
    ("google", "em", "Jane.Q.Doe+shop@Gmail.com", None, "janeqdoe@gmail.com"),
    ("google", "em", "j.d@googlemail.com", None, "jd@googlemail.com"),
    ("google", "em", "jane.doe@example.com", None, "jane.doe@example.com"),
    ("google", "ph", "030 901820", "de", "+4930901820"),
    ("google", "fn", "  Mary   Ann ", None, "mary ann"),
    ("google", "ln", "de la Cruz-Díaz", None, "de la cruzdíaz"),
    ("pinterest", "ph", "+1 650 555 1212", None, "16505551212"),
    ("pinterest", "ge", "Non-binary", None, "n"),
    ("pinterest", "ge", "Female", None, "f"),
    ("pinterest", "ct", "Menlo Park", None, "menlopark"),
    ("snap", "em", "Person@Example.com", None, "person@example.com"),
    ("snap", "ph", "+44 844 412 4653", None, "448444124653"),
    ("linkedin", "em", " Jane@Example.com", None, "jane@example.com"),
    ("reddit", "em", "Jane.Doe+news@example.com", None, "janedoe@example.com"),
    ("reddit", "ph", "650 555 1212", "us", "+16505551212"),
    ("reddit", "em", "Al.ice$+Apple@Example.Com", None, "alice@example.com"),
    ("reddit", "em", "+only@example.com", None, None),
    ("google", "em", "cloudy.sanfrancisco+shopping@gmail.com", None, "cloudysanfrancisco@gmail.com"),
    ("google", "em", "user.name+NYC@Example.com", None, "user.name+nyc@example.com"),
    ("microsoft", "em", "Mara.Klein+shop@example.com", None, "maraklein@example.com"),
    ("microsoft", "ph", "+1 (650) 555-1212", None, None),
    ("x", "em", "JANE@example.com", None, "jane@example.com"),
    ("x", "ph", "0555 00 00 07", "ge", "+995555000007"),
    ("x", "ph", "0555 00 00 07", None, None),
]

PLAIN = [
    ("google", "country", "Germany", "DE"),
    ("google", "ct", " Menlo Park ", "Menlo Park"),
    ("linkedin", "fn", " Mary ", "Mary"),
]


@pytest.mark.parametrize(("platform", "field", "text", "country", "expected"), HASHED)
def test_what_is_hashed(platform, field, text, country, expected):
    """The form of the platform's page, or nothing where the value cannot be used."""
    answer = form(platform, field, text, Given(country=country))
    assert answer.value == expected
    assert answer.outcome is (FormOutcome.HASHED if expected else FormOutcome.DROPPED)


@pytest.mark.parametrize(("platform", "field", "text", "expected"), PLAIN)
def test_what_travels_in_the_clear(platform, field, text, expected):
    """Google's address and LinkedIn's names are not hashed, and the answer says so."""
    answer = form(platform, field, text, Given())
    assert (answer.outcome, answer.value) == (FormOutcome.PLAIN, expected)


def test_snaps_printed_hash():
    """Snap prints the hash of its e-mail example."""
    value = form("snap", "em", "Person@Example.com", Given()).value
    assert hashlib.sha256(value.encode()).hexdigest().startswith("542d240129883c019e106e3b1b2d3f3c")


@pytest.mark.parametrize("platform", sorted(PROFILES.keys() - META_PROFILES.keys()))
def test_fields_are_ours_and_an_unknown_one_is_dropped(platform):
    """No table names a field that does not exist; a field without a form is dropped, not an error."""
    assert PROFILES[platform].keys() <= FORMS.keys()
    for field in FORMS.keys() - PROFILES[platform].keys():
        assert form(platform, field, "x", Given()).outcome is FormOutcome.DROPPED


@pytest.mark.parametrize("platform", ["tiktok", "pinterest", "snap"])
def test_a_hash_stays_a_hash(platform):
    """A SHA-256 is kept for every platform, not hashed again."""
    answer = form(platform, "external_id", f" {'AB' * 32}", Given())
    assert (answer.outcome, answer.value) == (FormOutcome.KEPT, "ab" * 32)
