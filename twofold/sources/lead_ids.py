"""The click on an ad that began a chat, from Meta's WhatsApp, Messenger and Instagram webhooks.

Owns the parts of those webhooks that say which ad a conversation came from. Messages themselves are never kept.

Platform rules, checked September 2026 (Meta for Developers): "WhatsApp webhooks: messages" (`referral.ctwa_clid`),
"messaging_referrals" and "messaging_postbacks" of the Messenger Platform, "Instagram messaging webhooks".
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from msgspec import Struct

from twofold.event.model import RawEvent
from twofold.event.vocabulary import MESSAGING_EVENTS
from twofold.sources.chat_ids import CHAT_KINDS, digest, private_id, route
from twofold.sources.contract import Ignored, Reading, SourceOptions
from twofold.touch.model import Touch, TouchKind
from twofold.touch.source import clean_text

REFERRAL = "referral"  # the stage under which options.stages names the event of a click that began a chat

_MAX_REFERRALS = 500
_CHANNEL_OF = {"whatsapp_business_account": "whatsapp", "page": "messenger", "instagram": "instagram"}


class _Click(Struct, frozen=True):
    """A message that began with a click on an ad."""

    at: int  # Unix s
    ids: dict[str, Any]
    person: str  # whom the conversation is with, in the channel's own terms
    message: str
    phone: str = ""
    touch: Touch | None = None
    is_ad: bool = True


def read_clicks(tree: dict[str, Any], options: SourceOptions, sender: str) -> Reading | Ignored:
    """One webhook of Meta's: an event for each click, under the name that `stages` gives to a referral."""
    channel = _CHANNEL_OF.get(tree["object"]) if isinstance(tree["object"], str) else None
    if channel is None:
        return Ignored(kind="chat message", reason="not of WhatsApp, Messenger or Instagram")
    clicks = list(_clicks(tree, channel))[:_MAX_REFERRALS]
    if not clicks:
        return Ignored(kind="chat message", reason="no message that began with a click on an ad; messages are not kept")
    signs = tuple((_ids_of(click), click.touch) for click in clicks if click.touch is not None)
    ads = [click for click in clicks if click.is_ad]
    name = options.stages.get(REFERRAL)
    if name is None or not ads:
        note = (
            'kept as a touch; a chat that an ad began is no sale: set stages = { referral = "LeadSubmitted" } to send it'
            if ads
            else "kept as a touch; no ad began it"
        )
        return Reading(kind="chat referral", sender=sender, signs=signs, notes=(note,))
    if name not in MESSAGING_EVENTS or name == "Purchase":
        note = "kept as a touch; stages.referral names no messaging event that a click can be"
        return Reading(kind="chat referral", sender=sender, signs=signs, notes=(note,))
    notes: list[str] = []
    events = tuple(_lead(click, name, channel, notes) for click in ads)
    return Reading(kind="chat referral", sender=sender, events=events, signs=signs, notes=tuple(dict.fromkeys(notes)))


def _lead(click: _Click, name: str, channel: str, notes: list[str]) -> RawEvent:
    way = route(channel, click.ids, {"ph": click.phone} if click.phone else {}, notes)
    return RawEvent(
        event_name=name,
        event_time=click.at,
        # A WhatsApp message's id holds the phone number in base64, so ids go through a digest.
        event_id=f"{name}.chat.{digest(click.message)}",
        action_source=way.action_source,
        messaging_channel=way.messaging_channel,
        user_data=way.user_data,
        links=[f"conversation:{private_id(click.person)}"],
    )


def _clicks(tree: dict[str, Any], channel: str) -> Iterator[_Click]:
    read_entry = _of_whatsapp if channel == "whatsapp" else _of_messenger
    for entry in _objects(tree.get("entry")):
        yield from read_entry(entry, channel)


def _of_whatsapp(entry: dict[str, Any], _channel: str) -> Iterator[_Click]:
    """`changes[].value.messages[]`; the entry's id is the business account's."""
    for change in _objects(entry.get("changes")):
        value = change.get("value")
        for message in _objects(value.get("messages") if isinstance(value, dict) else None):
            referral, sender, sent = (
                message.get("referral"),
                _word(message.get("from")),
                _word(message.get("timestamp")),
            )
            if not isinstance(referral, dict) or not sender or not _is_time(sent):
                continue
            ids = {
                "whatsapp_business_account_id": _word(entry.get("id")),
                "ctwa_clid": _word(referral.get("ctwa_clid")),
            }
            of = _word(message.get("id")) or f"{sender}/{sent}"
            touch = Touch(
                at=int(sent),
                kind=TouchKind.CHAT,
                source="whatsapp",
                click="ctwa_clid" if ids["ctwa_clid"] else "",
                ad_id=_ad(referral.get("source_id")) if _word(referral.get("source_type")).lower() == "ad" else "",
                content=clean_text(_word(referral.get("source_type")).lower()),
            )
            yield _Click(int(sent), ids, sender, of, phone=sender, touch=touch)


def _of_messenger(entry: dict[str, Any], channel: str) -> Iterator[_Click]:
    """`messaging[]`: a referral of its own, inside the postback that opened the chat, or inside the first message."""
    names = ("page_id", "page_scoped_user_id") if channel == "messenger" else ("ig_account_id", "ig_sid")
    for item in _objects(entry.get("messaging")):
        message, postback, sender = item.get("message"), item.get("postback"), item.get("sender")
        inside = [part for part in (item, postback, message) if isinstance(part, dict)]
        referral = next((part["referral"] for part in inside if isinstance(part.get("referral"), dict)), None)
        person = _word(sender.get("id")) if isinstance(sender, dict) else ""
        sent = _word(item.get("timestamp"))
        if referral is None or not person or not _is_time(sent):
            continue
        mid = next((_word(part["mid"]) for part in inside if part.get("mid")), "")
        ids = dict(zip(names, (_word(entry.get("id")), person), strict=True))
        touch = Touch(
            at=int(sent) // 1000,
            kind=TouchKind.CHAT,
            source=channel,
            ad_id=_ad(referral.get("ad_id")),
            medium=clean_text(_word(referral.get("source")).lower()),
            content=clean_text(_word(referral.get("ref"))),
        )
        of = mid or f"{person}/{sent}"
        yield _Click(int(sent) // 1000, ids, person, of, touch=touch, is_ad=_is_ad(referral))


def _ids_of(click: _Click) -> tuple[tuple[str, str], ...]:
    """By what the order of this chat may be known: its conversation, and the ids that Meta gives the person or the click."""
    own = ((kind, str(click.ids[kind])) for kind in CHAT_KINDS if click.ids.get(kind))
    return (("conversation", private_id(click.person)), *own)


def _ad(value: Any) -> str:
    text = _word(value)
    return text if text.isascii() and text.isdigit() and len(text) <= 25 else ""


def _is_ad(referral: dict[str, Any]) -> bool:
    """A link with a ``ref`` (m.me, ig.me) opens a chat too, but no ad did."""
    return bool(referral.get("ad_id")) or referral.get("source") == "ADS"


def _objects(value: Any) -> Iterator[dict[str, Any]]:
    return (item for item in value if isinstance(item, dict)) if isinstance(value, list) else iter(())


def _word(value: Any) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return value if isinstance(value, str) and len(value) <= 512 else ""


def _is_time(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 14
