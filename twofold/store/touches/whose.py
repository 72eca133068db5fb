"""Under which digests signs are kept, and by which of them an event's own signs are found.

Owns `who_of`: a keyed digest over the key by which the visitors' tables know a browser, so that a browser that is found there
leads to its signs, and nobody without the folder's secret can tell whose a sign is. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from hashlib import blake2b

from twofold.event.model import Event
from twofold.matching.subject import Keyring
from twofold.store.visitors.identifiers import BROWSER_KINDS, identifier
from twofold.touch.model import Sign, TouchKind

SLOT_S = 1_800
ORDER = "order_said"
"""The kind under which an order's own signs are kept: what the shop says of its source, and the buyer's answer."""

CHAT_KINDS = ("page_scoped_user_id", "ig_sid", "ctwa_clid")
STITCHED = "stitched"
DEVICE = "device"
"""The kind of a link to the other browser of a buyer whose own browser is known."""
OF_BROWSERS = frozenset({*BROWSER_KINDS, STITCHED})
"""Kinds of links that name a browser; two browsers of one kind for one Purchase are one too many."""

_CHAT = TouchKind.CHAT  # compared, not looked up in a set: a member's hash is worked out in Python


def who_of_key(ring: Keyring, key: bytes) -> bytes:
    """By the key of an identifier (`visitors.identifiers`)."""
    digest = _keyed(ring.secret).copy()  # half the time of beginning anew, and each Purchase asks
    digest.update(key)
    return digest.digest()


@lru_cache(maxsize=4)
def _keyed(secret: bytes) -> blake2b:
    return blake2b(b"touch\0", digest_size=16, key=secret)


def who_of(ring: Keyring, dataset: str, kind: str, value: str) -> bytes | None:
    """By its plain value; None for an empty one."""
    found = identifier(dataset, kind, value)
    return None if found is None else who_of_key(ring, found.key)


def whos_of_sign(ring: Keyring, sign: Sign) -> list[bytes]:
    """The first of its ids; all of them for a chat, as nobody knows by which the order will come."""
    ids = sign.ids if sign.touch.kind == _CHAT else sign.ids[:1]
    return [who for kind, value in ids if (who := who_of(ring, sign.dataset, kind, value)) is not None]


def ids_of_event(event: Event) -> list[tuple[str, str]]:
    """(kind, value) of the browser or the conversation that an event names."""
    user = event.user_data
    found = [(kind, value) for kind, value in (("fbp", user.fbp), ("visitor", event.visitor)) if value]
    found += [("conversation", link.partition(":")[2]) for link in event.links if link.startswith("conversation:")]
    found += [(kind, str(user.other[kind])) for kind in CHAT_KINDS if user.other.get(kind)]
    return found


def order_name(source: str, order_id: str) -> str:
    """How an order is called where its own signs are kept: several shops may number alike."""
    return f"{source}/{order_id}"


def whos_of_order(ring: Keyring, dataset: str, names: Iterable[tuple[str, str]]) -> list[bytes]:
    """By (source, order id) of each of an order's reports."""
    found = (who_of(ring, dataset, ORDER, order_name(source, order)) for source, order in sorted(set(names)))
    return [who for who in found if who is not None]
