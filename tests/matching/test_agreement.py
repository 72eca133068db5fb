"""Where all four tools of Meta's agree, so do we, except in the classes that are named and judged here."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter

import phonenumbers
import pytest

from tests.messy_values import values
from twofold.matching.normalise import FORMS, NEEDS_COUNTRY
from twofold.matching.profiles import META_PROFILES, FormOutcome, Given, form

# Characters of another look: what Unicode itself calls so in their names.
LOOKS = re.compile(
    "FULLWIDTH|HALFWIDTH|LIGATURE (?:FI|ST|ALLAH)|PRESENTATION|INITIAL FORM|MEDIAL FORM|FINAL FORM|ISOLATED FORM"
)


def oddly_spelt(field: str, text: str) -> bool:
    """Two spellings of one text exist: not composed, presentation forms, invisible characters. We write one."""
    lowered = text.lower()  # small letters of capitals may be two characters, which compose or change places
    return (
        unicodedata.normalize("NFC", text) != text
        or unicodedata.normalize("NFC", lowered) != lowered
        or any(unicodedata.category(c) in ("Cf", "Cc") or LOOKS.search(unicodedata.name(c, "")) for c in text.strip())
    )


def punctuated(field: str, text: str) -> bool:
    """The page says no punctuation, and not only no ASCII punctuation; the tools remove ASCII only."""
    return field in ("fn", "ln") and any(
        (not c.isascii() and unicodedata.category(c)[0] in "PZ") or c in "´¨" for c in text
    )


def no_whole_number(field: str, text: str) -> bool:
    """The page wants the country code always; these are no valid number with one, so that part is missing or wrong."""
    if field != "ph":
        return False
    digits = "".join(c for c in text if c.isdigit())
    digits = digits[2:] if text.strip().startswith("00") else digits
    try:
        number = phonenumbers.parse("+" + digits, None)
    except phonenumbers.NumberParseException:
        return True
    return not phonenumbers.is_valid_number(number)


def trunk_zero(field: str, text: str) -> bool:
    """A zero in parentheses is dialled at home only and is no part of the number; all four keep it."""
    return field == "ph" and "(0" in text


def dashed_code(field: str, text: str) -> bool:
    """The page says no dash, not to cut at it: 100-0001 in Tokyo is 1000001; all four send 100."""
    return field == "zp" and bool(re.search("[-–]", text))


def numbered_state(field: str, text: str) -> bool:
    """Digits belong to codes such as Turkey's TR34; all four drop them."""
    return field == "st" and any(c.isdigit() for c in text)


def no_date(field: str, text: str) -> bool:
    """Eight digits that are no year, month and day; all four hash them as they are."""
    return field == "db" and not (
        "1800" <= text[:4] <= "2100" and "01" <= text[4:6] <= "12" and "01" <= text[6:] <= "31"
    )


def nothing(field: str, text: str) -> bool:
    """What a program wrote that knew nothing is no value; all four hash it."""
    return text.strip().lower() in ("null", "undefined", "none", "n/a", "[object object]", "0")


JUDGED = (nothing, oddly_spelt, punctuated, no_whole_number, trunk_zero, dashed_code, numbered_state, no_date)


def agreed(field: str, text: str) -> str | None:
    """What all four hash, or None where one of them differs or sends nothing."""
    answers = [form(profile, field, text, Given(year=2026)) for profile in META_PROFILES]
    same = {a.value for a in answers} if all(a.outcome is FormOutcome.HASHED for a in answers) else set()
    return same.pop() if len(same) == 1 else None


@pytest.mark.parametrize("field", FORMS)
def test_where_meta_agrees_with_itself(field):
    """Our form is the one that Python SDK, Node SDK, builder and pixel all hash, or falls in a class of JUDGED."""
    wrong = []
    for text in values(3000):
        theirs = agreed(field, text)
        ours = FORMS[field](text, None) if field in NEEDS_COUNTRY else FORMS[field](text)
        if theirs is not None and theirs != ours and not any(judge(field, text) for judge in JUDGED):
            wrong.append((text, theirs, ours))
    assert wrong == []


def test_the_comparison_is_about_something():
    """Hundreds of values are agreed upon, and each class of disagreement occurs."""
    agreements, classes = 0, Counter()
    for field in FORMS:
        for text in values(700):
            theirs = agreed(field, text)
            if theirs is None:
                continue
            ours = FORMS[field](text, None) if field in NEEDS_COUNTRY else FORMS[field](text)
            agreements += theirs == ours
            classes.update(judge.__name__ for judge in JUDGED if theirs != ours and judge(field, text))
    assert agreements > 1000
    assert classes.keys() == {judge.__name__ for judge in JUDGED}
