"""Pipedrive webhooks, version 1 and 2: a deal that reached a stage, was won, lost or opened again.

Owns Pipedrive's field names. Pipedrive signs nothing: it presents the user name and password that were given when the
webhook was made (HTTP Basic). Whoever can read the connection could reuse them, so the webhook needs https.

Platform rules, checked September 2026 (pipedrive.readme.io): "Guide for webhooks" (`current`, `previous`, custom
fields by their 40-character key beside the others, times in UTC without an offset), "Webhooks v2 migration guide"
(`data`, `previous` with the changed fields only, `custom_fields` as objects, times in ISO 8601).
"""

from __future__ import annotations

import base64
import hmac
from collections.abc import Mapping, Sequence
from datetime import UTC
from functools import partial
from typing import Any

from twofold.event.json import read_json
from twofold.event.refusal import DropReason, Refusal, describe
from twofold.event.scalars import read_time_ms
from twofold.sources.contract import Ignored, Reading, Source, SourceOptions
from twofold.sources.crm.deals import Record, first_time, read_record
from twofold.sources.schema import read_id, read_label

SENDER = "pipedrive"
TITLE = "Pipedrive"

_KEYS_OF_EVENTS = 10
_ADDED = ("added", "create")
_UPDATED = ("updated", "change")
_DELETED = ("deleted", "delete")


def signed(body: bytes, headers: Mapping[str, str], secrets: Sequence[str], now_ms: int) -> bool:
    """Does ``Authorization: Basic`` present one of the secrets, each written as ``user:password``?

    The encoded texts are compared, so exactly one spelling fits. The body itself is not signed.
    """
    del body, now_ms
    scheme, _, given = headers.get("authorization", "").partition(" ")
    presented = given.encode("utf-8", "surrogatepass")
    fits = False
    for secret in secrets:
        # Without a colon it could never be presented; an empty user name or password is no secret.
        user, _, password = secret.partition(":")
        expected = base64.b64encode(secret.encode("utf-8", "surrogatepass"))
        fits |= bool(user and password) and hmac.compare_digest(presented, expected)
    return fits and scheme.lower() == "basic"


def read(body: bytes, headers: Mapping[str, str], options: SourceOptions, now_ms: int) -> Reading | Refusal | Ignored:
    """One change of a deal; changes of persons, leads, activities and so on say nothing that is kept."""
    del headers
    tree = read_json(body, events=_KEYS_OF_EVENTS)
    if isinstance(tree, Refusal):
        return tree
    meta = tree.get("meta") if isinstance(tree, dict) else None
    if not isinstance(meta, dict):
        return _refuse("meta", "an object, as Pipedrive's webhooks have", meta)
    what = meta.get("entity", meta.get("object"))
    if what != "deal":
        return Ignored(kind="lead stage", reason="only deals have stages")
    if meta.get("action") in _DELETED:
        return Ignored(kind="lead stage", reason="the deal was deleted")
    if meta.get("action") not in (*_ADDED, *_UPDATED):
        return Ignored(kind="lead stage", reason="neither added nor updated")
    deal, before = tree.get("data", tree.get("current")), tree.get("previous")
    if not isinstance(deal, dict):
        return _refuse("data", "the deal as an object", deal)
    return _deal(deal, before if isinstance(before, dict) else {}, meta, options, now_ms)


def _deal(
    deal: dict[str, Any], before: dict[str, Any], meta: dict[str, Any], options: SourceOptions, now_ms: int
) -> Reading | Refusal | Ignored:
    deal_id = read_id(deal.get("id")) or read_id(meta.get("entity_id", meta.get("id")))
    if deal_id is None:
        return _refuse("data.id", "the deal's id", deal.get("id"))
    is_new = meta.get("action") in _ADDED
    status, old_status = _word(deal.get("status")), _word(before.get("status", deal.get("status")))
    stages = []
    if status and (is_new or status != old_status):
        stages.append(status)
    stage, old_stage = read_id(deal.get("stage_id")), read_id(before.get("stage_id", deal.get("stage_id")))
    if stage and (is_new or stage != old_stage):
        stages.append(stage)
    changed = first_time((_ms(meta.get("timestamp")), _ms(deal.get("update_time"))), now_ms)
    own_time = {"won": "won_time", "lost": "lost_time"}.get(status, "stage_change_time")
    reopened = old_status == "won" and status == "open"
    return read_record(
        Record(
            crm=SENDER,
            title=TITLE,
            id=deal_id,
            stages=tuple(stages),
            won=status == "won",
            lost=status == "lost" or reopened,
            # A deal in its first stage has no time of change, only that of its making.
            reached_at=first_time((_ms(deal.get(own_time)), _ms(deal.get("add_time")) if is_new else None), changed),
            changed_at=changed,
            value=deal.get("value"),
            currency=deal.get("currency"),
            reason="reopened" if reopened else read_label(deal.get("lost_reason")) or "",
            of=partial(_property, deal),
        ),
        options,
    )


def _property(deal: dict[str, Any], name: str) -> Any:
    """A field of the deal, or a custom one: beside the others in version 1, in an object of its own in version 2."""
    custom = deal.get("custom_fields")
    found = custom.get(name) if isinstance(custom, dict) and name in custom else deal.get(name)
    if isinstance(found, dict):
        found = found.get("value")
    if isinstance(found, list):  # version 1 writes a person's e-mail addresses as a list of labelled values
        found = [item.get("value") if isinstance(item, dict) else item for item in found]
    return found


def _ms(value: Any) -> int | None:
    return read_time_ms(value, zone=UTC if isinstance(value, str) and len(value) == 19 else None)


def _word(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _refuse(path: str, expected: str, got: object) -> Refusal:
    return Refusal(reason=DropReason.WRONG_TYPE, path=path, expected=expected, got=describe(got))


PIPEDRIVE = Source(name="pipedrive", signs_body=False, signed=signed, read=read)
