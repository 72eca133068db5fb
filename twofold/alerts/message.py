"""The words of an alert and the forms in which addresses take them.

Owns both. Webhooks are Standard Webhooks: the signature is HMAC-SHA256 over `id.timestamp.body`, the secret base64 behind
`whsec_`. Slack takes `text`; Teams a message with an Adaptive Card, as its workflows do. Pure.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Sequence
from datetime import UTC, datetime
from email.message import EmailMessage

import msgspec

from twofold.alerts.book import News
from twofold.event.contact import holds_contact, mask_text
from twofold.router.finding import Kind
from twofold.router.task import Standing
from twofold.router.words import WORDS

SECRET_PREFIX = "whsec_"  # of every secret of Standard Webhooks


def lines_of(news: News, shop: str) -> list[str]:
    """A headline, then a line or two a finding."""
    parts = [f"{len(news.began)} began" if news.began else "", f"{len(news.ended)} ended" if news.ended else ""]
    lines = [f"Twofold{f' ({shop})' if shop else ''}: {', '.join(filter(None, parts))}"]
    for one in news.began:
        lines += [f"Began: {title_of(one)}, since {_time(one.since)}", f"  Not yet: {one.do_not_yet}"]
    lines += [f"Ended: {title_of(one)}" for one in news.ended]
    return lines


def title_of(one: Standing) -> str:
    """What is wrong, and with whom; what a sender wrote is masked where it looks like contact data."""
    kind, _, about = one.name.partition(":")
    said = WORDS[Kind(kind)].title if kind in set(Kind) else kind
    if not about:
        return said
    return f"{said} ({mask_text(about) if holds_contact(about) else about})"


def webhook_body(news: News, now: int) -> bytes:
    """``{type, timestamp, data}``, as Standard Webhooks wants it."""
    return msgspec.json.encode(
        {
            "type": "twofold.findings",
            "timestamp": datetime.fromtimestamp(now, UTC).isoformat(),
            "data": {"began": _told(news.began), "ended": _told(news.ended)},
        }
    )


def webhook_headers(body: bytes, message: str, now: int, secret: str) -> dict[str, str]:
    """``message``: the same for every try of one body."""
    signed = hmac.digest(secret_bytes(secret), f"{message}.{now}.".encode() + body, hashlib.sha256)
    return {
        "content-type": "application/json",
        "webhook-id": message,
        "webhook-timestamp": str(now),
        "webhook-signature": f"v1,{base64.b64encode(signed).decode()}",
    }


def secret_bytes(secret: str) -> bytes:
    """Raises `ValueError` for one that is none: expected `whsec_` and base64 of 24 to 64 bytes."""
    try:
        key = base64.b64decode(secret.removeprefix(SECRET_PREFIX), validate=True)
    except binascii.Error:
        key = b""
    if not secret.startswith(SECRET_PREFIX) or not 24 <= len(key) <= 64:
        raise ValueError("expected whsec_ and base64 of 24 to 64 bytes")
    return key


def slack_body(lines: Sequence[str]) -> bytes:
    """An incoming webhook's."""
    text = "\n".join(lines).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return msgspec.json.encode({"text": text})


def teams_body(lines: Sequence[str]) -> bytes:
    """An Adaptive Card in a message."""
    blocks = [{"type": "TextBlock", "text": line.strip(), "wrap": True} for line in lines]
    card = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": blocks,
    }
    content = {"contentType": "application/vnd.microsoft.card.adaptive", "content": card}
    return msgspec.json.encode({"type": "message", "attachments": [content]})


def mail_of(lines: Sequence[str], sender: str, to: str) -> EmailMessage:
    """One line as the subject, all as the text."""
    mail = EmailMessage()
    mail["From"], mail["To"] = sender, to
    mail["Subject"] = lines[0].replace("\r", " ").replace("\n", " ")
    mail.set_content("\n".join(lines) + "\n")
    return mail


def _told(some: Sequence[Standing]) -> list[dict[str, object]]:
    return [
        {
            "finding": one.name.partition(":")[0],
            "title": title_of(one),
            "since": one.since,
            "do_not_yet": one.do_not_yet,
        }
        for one in some
    ]


def _time(at: int) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M UTC")
