"""From a line as its file has it to a line that may be kept: who stands opposite becomes digests, free text is masked.

Owns what of a text stays. A rule can use only what looks like an order, a parcel, a batch or a payment: tokens with at
least four digits, references with a known beginning, and whatever begins as the shop's own order numbers do. Phone numbers,
account and card numbers, addresses and personal numbers are masked however they are written, and so is every word. With
``[money] text = "kept"`` the text and the name stay as they are beside the line (`kept_text`), for the days that are set.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from itertools import groupby

import phonenumbers
from msgspec.structs import replace

from twofold.event.contact import mask_text, names_somebody
from twofold.importing.statements.banks.accounts import IBAN_LENGTHS, has_broken_checksum, is_iban
from twofold.ledger.lines import MoneyLine, Survey, Thing, Told
from twofold.matching.counterparts import counterpart_digests
from twofold.matching.subject import Keyring

MASK = "*"
MAX_TEXT = 2_000  # characters of a text that are looked at; the mark is made of all of it
KEPT_BETWEEN = " | "  # between name and text where both are kept
_EDGES = "\"'()[]{}<>,;:.!?«»„“”/\\|=+*"
_DIGITS = re.compile(r"\d")
_NUMBERISH = re.compile(r"\+?[\d()./-]*\d[\d()./-]*")
_IBAN = re.compile(r"[A-Z]{2}\d{2}[A-Z0-9]{11,30}(?:[A-Z]{3})?", re.I)
_IBAN_BEGINS = re.compile(r"(?=([A-Z]{2}[0-9]{2}(?: ?[A-Z0-9]){11,33}))", re.I)
_REFERENCE = re.compile(r"(?:pi|ch|py|re|pyr|po|tr|txn|cs|in|du|dp)_[A-Za-z0-9_]{6,}|RF\d{2}[A-Za-z0-9]{1,21}", re.I)
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.I)
_DAY = re.compile(r"\d{4}[./-]\d{1,2}[./-]\d{1,2}|\d{1,2}[./-]\d{1,2}[./-](?:\d{2}|\d{4})")
_TURNS = re.compile(r"(?<=[^\W\d_])(?=\d)|(?<=\d)(?=[^\W\d_])")  # between letters and digits: ids turn often
_LONG = 9  # digits from which a number may be somebody's: a phone, a personal number, a card
_PERSONAL = 11  # digits of a Georgian personal number


class Sealer:
    """Seals the lines of one file."""

    def __init__(
        self, ring: Keyring, *, keeps_text: bool = False, prefixes: Sequence[str] = (), countries: Sequence[str] = ()
    ) -> None:
        self._ring = ring
        self._keeps_text = keeps_text
        self._prefixes = tuple(p.casefold() for p in prefixes if p)
        self._countries = tuple(countries)
        self._masked = lru_cache(maxsize=4_096)(self._mask)
        self._digests = lru_cache(maxsize=16_384)(self._digests_of)

    def kept_text(self, told: Told) -> str:
        """Name and text as they are, where they are kept for the bookkeeper; else nothing."""
        if not self._keeps_text:
            return ""
        thing = told.thing
        text = told.text or (thing.text if isinstance(thing, (MoneyLine, Survey)) else "")
        name = told.counterpart.name if told.counterpart else ""
        return KEPT_BETWEEN.join(" ".join(t.split()) for t in (name, text) if t.strip())[:MAX_TEXT]

    def seal(self, told: Told) -> Thing:
        """The line without anything that names a person."""
        thing = told.thing
        if isinstance(thing, MoneyLine):
            return self._seal_money(thing, told)
        if isinstance(thing, Survey):
            text = told.text or thing.text
            return replace(thing, answer=mask_text(thing.answer), text=self.masked(text))
        return thing

    def masked(self, text: str) -> str:
        """A text with all masked that no rule can use."""
        return self._masked(text[:MAX_TEXT])

    def _seal_money(self, line: MoneyLine, told: Told) -> MoneyLine:
        who = told.counterpart
        if who is None and not told.text and not line.text:
            return line
        digests = line.counterpart
        if who is not None:
            digests = tuple(dict.fromkeys((*digests, *self._digests(who.name, who.account, who.phone, who.email))))
        text = told.text or line.text
        squeezed = "".join(text.split())
        mark = self._ring.digest("text", squeezed).hex() if squeezed else ""
        return replace(line, counterpart=digests, text=self.masked(text) if text else "", mark=mark)

    def _digests_of(self, name: str, account: str, phone: str, email: str) -> tuple[str, ...]:
        country = self._countries[0] if self._countries else ""
        return counterpart_digests(
            self._ring, name=name, account=account, phone=phone, email=email, country=country
        )  # fmt: skip

    def _mask(self, text: str) -> str:
        kept: list[str] = []
        tokens = _without_accounts(text).split()
        for is_number, group in groupby(tokens, lambda t: _NUMBERISH.fullmatch(t.strip(_EDGES)) is not None):
            run = list(group)
            kept += self._numbers(run) if is_number else [self._token(token) for token in run]
        shown: list[str] = []
        for token in kept:
            if token != MASK or shown[-1:] != [MASK]:
                shown.append(token)
        return "" if shown == [MASK] else " ".join(shown)

    def _numbers(self, run: list[str]) -> list[str]:
        """Numbers that stand beside each other: together they may be a phone number that is written in parts."""
        joined = "".join(run)
        digits = "".join(_DIGITS.findall(joined))
        in_parts = len(run) > 1 and not all(_is_day(token) or len(token) >= _LONG for token in run)
        if in_parts and len(digits) >= _LONG and self._is_somebodys(joined, digits):
            return [MASK]
        return [self._number(token) for token in run]

    def _number(self, token: str) -> str:
        bare = token.strip(_EDGES.replace("+", ""))
        digits = "".join(_DIGITS.findall(bare))
        if self._begins_as_ours(token.strip("\"'()[],;.")):
            return token.strip("\"'()[],;.")
        if len(digits) < 4 or _is_day(bare):
            return bare if _is_day(bare) else MASK
        return MASK if len(digits) >= _LONG and self._is_somebodys(bare, digits) else bare

    def _token(self, token: str) -> str:
        bare = token.strip(_EDGES)
        if not bare:
            return MASK
        if self._begins_as_ours(bare) or _REFERENCE.fullmatch(bare):
            return bare
        digits = len(_DIGITS.findall(bare))
        if digits < 4 or names_somebody(bare) or len(bare) > 64 or _IBAN.fullmatch(bare):
            return MASK
        if _UUID.fullmatch(bare):
            return bare
        return self._words_and_numbers(bare)

    def _words_and_numbers(self, bare: str) -> str:
        """A token of letters and digits, such as TB-1001, tel:+995555123456 or Order1001."""
        for run in re.findall(r"\+?\d[\d().-]*", bare):
            digits = "".join(_DIGITS.findall(run))
            if len(digits) >= _LONG and self._is_somebodys(run, digits):
                return MASK
        letters = "".join(c for c in bare if c.isalpha())
        is_code = len(letters) <= 3 or (len(letters) <= 5 and letters.isupper()) or len(_TURNS.findall(bare)) >= 3
        if is_code:
            return bare
        # A word, perhaps somebody's name, that runs into a number: the number is what a rule can use.
        return " ".join(run for run in re.findall(r"\d+", bare) if len(run) >= 4) or MASK

    def _begins_as_ours(self, token: str) -> bool:
        folded = token.casefold()
        return any(folded.startswith(p) and _DIGITS.search(folded[len(p) :]) is not None for p in self._prefixes)

    def _is_somebodys(self, written: str, digits: str) -> bool:
        if len(digits) == _PERSONAL or is_card(digits) or is_account(f"PL{digits}"):
            return True
        return _is_phone(written.startswith(("+", "00")), digits, self._countries)


def _is_day(text: str) -> bool:
    return _DAY.fullmatch(text) is not None


@lru_cache(maxsize=16_384)
def _is_phone(international: bool, digits: str, countries: tuple[str, ...]) -> bool:
    """Whether a number is one that somebody can be called at: in full, or as it is written in one of our countries."""
    if len(digits) > 15:
        return False
    tries: list[tuple[str, str | None]] = [(digits, country) for country in countries]
    if international:
        tries.append((f"+{digits.removeprefix('00')}", None))
    codes = {str(phonenumbers.country_code_for_region(country)) for country in countries}
    if any(code != "0" and digits.startswith(code) for code in codes):
        tries.append((f"+{digits}", None))
    for text, region in tries:
        try:
            number = phonenumbers.parse(text, region)
        except phonenumbers.NumberParseException:
            continue
        if phonenumbers.is_valid_number(number):
            return True
    return False


def _without_accounts(text: str) -> str:
    """A text without the account numbers (IBAN) in it, also those that are written in groups or run into other words."""
    place, kept = 0, ""
    while found := _IBAN_BEGINS.search(text, place):
        begin = found.start()
        words = found[1].split(" ")
        groups = range(len(words), 0, -1)
        end = next((len(" ".join(words[:n])) for n in groups if is_iban("".join(words[:n]).upper())), 0)
        size = IBAN_LENGTHS.get(words[0][:2].upper(), 0)
        if not end and len(words[0]) >= size and is_account(words[0][:size].upper()):
            end = size
        kept += text[place : begin + (0 if end else 1)] + (" * " if end else "")
        place = begin + (end or 1)
    return kept + text[place:] if kept else text


def is_account(text: str) -> bool:
    """An IBAN whose check digits are right. Poles write theirs without its first two letters."""
    return is_iban(text) and not has_broken_checksum(text)


def is_card(digits: str) -> bool:
    """A card's number, by its length, its first digit and its check digit."""
    if not 13 <= len(digits) <= 19 or not digits.isdigit() or digits[0] not in "3456":
        return False
    total = 0
    for place, c in enumerate(reversed(digits)):
        number = int(c) * (1 + place % 2)
        total += number - 9 if number > 9 else number
    return total % 10 == 0
