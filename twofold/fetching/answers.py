"""What a system's answer means for whoever asked: a body, nothing known, patience, or somebody who must act.

Owns these words, and how a token is asked for by a name and a secret. An answer's own words are shown without what looks like a secret or a person.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from twofold.deliver.redact import redact
from twofold.event.scalars import read_lifetime_s
from twofold.fetching.contract import Access, Wait
from twofold.pulling.contract import Problem, Who
from twofold.pulling.exchange import Answer, Exchange, Unreached, retry_after
from twofold.pulling.questions import EXPIRED, FORBIDDEN, NOT_FOUND, UNEXPECTED, UNREACHABLE
from twofold.sources.fetched.order import mail_time

EARLY_S = 60.0
"""So long before its end a token is not used any more."""


def ask(
    access: Access,
    path: str,
    exchange: Exchange,
    headers: Mapping[str, str],
    query: Mapping[str, str] | None = None,
    *,
    may_lack: bool = False,
) -> Answer | None:
    """GET of a path at the system's own address. None for what is not known there, where that may be."""
    try:
        answer = exchange.get(access.base + path, query, headers)
    except Unreached as err:
        raise unreached(access, err) from None
    return judged(access, answer, exchange, may_lack=may_lack)


def content_at(access: Access, path: str, exchange: Exchange, headers: Mapping[str, str]) -> bytes | None:
    """What stands at a path, as it came; None for what is not known there."""
    answer = ask(access, path, exchange, headers, may_lack=True)
    return None if answer is None else answer.content


def judged(access: Access, answer: Answer, exchange: Exchange, *, may_lack: bool = False) -> Answer | None:
    name = access.source.type
    access.told_at = mail_time(answer.headers.get("date"))
    match answer.status:
        case status if 200 <= status < 300:
            return answer
        case 404 | 410 if may_lack:
            return None
        case 401:
            access.memory.clear()
            raise Problem(
                EXPIRED,
                Who.OPERATOR,
                f"{name} does not accept the access of {access.source.shop}; make a new one, and set it",
            )
        case 403:
            raise Problem(FORBIDDEN, Who.OPERATOR, f"{name} does not let this access read orders; give it that right")
        case 404 | 410:
            raise Problem(NOT_FOUND, Who.OPERATOR, f"{name} does not know what was asked for; look at `endpoint`")
        case 429:
            raise Wait(f"{name} asks for patience", retry_after(answer, exchange.now))
        case status if status >= 500:
            raise Problem(UNREACHABLE, Who.PLATFORM, f"{name} answers {status}; it is asked again")
        case status if 300 <= status < 400:
            raise Problem(UNEXPECTED, Who.OPERATOR, f"{name} sends us elsewhere ({status}), which is not followed with access; "
                          "look at `endpoint`")  # fmt: skip
        case status:
            raise Problem(UNEXPECTED, Who.OPERATOR, f"{name} answers {status}{_words(access, answer)}")


def unreached(access: Access, err: Unreached) -> Problem:
    return Problem(UNREACHABLE, Who.NOBODY, f"{access.source.type} could not be reached: {err}; it is asked again")


def unexpected(access: Access, expected: str) -> Problem:
    """An answer in a form that its documents do not have."""
    return Problem(UNEXPECTED, Who.PLATFORM, f"{access.source.type} answered in another form: expected {expected}")


def token_of(
    access: Access,
    path: str,
    body: Mapping[str, str],
    exchange: Exchange,
    headers: Mapping[str, str] | None = None,
    *,
    form: bool = True,
) -> str:
    """An access token for a name and a secret, kept in memory until shortly before its end."""
    kept = access.memory.get(path)
    if kept is not None and kept[1] - EARLY_S > exchange.now:
        return kept[0]
    try:
        answer = exchange.post(access.base + path, body, headers, form=form)
    except Unreached as err:
        raise unreached(access, err) from None
    told: dict[str, Any] = answer.document()
    if answer.status in (400, 401, 403):
        name, shop = access.source.type, access.source.shop
        raise Problem(
            EXPIRED, Who.OPERATOR, f"{name} gives no token for client_id and client_secret of {shop}; set new ones"
        )
    judged(access, answer, exchange)
    token = told.get("access_token")
    if not isinstance(token, str) or not token:
        raise unexpected(access, "an access_token")
    access.memory[path] = (token, exchange.now + read_lifetime_s(told.get("expires_in")))
    return token


def _words(access: Access, answer: Answer) -> str:
    told = answer.document()
    words = next(
        (told[name] for name in ("message", "detail", "title", "error") if isinstance(told.get(name), str)), ""
    )
    return f": {redact(words, *access.secrets)}" if words else ""
