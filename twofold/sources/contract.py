"""What a source is: a value that checks a webhook's signature and reads its body into an order report and copies.

Owns the shapes only. Knows no shop system, no HTTP and no configuration; the collector calls ``signed`` first
and ``read`` only when it said yes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from msgspec import Struct, structs

from twofold.event.model import RawEvent
from twofold.event.refusal import DropReason, Refusal
from twofold.ledger.lines import ParcelLine
from twofold.ledger.model import OrderReport
from twofold.touch.model import Touch


class SourceOptions(Struct, frozen=True, kw_only=True):
    """What the operator set for one configured source."""

    shop: str = ""  # the configured shop name
    event_id: str = "secret"  # see `purchase_ids`; "order"; "native": the platform app's own id where the body has it
    fields: Mapping[str, str] = {}  # our name -> their name of a custom field or property
    stages: Mapping[str, str] = {}  # their stage or status -> event name, for CRM systems
    only: Mapping[str, tuple[str, ...]] = {}  # what must stand at a path of theirs, for a body to be read
    currency: str = ""  # for systems whose records have no currency


class PrivacyRequest(Struct, frozen=True, kw_only=True):
    """A shop's word that a person asked for erasure or for a copy of their data. Held in memory only."""

    kind: str  # "erase", "export", "erase_shop"
    emails: tuple[str, ...] = ()
    phones: tuple[str, ...] = ()
    external_ids: tuple[str, ...] = ()
    order_ids: tuple[str, ...] = ()


class Buyer(Struct, frozen=True, kw_only=True):
    """Who bought, plain or hashed. Held in memory only: the edge makes digests with the folder's secret of it."""

    emails: tuple[str, ...] = ()
    phones: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    customers: tuple[str, ...] = ()  # the shop's own numbers of the buyer
    country: str = ""  # of a phone number that is written locally


class Reading(Struct, frozen=True, kw_only=True):
    """What one webhook says.

    ``kind`` classifies it in one or two words for the answer and the metrics: "order placed", "refund", "parcel",
    "privacy erase", "lead stage", … ``order`` is what the ledger learns. ``copy`` is the Purchase that the order
    stands for, whatever its state: whether and when it counts is the policy's question, so it is there whenever
    the body has what a Purchase needs. ``buyer`` is given where a copy does not stand for it; ``said``: what the shop and
    the buyer say of the order's source; ``signs``: chats that began, by their ids. ``events`` are further events that are sent as they are (CRM stages, chat
    steps). Contact data in ``copy`` and ``events`` is still plain; the steps hash it.
    """

    kind: str
    sender: str  # which software made it, e.g. "shopify"
    order: OrderReport | None = None
    copy: RawEvent | None = None
    buyer: Buyer | None = None
    said: tuple[Touch, ...] = ()
    signs: tuple[tuple[tuple[tuple[str, str], ...], Touch], ...] = ()
    lines: tuple[ParcelLine, ...] = ()  # what a courier says of a parcel, also of one that no order has yet
    events: tuple[RawEvent, ...] = ()
    privacy: PrivacyRequest | None = None
    notes: tuple[str, ...] = ()  # what the shop's developer should know, without personal data


class Ignored(Struct, frozen=True, kw_only=True):
    """A well-formed webhook that says nothing we keep: answered with success, kept as a row with the reason.

    ``reason`` is one short sentence without personal data.
    """

    reason: str
    kind: str = "ignored"
    order_id: str | None = None


class Named(Struct, frozen=True):
    """Things that a body only names, each by its kind and id as ``order:123``. They are asked for at the system itself, by the
    operator's own access: what else the body says counts for nothing."""

    things: tuple[str, ...]


class Part(Struct, frozen=True):
    """One thing of a body that is about several: what it says, and its own text, for where it is refused."""

    found: Reading | Refusal | Ignored
    body: bytes
    notes: tuple[str, ...] = ()


class Several(Struct, frozen=True):
    """A body about several things, each read for itself, in the order in which they stand in it."""

    parts: tuple[Part, ...]


MOST_PARTS = 1_000  # of one body, as events of one batch


def at_place(found: Reading | Refusal | Ignored, place: str) -> Reading | Refusal | Ignored:
    """A refusal with its place in the body before the place in its part."""
    if not isinstance(found, Refusal):
        return found
    return structs.replace(found, path=f"{place}.{found.path}" if found.path else place)


def too_many(count: int) -> Refusal:
    return Refusal(
        reason=DropReason.TOO_MANY,
        expected=f"at most {MOST_PARTS} things in one body",
        got=f"{count}, of which none is taken",
    )


class Source(Struct, frozen=True, kw_only=True):
    """A shop system. Both functions are pure and raise for no input.

    ``signed(body, headers, secrets, now_ms)``: the raw body bytes as received, headers by lower-case name, and every
    secret that is valid now (two while one is being rotated); an empty secret never fits. ``now_ms`` (Unix ms) is
    for schemes that sign a time.
    ``topic(body, headers)``: what the system calls this kind of delivery, empty where it has no word; only for people to see
    which ones come.
    ``in_lists``: a body may be a list of bodies, each of which is read for itself.
    ``names(body, headers)``: what a body only names; None for one that says it itself. Of a source that has it, a secret in the
    address lets in nothing but names.
    ``read(body, headers, options, now_ms)``: also what was fetched for a name. Headers other than the signature are not signed, so what they say may
    only make a copy be left out or choose how the body is read, never what it is worth.
    """

    name: str
    signs_body: bool = True  # False: the sender is known by a password, so its body may have been altered
    in_lists: bool = False
    by_path: bool = False  # True: a secret in the webhook's address does instead of a signature
    topic: Callable[[bytes, Mapping[str, str]], str] = lambda _body, _headers: ""
    is_ping: Callable[[bytes], bool] = lambda _body: False  # a test of the address, which is never signed
    names: Callable[[bytes, Mapping[str, str]], Named | Ignored | None] | None = None
    signed: Callable[[bytes, Mapping[str, str], Sequence[str], int], bool]
    read: Callable[[bytes, Mapping[str, str], SourceOptions, int], Reading | Refusal | Ignored | Several]
