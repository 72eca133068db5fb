"""The bits of a consent string: base64url without padding, fixed integers, Fibonacci codes.

Shared by `tcf` and `gpp`, which IAB Tech Lab specifies with the same alphabet and the same data types (Global Privacy
Platform string, version 1.0 of November 2023; TC string, version 2). Raises `Unreadable` for whatever breaks the form:
what a consent string does not say clearly must never be taken for consent.
"""

from __future__ import annotations

_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
_VALUES = {c: format(n, "06b") for n, c in enumerate(_ALPHABET)}
MAX_CHARACTERS = 8_192  # of one string; the longest real ones have about 2,000


class Unreadable(Exception):
    """A consent string that does not hold what its form promises. The sender's consent tool must be looked at."""


class Bits:
    """A reader over the bits of one segment; every read moves on."""

    __slots__ = ("at", "text")

    def __init__(self, segment: str) -> None:
        if not segment or len(segment) > MAX_CHARACTERS:
            raise Unreadable("a segment is empty or too long")
        try:
            self.text = "".join([_VALUES[c] for c in segment.rstrip("=")])
        except KeyError:
            raise Unreadable("a character outside base64url") from None
        self.at = 0

    def integer(self, width: int) -> int:
        """An unsigned number of ``width`` bits."""
        return int(self.field(width), 2)

    def flag(self) -> bool:
        return self.field(1) == "1"

    def field(self, width: int) -> str:
        """``width`` bits as text of 0 and 1."""
        end = self.at + width
        if end > len(self.text):
            raise Unreadable("the string ends too early")
        part, self.at = self.text[self.at : end], end
        return part

    def numbers(self, width: int) -> frozenset[int]:
        """The places, counted from 1, at which a field of ``width`` bits has a 1."""
        return frozenset(n for n, bit in enumerate(self.field(width), 1) if bit == "1") if width else frozenset()

    def fibonacci(self) -> int:
        """A number of 1 or more in Fibonacci coding: its parts in rising order, then one further 1."""
        total, a, b, last = 0, 1, 2, "0"
        while True:
            bit = self.field(1)
            if bit == "1" and last == "1":
                return total
            total += a if bit == "1" else 0
            a, b, last = b, a + b, bit
