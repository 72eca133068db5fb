"""What a profile answers. Four ways to send or not to send, because "nothing" and "an error" differ to a caller."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import TypeAlias

from msgspec import Struct


class FormOutcome(StrEnum):
    """What happens to a value."""

    HASHED = "hashed"  # brought into a form, then hashed; the form may be the empty text, and is hashed even so
    KEPT = "kept"  # taken for a hash and sent as it is
    PLAIN = "plain"  # sent, and not hashed
    DROPPED = "dropped"  # left out without a word
    REFUSED = "refused"  # the original raises an error, and the event is not sent


class Form(Struct, frozen=True):
    """The answer of a profile for one value. ``value`` is None exactly when nothing is sent."""

    outcome: FormOutcome
    value: str | None = None
    reason: str = ""  # why nothing is sent; never holds the value
    appendix: str = ""  # what the original puts behind the hash

    @staticmethod
    def hashed(value: str, appendix: str = "") -> Form:
        """To be hashed."""
        return Form(FormOutcome.HASHED, value, "", appendix)

    @staticmethod
    def kept(value: str, appendix: str = "") -> Form:
        """Already a hash."""
        return Form(FormOutcome.KEPT, value, "", appendix)

    @staticmethod
    def plain(value: str) -> Form:
        """To be sent in the clear."""
        return Form(FormOutcome.PLAIN, value)

    @staticmethod
    def dropped(reason: str) -> Form:
        """Left out."""
        return Form(FormOutcome.DROPPED, None, reason)

    @staticmethod
    def refused(reason: str) -> Form:
        """An error in the original."""
        return Form(FormOutcome.REFUSED, None, reason)


class Given(Struct, frozen=True):
    """What a form may depend on besides the text."""

    country: str | None = None  # ISO 3166-1 alpha-2, for numbers and codes written locally
    year: int = 9_999  # the current one; the builder refuses birth dates after the next


Profile: TypeAlias = Mapping[str, Callable[[str, Given], Form]]
"""Our field name to what the original does with it."""
