"""IAB Europe's TC string, version 2: what a European shopper allowed, as far as conversions need it.

Owns the core segment's layout (IAB Tech Lab, "Consent string and vendor list formats v2", read September 2026) up to
and with the two vendor sections. Publisher restrictions are read to their end, because a string that does not add up must
not pass for consent, and forgotten; the further segments are checked for their alphabet only. What a purpose means for sending is decided in `consent_signals`.
"""

from __future__ import annotations

from functools import lru_cache

from msgspec import Struct

from twofold.consent.bits import Bits, Unreadable

_MAX_VENDOR = 65_535


class TcString(Struct, frozen=True, kw_only=True):
    """``consents`` and ``interests`` hold purpose numbers: consent given; legitimate interest established."""

    cmp_id: int
    policy_version: int
    service_specific: bool
    special_features: frozenset[int]
    consents: frozenset[int]
    interests: frozenset[int]
    purpose_one_hidden: bool  # purpose 1 was not asked about
    publisher_country: str
    vendor_consents: frozenset[int]
    vendor_interests: frozenset[int]

    def allows(self, purpose: int, *, interest: bool = False) -> bool:
        """Consent was given for this purpose or, where ``interest`` may suffice, legitimate interest established."""
        return purpose in self.consents or (interest and purpose in self.interests)


@lru_cache(maxsize=2_048)  # one shopper's string comes with each of their events; a long one takes 0.1 ms to read
def read_tcf(text: str) -> TcString:
    """A TC string. Raises `Unreadable` for version 1 (withdrawn in 2020) and for anything damaged."""
    core, *others = text.strip().split(".")
    for segment in others:
        Bits(segment)
    bits = Bits(core)
    if bits.integer(6) != 2:
        raise Unreadable("not version 2")
    bits.field(36 + 36)  # when made and last changed
    cmp_id = bits.integer(12)
    bits.field(12 + 6 + 12 + 12)  # version of the consent tool, its screen, its language, the vendor list
    policy_version, service_specific, _own_texts = bits.integer(6), bits.flag(), bits.flag()
    found = TcString(
        cmp_id=cmp_id,
        policy_version=policy_version,
        service_specific=service_specific,
        special_features=bits.numbers(12),
        consents=bits.numbers(24),
        interests=bits.numbers(24),
        purpose_one_hidden=bits.flag(),
        publisher_country=_letters(bits),
        vendor_consents=_vendors(bits),
        vendor_interests=_vendors(bits),
    )
    _pass_restrictions(bits)
    return found


def _pass_restrictions(bits: Bits) -> None:
    for _ in range(bits.integer(12)):
        bits.field(6 + 2)  # purpose and kind
        _ranges(bits, _MAX_VENDOR)
    if "1" in bits.text[bits.at :]:
        raise Unreadable("something follows the last field")


def _letters(bits: Bits) -> str:
    return "".join(chr(65 + bits.integer(6)) for _ in range(2))


def _vendors(bits: Bits) -> frozenset[int]:
    """Either one bit for each vendor up to the highest, or single numbers and ranges."""
    highest = bits.integer(16)
    if not bits.flag():
        return bits.numbers(highest)
    return _ranges(bits, highest)


def _ranges(bits: Bits, highest: int) -> frozenset[int]:
    found: set[int] = set()
    for _ in range(bits.integer(12)):
        is_range = bits.flag()
        first = bits.integer(16)
        last = bits.integer(16) if is_range else first
        if not 0 < first <= last <= highest:
            raise Unreadable("a vendor range that runs backwards or past the highest vendor")
        found.update(range(first, last + 1))
    return frozenset(found)
