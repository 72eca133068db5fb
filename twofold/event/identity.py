"""Which copies are one action: event id rules and fold keys.

A fold key is (dataset, event_name, event_id); a Purchase also has (dataset, order id), so that two senders
with different ids still make one Purchase. Keys are stored as 16-byte digests: narrow, and of one length
whatever a sender puts into an id. The text before the digest has separators no id can contain.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from hashlib import blake2b

from twofold.event.contact import mask_id
from twofold.event.mending import stand_in
from twofold.event.model import Event
from twofold.event.scalars import id_text, names_nobody
from twofold.event.vocabulary import MAX_ID

ORDER_EVENTS = frozenset({"Purchase"})
"""Events that stand for an order, of which there is one per order id."""


ORDER_LINKS = frozenset({"order", "payment", "session", "charge", "checkout", "order_key", "invoice"})
"""Kinds of links that belong to one order alone. A cart may be ordered twice, a conversation goes on."""

_NUMBER_LINKS = frozenset({"number", "name"})
COUNTED_LINKS = frozenset({"order", "number", "name"})
"""Kinds of links that anybody can count."""

SECRET_LENGTH = 16  # characters; a cart or checkout token is longer, an order's number shorter
_GID = "gid://"  # Shopify's ids of any object, as its GraphQL and its customer events write them


def read_event_id(value: object) -> str | None:
    """The id as exact text (a whole number becomes its digits); None when it cannot be one."""
    text = id_text(value)
    return text if text is not None and 0 < len(text) <= MAX_ID and text.isprintable() else None


def without_contact(event_id: str) -> str:
    """The id itself, or a digest of it when it holds an e-mail address: equal ids stay equal, and nobody is named."""
    if mask_id(event_id) == event_id:
        return event_id
    return stand_in(event_id)


def make_event_id() -> str:
    """An id for a copy that came without one; it is unique, so it claims no fold key."""
    return f"tf-{uuid.uuid4().hex}"


def id_key(dataset: str, event_name: str, event_id: str) -> bytes:
    """16-byte digest of (dataset, event_name, event_id)."""
    digest = _empty()
    digest.update(f"e\0{dataset}\0{event_name}\0{event_id}".encode())
    return digest.digest()


def order_key(dataset: str, event_name: str, order_id: str) -> bytes:
    """16-byte digest of (dataset, event_name, order id)."""
    digest = _empty()
    digest.update(f"o\0{dataset}\0{event_name}\0{order_id}".encode())
    return digest.digest()


_empty = blake2b(digest_size=16).copy  # costs two thirds of beginning anew, and each event asks


def fold_keys(event: Event) -> list[bytes]:
    """The keys this copy claims, the event id's first. Empty when it has neither id nor order.

    business_messaging is left out of nothing here: Meta does not deduplicate it, so we must.
    """
    keys = []
    if event.id_given:
        keys.append(id_key(event.dataset, event.event_name, event.event_id))
    if event.event_name in ORDER_EVENTS:
        keys += order_keys(event.dataset, event.event_name, event.custom_data.order_id, event.links, event.shop)
    return keys


def order_keys(
    dataset: str, event_name: str, order_id: str | None, links: Sequence[str], shop: str = ""
) -> list[bytes]:
    """One key for each name of an order: its id first, then the links that belong to it alone.

    ``shop``: whose ids and numbers these are, where several shops of a dataset number alike.
    """
    if not order_id and not links:
        return []
    if not links and not shop:  # as most copies have it
        return [order_key(dataset, event_name, _bare(f"order:{bare_order(order_id or '')}"))]
    names = [f"order:{bare_order(order_id)}"] if order_id else []
    names += [name for name in links if is_order_name(name, order_id or "")]
    return [order_key(dataset, event_name, of_shop(shop, name, _bare(name))) for name in dict.fromkeys(names)]


def named_order(event: Event) -> str | None:
    """What a copy calls its order: by its own field, else by the first link that numbers one."""
    if event.custom_data.order_id:
        return event.custom_data.order_id
    return next((value for kind, _, value in (n.partition(":") for n in event.links) if kind in COUNTED_LINKS), None)


def is_secret_link(link: str) -> bool:
    """True for a link that works as a key: whoever names it holds it. What can be counted is none."""
    kind, _, value = link.partition(":")
    return kind not in COUNTED_LINKS and len(value) >= SECRET_LENGTH and not value.isdigit() and not names_nobody(value)


def is_order_name(link: str, order_id: str) -> bool:
    """True for a link ("kind:value") that names one order.

    An order number names it too where numbers and ids cannot be taken for each other: Shopify's ids have thirteen
    digits, others have letters (id 41001 and number RE-2026/0042, id c0ffee-7781 and number 10452). Where both are
    digits and of like length, number 1001 may be one order and id 1001 another.
    """
    kind, _, value = link.partition(":")
    if kind not in ORDER_LINKS and kind not in _NUMBER_LINKS:
        return False
    if names_nobody(value):  # what a shop writes of every order of which it knows nothing: "0", a hash of nothing
        return False
    if kind in ORDER_LINKS:
        return True
    number, order_id = bare_order(value), bare_order(order_id)
    if not number or not order_id:
        return False
    if number.isdigit() != order_id.isdigit():
        return True
    return order_id.isdigit() and len(order_id) >= 10 and len(number) <= len(order_id) - 3


def bare_order(text: str) -> str:
    """An order's id or number without what shops put around it: "#1001", "gid://shopify/Order/5678?key=…"."""
    if text.startswith(_GID):
        text = text.partition("?")[0].rstrip("/").rpartition("/")[2]
    return text.lstrip("#")


def of_shop(shop: str, name: str, text: str) -> str:
    """The text under which a name is kept: ids and numbers with their shop, where it is given. Others are unique."""
    kind = name.partition(":")[0]
    return f"{shop}\0{text}" if shop and (kind == "order" or kind in _NUMBER_LINKS) else text


def _bare(name: str) -> str:
    """Ids and numbers of orders share one key, as browsers send either for ``order_id``."""
    kind, _, value = name.partition(":")
    return bare_order(value) if kind == "order" or kind in _NUMBER_LINKS else name
