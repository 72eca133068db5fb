"""Bank of Georgia, Business Online: the statement of an account and currency, with its further pages.

Owns how access is had and how pages are asked until all records that the bank counts are there. Today's activities are not
asked: they are not booked yet, and stand in tomorrow's statement. Facts: chain.md 3.6, from clients and their tests.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from twofold.config import AccountSettings
from twofold.pulling.contract import Platform, Portion, Span
from twofold.pulling.exchange import Exchange, Unreached, basic, bearer, encode_answer
from twofold.pulling.questions import expired, refused, unexpected, unreached

ENDPOINT = "https://api.businessonline.ge"
TOKENS = "https://account.bog.ge/auth/realms/bog/protocol/openid-connect/token"
_DAYS = 31
_MAX_PAGES = 1_000


def fetch(account: AccountSettings, span: Span, exchange: Exchange) -> Iterator[Portion]:
    for part in span.parts(_DAYS):
        headers = bearer(_token(account, exchange))  # one lasts half an hour
        base = f"{account.endpoint or ENDPOINT}/api/statement/{account.id}/{account.currency}"
        first = _ask(account, exchange, f"{base}/{part.since}/{part.until}", headers)
        records = _records(account, first)
        if not isinstance(first, dict):
            raise unexpected(account, "a statement")
        count = first.get("Count")
        known = {_key(record) for record in records}
        number = 1
        while isinstance(count, int) and len(records) < count:
            if number > _MAX_PAGES:
                raise unexpected(account, f"at most {_MAX_PAGES} pages")
            page = _records(account, _ask(account, exchange, f"{base}/{first.get('Id')}/{number}", headers))
            fresh = [record for record in page if _key(record) not in known]
            if not fresh and number > 1:  # the first page may come again as number 1
                raise unexpected(account, f"{count} records in all")
            records += fresh
            known.update(map(_key, fresh))
            number += 1
        told = {**first, "Count": len(records), "Records": records}
        yield Portion(span=part, kind="bank", format="bog-json", account=account.id, currency=account.currency,
                      content=encode_answer(told))  # fmt: skip


def _token(account: AccountSettings, exchange: Exchange) -> str:
    url = f"{account.endpoint}/token" if account.endpoint else TOKENS
    try:
        answer = exchange.post(
            url, {"grant_type": "client_credentials"}, basic(account.client_id, account.client_secret), form=True
        )
    except Unreached as err:
        raise unreached(account, err) from None
    token = answer.document().get("access_token")
    if answer.status == 200 and isinstance(token, str) and token:
        return token
    if answer.status in (400, 401, 403):
        raise expired(account, str(answer.document().get("error", "")))
    raise refused(account, answer)


def _ask(account: AccountSettings, exchange: Exchange, url: str, headers: dict[str, str]) -> Any:
    try:
        answer = exchange.get(url, headers=headers)
    except Unreached as err:
        raise unreached(account, err) from None
    if answer.status != 200:
        raise refused(account, answer)
    return answer.value()


def _records(account: AccountSettings, answer: Any) -> list[dict[str, Any]]:
    records = answer if isinstance(answer, list) else answer.get("Records") if isinstance(answer, dict) else None
    if not isinstance(records, list) or not all(isinstance(record, dict) for record in records):
        raise unexpected(account, "records")
    return list(records)


def _key(record: dict[str, Any]) -> str:
    return repr(sorted(record.items(), key=lambda item: item[0]))


BOG = Platform(name="bog", source="bank", fetch=fetch)
