"""A signed body read part by part: what may be wrong without losing the order, and what may not.

Owns how a value of the wrong type is answered. Contact data, attributes, labels and the figures beside a total (tax,
shipping, a line's price and pieces) are left out with a note, since an order must not be lost for them (Shopify gives up a
webhook after eight refusals, and then the subscription). Ids, totals and money that moved are never guessed: the first of
them that is wrong refuses the body with its path.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from twofold.event.identity import bare_order
from twofold.event.refusal import DropReason, Refusal, describe
from twofold.event.scalars import as_list, as_object, lenient_amount, read_integer, read_time_ms, says_nothing
from twofold.sources.schema import read_label

MAX_NOTES = 20
_ADDRESSES = frozenset({"landing_site", "referring_site"})  # of which the beginning says most
MAX_TEXT = 8_192  # characters of a text that is read; others may be as long as the body allows
_NUMBER = re.compile(r"[0-9]{1,20}")
_GID = "gid://shopify/"
_AMOUNT = "a plain decimal number, zero or more"


class Findings:
    """What reading one body brought to light beside its values. The first refusal stays."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.refusal: Refusal | None = None

    def note(self, text: str) -> None:
        if len(self.notes) < MAX_NOTES and text not in self.notes:
            self.notes.append(text)

    def refuse(self, reason: DropReason, path: str, expected: str, got: object) -> None:
        self.refusal = self.refusal or Refusal(reason=reason, path=path, expected=expected, got=describe(got))


class Part:
    """One JSON object inside a body. Every reader answers None, or an empty part, for what is absent or null."""

    __slots__ = ("findings", "path", "values")  # an order has some ninety

    def __init__(self, values: dict[str, Any], findings: Findings, path: str = "") -> None:
        self.values = values
        self.findings = findings
        self.path = path

    def __bool__(self) -> bool:
        return bool(self.values)

    def where(self, name: str) -> str:
        return f"{self.path}.{name}" if self.path else name

    # -- what is left out with a note when it is wrong

    def text(self, name: str) -> str | None:
        """Text that is not blank, exactly as written."""
        value = self.values.get(name)
        if isinstance(value, list) and len(value) == 1:
            value = value[0]
        if type(value) is int and abs(value) < 10**20:
            return str(value)
        if isinstance(value, str) and name in _ADDRESSES and len(value) > MAX_TEXT:
            self.findings.note(f"{self.where(name)} has {len(value)} characters, {MAX_TEXT} are kept; cut")
            value = value[:MAX_TEXT]
        if isinstance(value, str) and len(value) <= MAX_TEXT:
            return None if says_nothing(value) else value
        self._left_out(name, value, f"text of at most {MAX_TEXT} characters")
        return None

    def label(self, name: str) -> str:
        """A short word of the shop's, without what reads like contact data."""
        return read_label(self.text(name)) or ""

    def flag(self, name: str) -> bool | None:
        value = self.values.get(name)
        if isinstance(value, bool):
            return value
        self._left_out(name, value, "true or false")
        return None

    def moment_ms(self, name: str) -> int | None:
        """Unix ms of an ISO 8601 text with its offset."""
        value = self.values.get(name)
        found = read_time_ms(value) if isinstance(value, str) else None
        if found is None:
            self._left_out(name, value, "a time with its offset")
        return found

    def moment_s(self, name: str) -> int | None:
        found = self.moment_ms(name)
        return None if found is None else found // 1000

    def digits(self, name: str) -> str | None:
        """An id that only describes (a customer, a variant)."""
        value = self.values.get(name)
        found = read_digits(value)
        if found is None:
            self._left_out(name, value, "a number as digits")
        return found

    def part(self, name: str) -> Part:
        value = self.values.get(name)
        found = as_object(value)
        if found is None:
            self._left_out(name, value, "an object")
        return Part(found or {}, self.findings, self.where(name))

    def parts(self, name: str) -> Iterator[Part]:
        value = self.values.get(name)
        items = as_list(value)
        if items is None:
            self._left_out(name, value, "a list")
            return
        for place, given in enumerate(items):
            path = f"{self.where(name)}[{place}]"
            item = as_object(given) if isinstance(given, str) else given
            if isinstance(item, dict):
                yield Part(item, self.findings, path)
            else:
                self.findings.note(f"{path} is not an object; left out")

    def labels(self, name: str) -> tuple[str, ...]:
        """A list of short words, or one text with commas, as Shopify writes tags."""
        value = self.values.get(name)
        items = value.split(",") if isinstance(value, str) and value[:1] != "[" else as_list(value)
        if items is None:
            self._left_out(name, value, "text or a list")
            return ()
        short = (item for item in items if isinstance(item, str) and len(item) <= MAX_TEXT)
        return tuple(dict.fromkeys(filter(None, map(read_label, short))))

    def figure(self, name: str) -> Decimal | None:
        """An amount beside the total, zero or more: what is contained in it, or what one line of it costs."""
        value = self.values.get(name)
        found = _amount(value)
        if found is None:
            self._left_out(name, value, _AMOUNT)
        return found

    def side(self, name: str, side: str) -> Decimal | None:
        """The figure of a pair such as ``total_tax_set``; ``side`` is shop_money or presentment_money."""
        if self.values.get(name) is None:
            return None  # most bodies lack most of the pairs
        return self.part(name).part(side).figure("amount")

    def count(self, name: str) -> int | None:
        """Pieces; a whole number, zero or more."""
        value = self.values.get(name)
        found = read_integer(value)
        if found is None or found < 0:
            self._left_out(name, value, "a whole number, zero or more")
            return None
        return found

    # -- what refuses the body when it is wrong

    def id(self, name: str) -> str | None:
        """An id that facts hang on; missing is wrong too."""
        value = self.values.get(name)
        found = read_digits(value)
        if found is None:
            self.findings.refuse(DropReason.WRONG_TYPE, self.where(name), "a number as digits", value)
        return found

    def money(self, name: str) -> Decimal | None:
        """A total, or money that moved; zero or more."""
        value = self.values.get(name)
        found = _amount(value)
        if found is None and value is not None:
            self.findings.refuse(DropReason.INVALID_VALUE, self.where(name), _AMOUNT, value)
        return found

    def _left_out(self, name: str, value: object, expected: str) -> None:
        if value is not None and value != "":
            self.findings.note(f"{self.where(name)} is not {expected}; left out")


def _amount(value: object) -> Decimal | None:
    found = lenient_amount(value)
    return found if found is not None and found >= 0 else None


def read_digits(value: object) -> str | None:
    """An id as text. Ids pass 2^53, so they are never numbers with a point; also read from a gid's last part."""
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value) if abs(value) < 10**20 else ""
    if not isinstance(value, str):
        return None
    text = bare_order(value.strip()) if value.startswith(_GID) else value.strip()
    return text if text.isascii() and _NUMBER.fullmatch(text) and text.strip("0") else None


def exact_id(number: str, gid: object) -> str:
    """The id of the object's gid where the number is the same one after a loss of digits.

    What passes a body through JavaScript rounds ids beyond 2^53, but leaves the gid's text alone.
    """
    exact = read_digits(gid) if isinstance(gid, str) else None
    return exact if exact and exact != number and float(exact) == float(number) else number
