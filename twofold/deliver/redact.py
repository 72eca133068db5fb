"""A platform's free text made fit to keep: what an answer says may echo tokens, hashes and contact data."""

from __future__ import annotations

import re

from twofold.event.contact import ANYBODYS

MAX_NOTE = 300

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]+")


def redact(text: str, *secrets: str) -> str:
    """One line of at most 300 characters without ``secrets`` and without what looks like one or like a person."""
    text = text[:4_000]
    for secret in sorted(secrets, key=len, reverse=True):  # one may begin another
        if secret:
            text = text.replace(secret, "…")
    return ANYBODYS.sub("…", _CONTROL.sub(" ", text)).strip()[:MAX_NOTE]
