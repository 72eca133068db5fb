"""The National Bank of Georgia: one question a day, for all its currencies. Public, without a token."""

from __future__ import annotations

from collections.abc import Iterator

from twofold.config import AccountSettings
from twofold.pulling.contract import Platform, Portion, Span
from twofold.pulling.exchange import Exchange, Unreached
from twofold.pulling.questions import refused, unexpected, unreached

ENDPOINT = "https://nbg.gov.ge"
PATH = "/gw/api/ct/monetarypolicy/currencies/en/json/"
_DAYS = 31  # in one portion


def fetch(account: AccountSettings, span: Span, exchange: Exchange) -> Iterator[Portion]:
    url = (account.endpoint or ENDPOINT) + PATH
    for part in span.parts(_DAYS):
        answers = []
        for day in part.days:
            try:
                answer = exchange.get(url, {"date": day})
            except Unreached as err:
                raise unreached(account, err) from None
            if answer.status != 200:
                raise refused(account, answer)
            if b'"currencies"' not in answer.content:
                raise unexpected(account, "rates as JSON")
            answers.append(answer.content.strip().replace(b"\n", b" "))
        yield Portion(span=part, kind="rates", format="nbg", content=b"\n".join(answers))


NBG = Platform(name="nbg", source="nbg", fetch=fetch)
