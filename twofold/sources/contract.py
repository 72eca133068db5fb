"""What a source is: a value that checks a webhook's signature and reads its body into one raw event.

Owns the shapes only. Knows no shop system, no HTTP and no configuration; the collector calls ``signed`` first
and ``read`` only when it said yes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from msgspec import Struct

from twofold.event.model import RawEvent
from twofold.event.refusal import Refusal


class SourceEvent(Struct, frozen=True, kw_only=True):
    """One copy of an action as the shop reported it. Contact data is still plain; the steps hash it."""

    raw: RawEvent
    sender: str  # which software made the copy, e.g. "shopify"
    order_id: str  # the shop's own order number, for the collector's rows; also in ``raw.custom_data``


class Ignored(Struct, frozen=True, kw_only=True):
    """A well-formed webhook that stands for no purchase: answered with success, kept as a row with the reason.

    ``reason`` is one short sentence without personal data.
    """

    reason: str
    order_id: str | None = None


class Source(Struct, frozen=True, kw_only=True):
    """A shop system. Both functions are pure and raise for no input.

    ``signed(body, headers, secrets)``: the raw body bytes as received, headers by lower-case name, and every
    secret that is valid now (two while one is being rotated); an empty secret never fits.
    ``read(body, headers, shop=, now_ms=)``: ``shop`` is the configured shop name, ``now_ms`` Unix milliseconds.
    Headers other than the signature are not signed, so what they say may only make a copy be left out.
    """

    name: str
    signed: Callable[[bytes, Mapping[str, str], Sequence[str]], bool]
    read: Callable[..., SourceEvent | Refusal | Ignored]
