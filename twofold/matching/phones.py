"""Phone numbers to digits with the country code, through phonenumbers, with a short way for the plain cases.

Owns what a number means in a country; which texts are numbers at all is `normalise`'s. The library needs 20 to 60 µs a
number, which is more than all other contact fields of an event together, so that numbers of one plain shape are read
with its own tables directly: digits only, no carrier code, no rewriting of the national form. The short way answers
only where the library would answer the same; the tests compare both over numbers of every region.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

from msgspec import Struct

FEWEST_DIGITS = 7  # of a number with its country code


def local_number(digits: str, region: str) -> str | None:
    """Digits as written in ``region`` (alpha-2, capitals), with or without country code; None for no such number."""
    plan = plan_of(region)
    if plan is not None:
        found = plan.read(digits)
        if found is not None:
            return found
    return parsed(digits, region)


def whole_number(digits: str) -> str | None:
    """Digits that are a valid number with their country code, as the documented 16505551212; else None."""
    if digits[0] == "0":
        return None
    plan = _plan_of_code(digits)
    if plan is not None and plan.is_whole(digits):
        return digits
    import phonenumbers

    try:
        valid = phonenumbers.is_valid_number(phonenumbers.parse("+" + digits, None))
    except phonenumbers.NumberParseException:
        return None
    return digits if valid else None


def parsed(text: str, region: str | None) -> str | None:
    """The long way: knows trunk zeros, carrier codes, extensions and national forms of every country."""
    import phonenumbers

    try:
        number = phonenumbers.parse(text, region)
        if region and text[0] != "0" and not phonenumbers.is_valid_number(number):
            # Not a number of that country: shops often store the full number without its plus.
            whole = phonenumbers.parse("+" + text, None)
            number = whole if phonenumbers.is_valid_number(whole) else number
    except phonenumbers.NumberParseException:
        return None
    # Not only "could be dialled": 555-1212 can, inside its own area, but belongs to nobody in particular.
    if phonenumbers.is_possible_number_with_reason(number) != phonenumbers.ValidationResult.IS_POSSIBLE:
        return None
    found = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)[1:]
    return found if len(found) >= FEWEST_DIGITS else None


class Plan(Struct, frozen=True):
    """How the numbers of one region are written, where that is plain: the library's own patterns, compiled."""

    code: str  # country code
    trunk: re.Pattern[str] | None  # what is dialled before an area code and a carrier: "0", "1", ...
    lengths: frozenset[int]  # of a national number, complete
    foreign: re.Pattern[str]  # how a call abroad begins
    general: re.Pattern[str]  # any national number
    valid: re.Pattern[str]  # one that may have been given out

    def read(self, digits: str) -> str | None:
        """Digits to country code and national number; None where only the long way knows."""
        if self.foreign.match(digits):
            return None
        national = self._national(digits)
        if national is None or len(national) not in self.lengths:
            return None
        # After a trunk zero any complete number counts; without it, it must be one that can exist.
        if digits[0] != "0" and not self.valid.fullmatch(national):
            return None
        return self.code + national

    def is_whole(self, digits: str) -> bool:
        """True when these digits surely are a valid number with its country code; False says nothing."""
        national = digits[len(self.code) :]
        return not (self.trunk and self.trunk.match(national)) and self.valid.fullmatch(national) is not None

    def _national(self, digits: str) -> str | None:
        general = self.general.fullmatch
        if digits.startswith(self.code):
            rest = digits[len(self.code) :]
            clear = not general(digits) and general(rest) and not (self.trunk and self.trunk.match(rest))
            return rest if clear else None
        dialled = self.trunk.match(digits) if self.trunk else None
        if dialled is None:
            return digits
        if dialled.lastindex and dialled[self.trunk.groups] is not None:  # type: ignore[union-attr]
            return None  # a prefix that rewrites what follows
        rest = digits[dialled.end() :]
        return digits if general(digits) and not general(rest) else rest


@lru_cache(maxsize=512)
def plan_of(region: str) -> Plan | None:
    """The plan of a region, or None for one that the library does not know."""
    import phonenumbers
    from phonenumbers import PhoneMetadata

    data: Any = PhoneMetadata.metadata_for_region(region, None)
    if data is None:
        return None
    trunk = data.national_prefix_for_parsing
    main: Any = PhoneMetadata.metadata_for_region(phonenumbers.region_code_for_country_code(data.country_code), None)
    lengths = set(data.general_desc.possible_length) & set(main.general_desc.possible_length)
    lengths -= set(data.general_desc.possible_length_local_only) | set(main.general_desc.possible_length_local_only)
    kinds = (
        data.fixed_line, data.mobile, data.toll_free, data.premium_rate, data.shared_cost, data.voip,
        data.personal_number, data.pager, data.uan, data.voicemail,
    )  # fmt: skip
    patterns = [k.national_number_pattern for k in kinds if k is not None and k.national_number_pattern]
    return Plan(
        code=str(data.country_code),
        trunk=re.compile(trunk) if trunk else None,
        lengths=frozenset(lengths),
        foreign=re.compile(data.international_prefix or r"(?!)"),
        general=re.compile(data.general_desc.national_number_pattern),
        valid=re.compile("|".join(f"(?:{p})" for p in patterns) or r"(?!)"),
    )


def _plan_of_code(digits: str) -> Plan | None:
    region = _region_of_code(digits[:3])
    return plan_of(region) if region else None


@lru_cache(maxsize=2048)
def _region_of_code(start: str) -> str | None:
    """The main region of the country code that a number begins with; no code begins another."""
    import phonenumbers

    for length in (1, 2, 3):
        regions = phonenumbers.COUNTRY_CODE_TO_REGION_CODE.get(int(start[:length]))
        if regions:
            return str(regions[0])
    return None
