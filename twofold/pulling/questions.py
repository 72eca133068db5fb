"""What answers have in common, whoever gave them: who must act on a refusal, and how access is renewed.

Owns the words of a problem. A platform's own words are shown only without what looks like a credential or a person.
"""

from __future__ import annotations

from collections.abc import Mapping

from twofold.config import AccountSettings
from twofold.deliver.redact import redact
from twofold.pulling.contract import Problem, Who
from twofold.pulling.exchange import Answer, Exchange, Unreached

EXPIRED = "expired_token"
FORBIDDEN = "no_permission"
THROTTLED = "throttled"
UNREACHABLE = "unreachable"
UNEXPECTED = "unexpected_answer"
NOT_FOUND = "not_found"


def shown(account: AccountSettings, text: str) -> str:
    """A platform's words, fit to be shown."""
    return redact(text, account.token, account.client_secret, account.developer_token, account.client_id)


def unreached(account: AccountSettings, err: Unreached) -> Problem:
    return Problem(
        UNREACHABLE, Who.NOBODY, f"{account.platform} could not be reached: {err}; the next pull tries again"
    )


def refused(account: AccountSettings, answer: Answer, words: str = "") -> Problem:
    """An answer that is none, by its status."""
    said = f": {shown(account, words)}" if words else ""
    match answer.status:
        case 401:
            return expired(account, words)
        case 403:
            return Problem(FORBIDDEN, Who.OPERATOR, f"{account.platform} does not let this token read the account{said}; "
                           "give it the right to read reports")  # fmt: skip
        case 404:
            return Problem(NOT_FOUND, Who.OPERATOR, f"{account.platform} does not know what was asked for{said}; look at "
                           "`id`, `endpoint` and `version`")  # fmt: skip
        case 429:
            return throttled(account)
        case status if status >= 500:
            return Problem(
                UNREACHABLE, Who.PLATFORM, f"{account.platform} answers {status}{said}; the next pull tries again"
            )
        case status if 300 <= status < 400:
            return Problem(UNEXPECTED, Who.OPERATOR, f"{account.platform} sends us elsewhere ({status}), which is not "
                           "followed with a token; look at `endpoint`")  # fmt: skip
        case status:
            return Problem(UNEXPECTED, Who.OPERATOR, f"{account.platform} answers {status}{said}")


def expired(account: AccountSettings, words: str = "") -> Problem:
    said = f": {shown(account, words)}" if words else ""
    return Problem(EXPIRED, Who.OPERATOR, f"{account.platform} does not accept the token of {account.name}{said}; make a "
                   "new one, and set it")  # fmt: skip


def throttled(account: AccountSettings) -> Problem:
    return Problem(THROTTLED, Who.NOBODY, f"{account.platform} asks us to wait longer than one pull does; the next one "
                   "goes on")  # fmt: skip


def unexpected(account: AccountSettings, what: str) -> Problem:
    return Problem(UNEXPECTED, Who.PLATFORM, f"{account.platform}: expected {what}, got another answer")


def renewed_token(account: AccountSettings, exchange: Exchange, url: str, body: Mapping[str, str]) -> str:
    """An access token by OAuth. Raises `Problem`."""
    try:
        answer = exchange.post(url, body, form=True)
    except Unreached as err:
        raise unreached(account, err) from None
    told = answer.document()
    token = told.get("access_token")
    if answer.status == 200 and isinstance(token, str) and token:
        return token
    words = f"{told.get('error', '')} {told.get('error_description', '')}".strip()
    if answer.status in (400, 401, 403):  # `invalid_grant`: the refresh token was withdrawn or has run out
        raise expired(account, words)
    raise refused(account, answer, words)
