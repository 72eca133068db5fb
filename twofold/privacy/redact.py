"""What a journalled body looks like once given things are taken out of it, and how the journal still proves itself.

Owns the new bodies and the statement that puts them in place. The chain over the journal was made from digests of the
bodies as they came; a redacted row keeps that digest in the table `redaction`, so the walk goes on. The digest is salted
and the salt goes with the body: what was taken out cannot be guessed and tested. Who asked, and why, is in `trail`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import msgspec
from msgspec.structs import replace

from twofold.event.model import Channel, CustomData, Event, Tier, UserData, decode_event, encode
from twofold.event.vocabulary import HASHED_FIELDS
from twofold.store.bodies import pack
from twofold.store.engine import Database, id_array
from twofold.store.index.words import Because, mark_stale
from twofold.store.journal import body_digest, plain_digest

ERASED = "erased"
"""Stands where a text was taken out."""

Rename = Callable[[str], str]
"""An id to the id that stands for it from now on; most stay what they are."""


class RetainedPart(StrEnum):
    """What retention takes out at a time of its own."""

    ADDRESS = "address"  # IP address, user agent and language
    CLICK_IDS = "click_ids"  # click ids, browser ids, and the addresses that carry them
    CONTACT = "contact"  # hashed contact data and other ids of a person


_BROWSER_OTHER = frozenset({"anon_id", "madid", "ctwa_clid", "ig_sid"})
_CLICK_PARAMETERS = frozenset({
    "fbclid", "gclid", "gbraid", "wbraid", "dclid", "ttclid", "msclkid", "twclid", "li_fat_id", "epik", "rdt_cid",
    "ScCid", "sccid", "igshid", "yclid", "irclickid", "_kx", "mc_eid", "mkt_tok", "gad_source",
})  # fmt: skip


def without_person(event: Event, rename: Rename) -> Event:
    """An event of which nothing points to a person: what happened, when, for how much and of which goods stays."""
    data = event.custom_data
    return replace(
        event,
        event_id=rename(event.event_id),
        event_source_url=site_of(event.event_source_url),
        referrer_url=site_of(event.referrer_url),
        links=(),
        click_ids={},
        visitor=None,
        locale=None,
        user_data=UserData(),
        forms=(),
        custom_data=CustomData(
            value=data.value,
            currency=data.currency,
            order_id=rename(data.order_id) if data.order_id else None,
            content_type=data.content_type,
            content_ids=data.content_ids,
            contents=tuple(msgspec.structs.replace(c, other={}) for c in data.contents),
            num_items=data.num_items,
        ),
        app_data=None,
        original_event_data=None,
        attribution_data=None,
        customer_segmentation=None,
        test_event_code=None,
        warnings=(),
    )


def without_mentions(body: bytes, wanted: Callable[[str], bool], rename: Rename) -> bytes:
    """A stranger's event in which a person is only mentioned: every text that holds a wanted value is taken out."""
    tree = _swept(msgspec.json.decode(body), wanted)
    event = decode_event(body)
    # What the row must keep to be found and folded gets a name that stands for it.
    tree["event_id"] = rename(event.event_id)
    if event.custom_data.order_id:
        tree["custom_data"]["order_id"] = rename(event.custom_data.order_id)
    for name in ("dataset", "event_name", "channel", "sender", "event_time", "received_at", "tier"):
        tree[name] = getattr(event, name)
    kept: list[str] = [n for n in HASHED_FIELDS if n in tree.get("user_data", {})]
    for name in kept:  # a list of [rule, hash]: a hash that was taken out leaves no pair behind
        pairs = [p for p in tree["user_data"][name] if ERASED not in p]
        tree["user_data"].pop(name)
        if pairs:
            tree["user_data"][name] = pairs
    tree["forms"] = [pair for pair in tree.get("forms", ()) if ERASED not in pair]
    return encode(decode_event(encode(tree)))


def stand_in(
    dataset: str,
    event_name: str,
    event_id: str,
    event_time: int,
    received_at: int,
    channel: str,
    sender: str,
    tier: int,
) -> Event:
    """For a body that nobody can read any more: what the columns beside it say. That it was altered is still found."""
    return Event(
        dataset=dataset,
        event_name=event_name,
        event_id=event_id,
        event_time=event_time,
        received_at=received_at,
        channel=Channel(channel),
        sender=sender,
        tier=Tier(tier),
        user_data=UserData(),
        custom_data=CustomData(),
    )


def without_part(event: Event, part: RetainedPart) -> Event:
    """An event that has outlived the time for which a kind of data is kept."""
    user = event.user_data
    if part is RetainedPart.ADDRESS:
        without = replace(user, client_ip_address=None, client_user_agent=None)
        return replace(event, locale=None, user_data=without)
    if part is RetainedPart.CLICK_IDS:
        other = {k: v for k, v in user.other.items() if k not in _BROWSER_OTHER}
        return replace(
            event,
            click_ids={},
            visitor=None,
            event_source_url=_without_click(event.event_source_url),
            referrer_url=_without_click(event.referrer_url),
            user_data=replace(user, fbc=None, fbp=None, other=other),
        )
    return replace(event, forms=(), user_data=replace(user, other={}, **dict.fromkeys(HASHED_FIELDS, ())))


def site_of(url: str | None) -> str | None:
    """Scheme and host: a path may hold an order's token."""
    if not url:
        return url
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], "/", "", "")) if parts.netloc else None


def put_bodies(engine: Database, rows: Sequence[tuple[int, bytes, bytes | None, bytes, str]], because: Because) -> int:
    """Puts new bodies in place: (position, body before, its salt, body now, event id now). Answers how many rows were
    redacted for the first time; those keep the digest that the chain was made with."""
    changed = [r for r in rows if r[1] != r[3]]
    if not changed:
        return 0
    known = {p for (p,) in engine.run("select_redacted", (id_array(r[0] for r in changed),))}
    marks = [
        (position, body_digest(before, salt or b""), plain_digest(now)) for position, before, salt, now, _ in changed
    ]
    engine.run_rows("upsert_redactions", marks)
    mark_stale(engine, [r[0] for r in changed], because)
    engine.run_rows("redact_events", [(position, pack(now), event_id) for position, _, _, now, event_id in changed])
    return len(changed) - len(known)


def _without_click(url: str | None) -> str | None:
    if not url or "=" not in url:
        return url
    try:
        parts = urlsplit(url)
        pairs = parse_qsl(parts.query, keep_blank_values=True)
    except ValueError:
        return site_of(url)
    kept = [(k, v) for k, v in pairs if k not in _CLICK_PARAMETERS]
    return url if len(kept) == len(pairs) else urlunsplit(parts._replace(query=urlencode(kept)))


def _swept(value: Any, wanted: Callable[[str], bool]) -> Any:
    if isinstance(value, str):
        return ERASED if wanted(value) else value
    if isinstance(value, dict):
        return {(ERASED if wanted(k) else k): _swept(v, wanted) for k, v in value.items()}
    if isinstance(value, list):
        return [_swept(v, wanted) for v in value]
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return 0 if wanted(str(value)) else value
    return value
