"""What an answer of the gateway means for each event of a request. Pure; no socket and no clock.

Owns the table from answers to fates. Meta's own answers have the same shapes (docs/wire.md), so no other server's
dialect is read here.
"""

from __future__ import annotations

import json
import re
from email.utils import parsedate_to_datetime
from typing import Any, NamedTuple

_INDEX = re.compile(r"data\[([0-9]{1,4})\]")
_MAX_RETRY_AFTER_S = 3_600.0


class Verdict(NamedTuple):
    """``refused`` are (place, reason) of events that are gone; the rest are taken, to be sent again, or unclear."""

    taken: bool  # the others are on the gateway's disk
    refused: tuple[tuple[int, str], ...] = ()
    divide: bool = False  # it is not said which: send the halves
    denied: str = ""  # why nothing will be taken until somebody changes something
    retry_after_s: float = 0.0
    notes: tuple[str, ...] = ()  # what the gateway left out or repaired of what it took


def judge(status: int, body: bytes, sent: int, retry_after: str | None, now_s: float, counted: bool = True) -> Verdict:
    """What becomes of ``sent`` events; ``counted`` when the answer counts them, which a webhook's does not.

    Whatever is not understood is sent again: an id makes a second copy harmless, a lost event is lost.
    """
    if status == 200:
        return _accepted(body, sent) if counted else _stored(body)
    if status in (400, 413, 422):
        return _refused(status, body, sent)
    if status in (401, 403, 404, 405) or 300 <= status < 400:
        return Verdict(False, denied=f"HTTP {status}: {_sentence(body) or 'look at address, dataset and key'}")
    return Verdict(False, retry_after_s=_seconds(retry_after, now_s))


def _accepted(body: bytes, sent: int) -> Verdict:
    """The gateway names every event that it refused among the first of its messages; then come notes on accepted ones."""
    tree = _object(body)
    count = tree.get("events_received")
    if isinstance(count, bool) or not isinstance(count, int):
        return Verdict(False)
    missing, messages = sent - count, tree.get("messages")
    if missing <= 0:
        return Verdict(True, notes=_notes(messages))
    named: dict[int, str] = {}
    for message in messages[:missing] if isinstance(messages, list) else []:
        found = _INDEX.match(message) if isinstance(message, str) else None
        if found and int(found[1]) < sent:
            named.setdefault(int(found[1]), message)
    if len(named) == missing:
        return Verdict(True, tuple(sorted(named.items())), notes=_notes(messages)[missing:])
    if sent == 1:
        return Verdict(True, ((0, "the gateway took nothing and did not say why"),))
    return Verdict(False, divide=True)


def _stored(body: bytes) -> Verdict:
    """One signed body is on disk as a whole; it need not have made an event, so the count says nothing."""
    tree = _object(body)
    return Verdict("events_received" in tree, notes=_notes(tree.get("messages")))


def _notes(messages: Any) -> tuple[str, ...]:
    return tuple(text[:300] for text in messages[:20] if isinstance(text, str)) if isinstance(messages, list) else ()


def _refused(status: int, body: bytes, sent: int) -> Verdict:
    """Nothing was stored. Events that the answer names are gone, the others go again without them."""
    error = _object(body).get("error")
    error = error if isinstance(error, dict) else {}
    if error.get("code") == 33 or error.get("type") == "GraphMethodException":
        return Verdict(False, denied=f"HTTP {status}: the gateway does not know the dataset")
    named: dict[int, str] = {}
    data = error.get("error_data")
    rows: list[Any] = data.get("refused", []) if isinstance(data, dict) else []
    for row in rows if isinstance(rows, list) else []:
        place = row.get("index") if isinstance(row, dict) else None
        if isinstance(place, int) and not isinstance(place, bool) and 0 <= place < sent:
            named.setdefault(place, _reason(row))
    if named:
        return Verdict(False, tuple(sorted(named.items())))
    if sent > 1:
        return Verdict(False, divide=True)
    return Verdict(False, ((0, _sentence(body) or f"HTTP {status}"),))


def _reason(row: dict[str, Any]) -> str:
    where = f"{row.get('path')}: " if row.get("path") else ""
    return (
        f"{where}expected {row.get('expected') or 'another'}, got {row.get('got') or 'nothing'} ({row.get('reason')})"
    )


def _sentence(body: bytes) -> str:
    error = _object(body).get("error")
    texts = [error.get("error_user_msg"), error.get("message")] if isinstance(error, dict) else []
    return next((text[:500] for text in texts if isinstance(text, str) and text), "")


def _object(body: bytes) -> dict[str, Any]:
    try:
        tree = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return tree if isinstance(tree, dict) else {}


def _seconds(header: str | None, now_s: float) -> float:
    """Retry-After as seconds or as a date; 0 when it is absent or cannot be read."""
    text = (header or "").strip()
    if text.isascii() and text.isdigit():
        return min(float(text[:9]), _MAX_RETRY_AFTER_S)
    try:
        return max(0.0, min(parsedate_to_datetime(text).timestamp() - now_s, _MAX_RETRY_AFTER_S))
    except (TypeError, ValueError, IndexError, OverflowError):
        return 0.0
