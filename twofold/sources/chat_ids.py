"""What an event of a chat must carry for Meta, and what it must not: channels, their ids, and private conversation ids.

Owns the rules of Meta's "Conversions API for business messaging" page (read September 2026). Used by every source
that can tell of a sale in Messenger, WhatsApp or Instagram.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from hashlib import blake2b
from typing import Any

from msgspec import Struct

from twofold.event.contact import names_somebody

# channel -> the sets of ids of which one must be complete for `business_messaging`.
REQUIRED: dict[str, tuple[tuple[str, ...], ...]] = {
    "messenger": (("page_id", "page_scoped_user_id"),),
    "whatsapp": (("whatsapp_business_account_id", "ctwa_clid"), ("page_id", "ctwa_clid")),
    "instagram": (("ig_account_id", "ig_sid"), ("instagram_business_account_id", "ig_sid")),
}
IDS = tuple(dict.fromkeys(name for sets in REQUIRED.values() for names in sets for name in names))

CHAT_KINDS = ("page_scoped_user_id", "ig_sid", "ctwa_clid")
"""Ids that name the person or the click of one chat."""

# Meta refuses messaging events that carry these (2804064).
_OF_BROWSERS = ("client_ip_address", "client_user_agent", "fbc", "fbp")
# Chat tools use the phone number, on Messenger sometimes an e-mail address, as the conversation's id.
_LINK_VALUE = re.compile(r"[!-~]{1,200}")  # what a link may hold; other ids are named by their digest
_PHONE = re.compile(r"\+?[0-9][0-9 ().-]{5,18}[0-9]")


class Route(Struct, frozen=True):
    """How a chat event is told to the platform."""

    action_source: str  # "business_messaging", or "chat" when the ids for it are missing
    messaging_channel: str | None
    user_data: dict[str, Any]


def route(channel: str, ids: Mapping[str, Any], contact: Mapping[str, Any], notes: list[str]) -> Route:
    """The action source that the ids allow, and user data without what Meta refuses there.

    A WhatsApp chat that no ad began has no ``ctwa_clid``: it is still a sale, and `chat` is Meta's word for it. So
    are incomplete ids, with a note that says which are missing.
    """
    known = {name: ids[name] for name in IDS if ids.get(name)}
    user = {key: value for key, value in contact.items() if key not in _OF_BROWSERS}
    if any(known.keys() >= set(names) for names in REQUIRED[channel]):
        return Route("business_messaging", channel, user | known)
    missing = [name for name in REQUIRED[channel][0] if name not in known]
    notes.append(f"{channel} without {' and '.join(missing)}: sent with action_source chat, matched by contact data")
    return Route("chat", None, user)


def private_id(conversation: str) -> str:
    """The conversation's id, or a digest of it when it can be a phone number or an e-mail address, or is no link."""
    digits = re.sub(r"\D", "", conversation)
    phone = _PHONE.fullmatch(conversation) is not None and len(digits) <= 15  # E.164; page-scoped ids are longer
    if phone or names_somebody(conversation) or not _LINK_VALUE.fullmatch(conversation):
        return digest(digits if phone else conversation.strip().lower())
    return conversation


def digest(text: str) -> str:
    """A short name for a text that must not be kept; equal texts, equal names."""
    return f"tf-{blake2b(text.encode('utf-8', 'surrogatepass'), digest_size=16).hexdigest()}"
