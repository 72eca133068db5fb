"""Google Ads Customer Match through the Data Manager API: members are ingested into and removed from a user list.

Owns Google's words. Sources, read November 2026: developers.google.com/data-manager/api, audienceMembers:ingest and :remove, "Upload
members to an audience" (terms of service, compositeData), and the type package google-ads-datamanager 0.9.4 (at most 10,000 members a
request, 10 identifiers a member). Errors, tokens and results that are told later are read as those of events are.
"""

from __future__ import annotations

import re
from typing import Any, Final

import msgspec

from twofold.audiences.platforms.contract import ADD, AccountTarget, Change, Keeper
from twofold.config import AccountSettings
from twofold.destinations import google
from twofold.destinations.contract import (
    AnswerVerdict,
    Grant,
    LaterAnswer,
    PlatformAnswer,
    RefusedEvent,
    Request,
)

_PLACE = re.compile(r"audience_?[mM]embers(?:\.audience_?[mM]embers)?\[(\d{1,5})\]")
GRANTED: Final = {"adUserData": "CONSENT_GRANTED", "adPersonalization": "CONSENT_GRANTED"}


def request(change: Change, target: AccountTarget) -> Request:
    """Consent and accepted terms go with members that are added; a removal needs neither."""
    account = {"accountType": "GOOGLE_ADS", "accountId": target.remote_dataset.replace("-", "")}
    login = target.options.get("login_account")
    destination = {
        "operatingAccount": account,
        **({"loginAccount": {**account, "accountId": login.replace("-", "")}} if login else {}),
        "productDestinationId": change.remote,
    }
    body: dict[str, Any] = {
        "destinations": [destination],
        "audienceMembers": [_member(row.em, row.ph) for row, _ in change.rows],
        "encoding": "HEX",
    }
    if change.kind == ADD:
        body |= {"consent": GRANTED, "termsOfService": {"customerMatchTermsOfServiceStatus": "ACCEPTED"}}
    verb = "ingest" if change.kind == ADD else "remove"
    return Request(
        url=f"{target.endpoint}/{target.version}/audienceMembers:{verb}",
        headers={
            "Content-Type": "application/json",
            "Accept": "application/json",
            "Authorization": f"Bearer {target.token}",
        },
        body=msgspec.json.encode(body),
    )


def _member(em: str, ph: str) -> dict[str, Any]:
    found = ([{"emailAddress": em}] if em else []) + ([{"phoneNumber": ph}] if ph else [])
    return {"compositeData": {"userData": {"userIdentifiers": found}}}


def classify(answer: PlatformAnswer, sent: int) -> AnswerVerdict:
    """As the answers about events; what names a member names it by its place among the members."""
    verdict = google.classify(answer, sent)
    places = dict.fromkeys(int(place) for place in _PLACE.findall(verdict.note) if int(place) < sent)
    if not places:
        return verdict
    return msgspec.structs.replace(verdict, refused=tuple(RefusedEvent(n, verdict.code) for n in sorted(places)))


def _options(account: AccountSettings) -> dict[str, str]:
    """The account's token is the refresh token where an application's id stands beside it."""
    found = {"login_account": account.login_id} if account.login_id else {}
    if account.client_id:
        found |= {
            "client_id": account.client_id,
            "client_secret": account.client_secret,
            "refresh_token": account.token,
        }
    if account.endpoint:
        found["token_url"] = f"{account.endpoint}/token"
    return found


GOOGLE: Final = Keeper(
    platform="google_ads",
    title="Google Ads Customer Match",
    endpoint="https://datamanager.googleapis.com",
    version="v1",
    batch=10_000,
    smallest=100,
    why="Google serves ads to a list from 100 members on who were active in 30 days (1,000 on YouTube), as its help says of audience "
    "lists; of Customer Match alone no number was found",
    request=request,
    classify=classify,
    target=_options,
    grant=Grant(request=google.ask_for_token, read=google.read_token),
    later=LaterAnswer(request=google.ask_later, read=google.read_later, first_s=600, last_s=3 * 86_400),
)
