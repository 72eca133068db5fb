"""Meta's customer lists: rows are added to and taken off a Custom Audience.

Owns Meta's words. Sources, read November 2026: Marketing API, "Custom Audience Users" and "Customer File Custom Audiences" (schema, at
most 10,000 rows a request, session), "Value-Based Lookalikes" (LOOKALIKE_VALUE), "Lookalike Audiences" (100 members); facebook-business
26.0.3, whose CustomAudience has POST and DELETE on /users. That DELETE takes its payload in the body is from public code only.
"""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import quote, urlencode

import msgspec

from twofold.audiences.platforms.contract import ADD, AccountTarget, Change, Keeper
from twofold.destinations import meta, parts
from twofold.destinations.contract import AnswerOutcome, AnswerVerdict, PlatformAnswer, Request

BLOCKED: Final = 1713230
"""Subcode of a list that Meta has flagged: a person must resolve it there."""
_SCHEMA = ("EMAIL", "PHONE")


def request(change: Change, target: AccountTarget) -> Request:
    """One form; the token stands in its body, never in the address."""
    valued = change.valued and change.kind == ADD
    payload = {
        "schema": [*_SCHEMA, *(("LOOKALIKE_VALUE",) if valued else ())],
        "data": [[row.em, row.ph, *((msgspec.Raw(value.encode() or b"0"),) if valued else ())] for row, value in change.rows],
    }  # fmt: skip
    session = {
        "session_id": change.session,
        "batch_seq": 1,
        "last_batch_flag": True,
        "estimated_num_total": len(change.rows),
    }
    form = {
        "payload": msgspec.json.encode(payload).decode(),
        "session": msgspec.json.encode(session).decode(),
        "access_token": target.token,
    }
    return Request(
        method="POST" if change.kind == ADD else "DELETE",
        url=f"{target.endpoint}/{target.version}/{quote(change.remote, safe='')}/users",
        headers={"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"},
        body=urlencode(form).encode(),
    )


def classify(answer: PlatformAnswer, sent: int) -> AnswerVerdict:
    """An error as Meta's errors are read everywhere; a yes is one that counts the rows."""
    tree = parts.read_object(answer)
    if tree is None or isinstance(tree.get("error"), dict) or not 200 <= (answer.status or 0) < 300:
        return _judge_error(answer, tree, sent)
    received, invalid = _whole(tree.get("num_received")), _whole(tree.get("num_invalid_entries"))
    if received is None:
        return AnswerVerdict(
            outcome=AnswerOutcome.AMBIGUOUS, code=f"http-{answer.status}", note="the answer counts no rows"
        )
    if received != sent:
        note = f"sent {sent} rows, the answer counts {received}"
        return AnswerVerdict(outcome=AnswerOutcome.PARTIAL, code=f"http-{answer.status}", note=note)
    # Which rows are invalid the answer shows by samples of them; those are people, and are not kept.
    return AnswerVerdict(outcome=AnswerOutcome.ACCEPTED, note=f"{invalid} rows invalid" if invalid else "")


def _judge_error(answer: PlatformAnswer, tree: dict[str, Any] | None, sent: int) -> AnswerVerdict:
    verdict = meta.classify(answer, sent)
    error = tree.get("error") if tree is not None else None
    if isinstance(error, dict) and error.get("error_subcode") == BLOCKED:
        return msgspec.structs.replace(verdict, outcome=AnswerOutcome.CREDENTIALS)
    return verdict


def _whole(value: Any) -> int | None:
    """A count; Meta writes numbers also as text."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 10:
        return int(value)
    return value if type(value) is int and 0 <= value < 10**9 else None


META: Final = Keeper(
    platform="meta",
    title="Meta Custom Audiences",
    endpoint="https://graph.facebook.com",
    version=meta.API_VERSION,
    batch=10_000,
    smallest=100,
    why="Meta's help advises against lists of fewer than 100 people, and a lookalike needs an origin of 100 members",
    request=request,
    classify=classify,
)
