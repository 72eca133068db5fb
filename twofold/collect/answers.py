"""What the doors answer: Meta's success and error shapes, built as bytes.

Owns bodies and statuses only. Every error answer of the gateway has this one envelope; `fbtrace_id` names
the answer so that a sender's log and ours can be joined.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import msgspec

from twofold.event.refusal import MEANING, DropReason, Refusal

encode = msgspec.json.encode
Answered = TypeVar("Answered")

# The 1x1 transparent GIF, the smallest one browsers accept; fixed bytes, so nothing can be read from it.
GIF = base64.b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")

_STATUS = {
    DropReason.BAD_KEY: 401,
    DropReason.BAD_SIGNATURE: 401,
    DropReason.BAD_ORIGIN: 403,
    DropReason.TOO_LARGE: 413,
}


_drawn: list[str] = []  # at once for many answers: drawn one by one they cost half of what an answer does


def trace_id() -> str:
    """An id in the shape of Meta's, a capital A and more characters. Drawn, as whoever can count answers knows what a shop sells."""
    if not _drawn:
        text = os.urandom(11 * 512).hex()
        _drawn.extend(f"A{text[at : at + 22]}" for at in range(0, len(text), 22))
    return _drawn.pop()


def say(trace: str, answer: Callable[[], Answered]) -> Answered:
    """Makes an answer whose id is already known, because what it answers is kept under it."""
    _drawn.append(trace)
    said = answer()
    if _drawn and _drawn[-1] is trace:  # an image tells nobody
        _drawn.pop()
    return said


def accepted(count: int, refused: Sequence[Refusal] = (), notes: Sequence[str] = (), kind: str = "") -> bytes:
    """HTTP 200: how many events are on disk, and one sentence for each that was refused or repaired.

    ``kind``: what a webhook was taken for, as ``classified``.
    """
    if not refused and not notes and not kind:
        return b'{"events_received":%d,"messages":[],"fbtrace_id":"%b"}' % (count, trace_id().encode())
    messages = [r.sentence() for r in refused] + list(notes)
    said: dict[str, Any] = {"events_received": count, "messages": messages[:1000], "fbtrace_id": trace_id()}
    return encode(said | {"classified": kind} if kind else said)


def refused(refusals: Sequence[Refusal]) -> tuple[int, bytes]:
    """(status, body) when nothing could be accepted: Meta's error object, with every refusal in ``error_data``."""
    first = refusals[0]
    meaning, subcode = MEANING[first.reason]
    status = _STATUS.get(first.reason, 400)
    if status == 413:  # else one text or number in an event is too long, not the request
        status = {"body": 413, "address": 414}.get(first.path, 400)
    error: dict[str, Any] = {"message": "Invalid parameter", "type": "OAuthException", "code": 100}
    if first.reason is DropReason.BAD_KEY:
        error |= {"message": "Invalid OAuth access token - Cannot parse access token", "code": 190}
    elif first.reason is DropReason.UNKNOWN_DATASET:
        error |= {"message": "Unsupported post request. Object does not exist", "type": "GraphMethodException"}
    elif first.reason is DropReason.ENVELOPE:
        error |= {"message": "(#100) param data must be non-empty."}
    if subcode is not None:
        error["error_subcode"] = subcode
    error |= {
        "is_transient": False,
        "error_user_title": meaning.partition(".")[0].replace("`", ""),
        "error_user_msg": first.sentence(),
        "error_data": {
            "blame_field_specs": [[_field(r)] for r in refusals[:50]],
            "refused": [_row(r) for r in refusals],
        },
        "fbtrace_id": trace_id(),
    }
    return status, encode({"error": error})


def failed(message: str, *, code: int = 2, transient: bool = True) -> bytes:
    """The body of 429, 500 and 503: transient, so every client of Meta's API tries again. Of 405 and 431 it is not: the same
    request gets the same answer."""
    return encode(
        {
            "error": {
                "message": message,
                "type": "OAuthException",
                "code": code,
                "is_transient": transient,
                "fbtrace_id": trace_id(),
            }
        }
    )


def not_found(path_kind: str) -> bytes:
    """404: the path is none of ours. The path itself is not repeated."""
    return encode(
        {
            "error": {
                "message": f"Unknown path components: {path_kind}",
                "type": "OAuthException",
                "code": 2500,
                "is_transient": False,
                "fbtrace_id": trace_id(),
            }
        }
    )


def _field(refusal: Refusal) -> str:
    where = "" if refusal.index is None else f"data[{refusal.index}]"
    return where + "".join(f"[{part}]" for part in refusal.path.split(".") if part)


def _row(refusal: Refusal) -> dict[str, Any]:
    return {
        "index": refusal.index,
        "path": refusal.path,
        "reason": refusal.reason,
        "expected": refusal.expected,
        "got": refusal.got,
    }
