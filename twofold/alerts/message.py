"""The words of an alert and the forms in which addresses take them.

Owns both. Webhooks are Standard Webhooks, signed as `destinations.webhook` signs. Slack takes `text`; Teams a message with an
Adaptive Card, as its workflows do. Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from email.message import EmailMessage

import msgspec

from twofold.alerts.book import News
from twofold.alerts.weekly import Weekly
from twofold.event.contact import mask_text
from twofold.router.finding import Kind
from twofold.router.review import said_of, shown
from twofold.router.task import Standing
from twofold.router.words import WORDS

GO_TITLES = {
    "go_ending": "A go of an acceptance run ends soon",
    "go_over": "A go of an acceptance run holds no more",
}


def text_of(told: News | Weekly, shop: str) -> list[str]:
    """What is told, as lines."""
    return review_lines(told, shop) if isinstance(told, Weekly) else lines_of(told, shop)


def body_of(told: News | Weekly, now: int) -> bytes:
    """What is told, as a webhook's body."""
    return review_body(told, now) if isinstance(told, Weekly) else webhook_body(told, now)


def review_lines(review: Weekly, shop: str) -> list[str]:
    """A headline, a line a figure with the week before, what stands, and the goes."""
    worse = sum(f.state == "worse" for f in review.figures)
    said = f"{worse} figures worse" if worse else "no figure worse"
    lines = [f"Twofold{f' ({shop})' if shop else ''}: the week's review, {said}, {len(review.findings)} findings"]
    for figure in review.figures:
        now, before = (shown(value, figure.unit) for value in (figure.now, figure.before))
        lines.append(f"{mask_text(said_of(figure))}: {now} (week before {before}) {figure.state}")
    lines += [f"Stands: {title_of(one)}" for one in review.findings]
    for go in review.goes:
        why = f": {'; '.join(go.why)}" if go.why else ""
        lines.append(f"Go to {go.purpose} of dataset {go.dataset}: {go.state}{why}, until {_time(go.expires)}")
    return lines


def review_body(review: Weekly, now: int) -> bytes:
    """The same as data, in the form of Standard Webhooks."""
    figures = [
        {
            "name": mask_text(f.name),
            "now": f.now,
            "before": f.before,
            "unit": f.unit,
            "state": f.state,
            "role": "signal",
        }
        for f in review.figures
    ]
    return msgspec.json.encode(
        {
            "type": "twofold.review",
            "timestamp": datetime.fromtimestamp(now, UTC).isoformat(),
            "data": {"figures": figures, "findings": _told(review.findings), "goes": review.goes},
        }
    )


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
    said = WORDS[Kind(kind)].title if kind in set(Kind) else GO_TITLES.get(kind, kind)
    return f"{said} ({mask_text(about)})" if about else said


def webhook_body(news: News, now: int) -> bytes:
    """``{type, timestamp, data}``, as Standard Webhooks wants it."""
    return msgspec.json.encode(
        {
            "type": "twofold.findings",
            "timestamp": datetime.fromtimestamp(now, UTC).isoformat(),
            "data": {"began": _told(news.began), "ended": _told(news.ended)},
        }
    )


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
