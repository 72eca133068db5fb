"""The short way of reading phone numbers against the library's own, over numbers of every region."""

from __future__ import annotations

import random

import phonenumbers
import pytest

from twofold.matching.phones import local_number, parsed, plan_of, whole_number

REGIONS = sorted(phonenumbers.SUPPORTED_REGIONS)


def numbers(region: str, how_many: int) -> list[str]:
    """Digits near real numbers of a region: some right, some with wrong digits, prefixes or lengths."""
    chance = random.Random(region)
    examples = [phonenumbers.example_number_for_type(region, kind) for kind in (0, 1, 3, 6)]
    nationals = [phonenumbers.national_significant_number(e) for e in examples if e is not None]
    data = phonenumbers.PhoneMetadata.metadata_for_region(region, None)
    code, trunk = str(data.country_code), data.national_prefix or ""
    found = []
    for _ in range(how_many):
        digits = list(chance.choice(nationals))
        for _ in range(chance.choice([0, 0, 1, 2, 4])):
            digits[chance.randrange(len(digits))] = chance.choice("0123456789")
        digits = [*digits[: chance.choice([None, None, None, -1])], chance.choice(["", "", "", "7"])]
        found.append(chance.choice(["", "", trunk, trunk, code, "0", code + trunk, "00"]) + "".join(digits))
    return [d for d in found if 7 <= len(d) <= 20]


def test_a_local_number_is_read_as_the_library_reads_it():
    """With a region, the answer is the library's, for every region it knows."""
    pairs = [(region, digits) for region in REGIONS for digits in numbers(region, 15)]
    assert [(r, d) for r, d in pairs if local_number(d, r) != parsed(d, r)] == []


def test_a_whole_number_is_what_the_library_calls_valid():
    """Without a region, digits count exactly when the library finds them valid behind a plus."""
    wrong = []
    for region in REGIONS:
        for digits in numbers(region, 10):
            try:
                valid = digits[0] != "0" and phonenumbers.is_valid_number(phonenumbers.parse("+" + digits, None))
            except phonenumbers.NumberParseException:
                valid = False
            if whole_number(digits) != (digits if valid else None):
                wrong.append(digits)
    assert wrong == []


@pytest.mark.parametrize("region", ["US", "GE", "DE", "GB", "FR", "TR", "IN", "IT"])
def test_the_short_way_is_taken(region):
    """An ordinary mobile number of these regions does not need the long way, or the speed is lost unseen."""
    example = phonenumbers.example_number_for_type(region, phonenumbers.PhoneNumberType.MOBILE)
    national = phonenumbers.national_significant_number(example)
    assert plan_of(region).read(national) == f"{example.country_code}{national}"


def test_an_unknown_region_knows_no_local_number():
    """There is no plan for what is no region, and no guess."""
    assert local_number("0555000007", "ZZ") is None
