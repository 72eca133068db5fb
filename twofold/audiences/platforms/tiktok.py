"""TikTok's audiences by its streaming API: rows are mapped to and from an audience segment.

Owns TikTok's words. Sources, read November 2026: Segment's action-destinations and RudderStack's transformer (segment/mapping, its fields
and the header; code that runs there), TikTok's help pages (digests of addresses and of telephones in E.164 with the plus; 1,000 matched
people). The portal's page of this endpoint was not readable: how many rows a request may have is not known, so few are sent.
"""

from __future__ import annotations

from typing import Final

import msgspec

from twofold.audiences.platforms.contract import ADD, AccountTarget, Change, Keeper
from twofold.destinations.contract import Request
from twofold.destinations.social import tiktok

_SCHEMA = ("EMAIL_SHA256", "PHONE_SHA256")


def request(change: Change, target: AccountTarget) -> Request:
    """Each row names the audience beside each digest; a digest that it has not is an empty object."""
    body = {
        "advertiser_ids": [target.remote_dataset],
        "action": "add" if change.kind == ADD else "delete",
        "id_schema": _SCHEMA,
        "batch_data": [[_named(row.em, change.remote), _named(row.ph, change.remote)] for row, _ in change.rows],
    }
    return Request(
        url=f"{target.endpoint}/open_api/{target.version}/segment/mapping/",
        headers={"Content-Type": "application/json", "Accept": "application/json", "Access-Token": target.token},
        body=msgspec.json.encode(body),
    )


def _named(digest: str, audience: str) -> dict[str, object]:
    return {"id": digest, "audience_ids": [audience]} if digest else {}


TIKTOK: Final = Keeper(
    platform="tiktok",
    title="TikTok audiences",
    endpoint="https://business-api.tiktok.com",
    version="v1.3",
    batch=1_000,
    smallest=1_000,
    why="TikTok's help asks for 1,000 matched people before a list can be used",
    request=request,
    classify=tiktok.classify,
)
